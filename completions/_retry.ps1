
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'retry' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    # The first word that is neither an option nor the value of one is the command. From there on it
    # is a command line of its own.
    $valued = @('-r', '--retries', '--attempts', '-t', '--timeout', '--deadline', '--timeout-signal', '--kill-after', '--leftovers', '--idle-timeout', '--consecutive', '-b', '--base', '-f', '--factor', '-m', '--max-delay', '-j', '--jitter', '--backoff', '--delays', '--initial-delay', '--stagger', '--reset-after', '--max-retry-after', '--seed', '--retry-on', '--stop-on', '--success-on', '--preset-file', '--retry-on-output', '--stop-on-output', '--success-on-output', '--require-output', '--retry-if', '--flaky-exit', '--stdin', '--stdout', '--stderr', '--before-retry', '--fallback', '--breaker', '--breaker-failures', '--breaker-rate', '--breaker-min-attempts', '--breaker-window', '--breaker-open', '--budget', '--budget-ratio', '--budget-burst', '--state', '--reset-state', '--log', '--log-format', '--report', '--junit', '--ci', '--progress', '--color', '--label', '--stats', '--html', '--generate')
    $index = 1
    $ended = $false
    $option = ''
    while ($index -lt $commandElements.Count -and $commandElements[$index].Extent.EndOffset -lt $cursorPosition) {
        $word = $commandElements[$index].Extent.Text
        if ($word -ceq '--') {
            $index += 1
            $ended = $true
            break
        }
        if ($word -ceq '-' -or -not $word.StartsWith('-')) {
            break
        }
        # -qr 3 is -q -r 3
        $word = $word -creplace '^-[OqvhV]+(?=.)', '-'
        $option = ''
        $index += 1
        if ($valued -ccontains $word) {
            $option = $word
            $index += 1
        }
    }
    # Its value is still to come, or is what is being typed.
    if ($option -ne '' -and ($index -gt $commandElements.Count -or $commandElements[$index - 1].Extent.EndOffset -ge $cursorPosition)) {
        $values = @(switch -CaseSensitive ($option) {
            '--timeout-signal' { 'TERM', 'INT', 'HUP', 'QUIT', 'KILL', 'ABRT', 'USR1', 'USR2' }
            '--leftovers' { 'keep', 'end' }
            '-j' { 'full', 'equal', 'decorrelated', 'none', '20%', '+-0.3' }
            '--jitter' { 'full', 'equal', 'decorrelated', 'none', '20%', '+-0.3' }
            '--backoff' { 'exponential', 'linear', 'fibonacci', 'constant' }
            '--retry-after' { 'stderr', 'stdout', 'both' }
            '--retry-on' { 'nonzero', 'signal', 'timeout', 'spawn', 'ansible', 'apk', 'apt', 'aws', 'az', 'brew', 'bundler', 'cargo', 'composer', 'conda', 'curl', 'dnf', 'docker', 'dotnet', 'gcloud', 'gh', 'git', 'go', 'gradle', 'helm', 'kubectl', 'maven', 'npm', 'pip', 'pnpm', 'rsync', 'ssh', 'tempfail', 'terraform', 'uv', 'wget', 'yarn' }
            '--stop-on' { 'nonzero', 'signal', 'timeout', 'spawn', 'ansible', 'apk', 'apt', 'aws', 'az', 'brew', 'bundler', 'cargo', 'composer', 'conda', 'curl', 'dnf', 'docker', 'dotnet', 'gcloud', 'gh', 'git', 'go', 'gradle', 'helm', 'kubectl', 'maven', 'npm', 'pip', 'pnpm', 'rsync', 'ssh', 'tempfail', 'terraform', 'uv', 'wget', 'yarn' }
            '--success-on' { 'nonzero', 'signal', 'timeout', 'spawn', 'ansible', 'apk', 'apt', 'aws', 'az', 'brew', 'bundler', 'cargo', 'composer', 'conda', 'curl', 'dnf', 'docker', 'dotnet', 'gcloud', 'gh', 'git', 'go', 'gradle', 'helm', 'kubectl', 'maven', 'npm', 'pip', 'pnpm', 'rsync', 'ssh', 'tempfail', 'terraform', 'uv', 'wget', 'yarn' }
            '--stdin' { 'inherit', 'replay', 'null' }
            '--stdout' { 'live', 'final', 'failure', 'success' }
            '--stderr' { 'live', 'final', 'failure', 'success' }
            '--log-format' { 'text', 'json' }
            '--ci' { 'auto', 'github', 'none' }
            '--progress' { 'auto', 'always', 'never' }
            '--color' { 'auto', 'always', 'never' }
            '--list-presets' { 'ansible', 'apk', 'apt', 'aws', 'az', 'brew', 'bundler', 'cargo', 'composer', 'conda', 'curl', 'dnf', 'docker', 'dotnet', 'gcloud', 'gh', 'git', 'go', 'gradle', 'helm', 'kubectl', 'maven', 'npm', 'pip', 'pnpm', 'rsync', 'ssh', 'tempfail', 'terraform', 'uv', 'wget', 'yarn' }
            '--generate' { 'man', 'bash', 'zsh', 'fish', 'powershell', 'elvish' }
        })
        $values.Where{ $_ -like "$wordToComplete*" } | ForEach-Object {
            [CompletionResult]::new($_, $_, [CompletionResultType]::ParameterValue, $_)
        }
        return
    }
    if ($index -lt $commandElements.Count) {
        $extent = $commandElements[$index].Extent
        if ($ended -or $extent.Text -ceq '-' -or -not $extent.Text.StartsWith('-')) {
            $length = $cursorPosition - $extent.StartOffset
            $rest = $commandAst.Extent.Text.Substring($extent.StartOffset - $commandAst.Extent.StartOffset)
            $rest = $rest.PadRight($length).Substring(0, $length)
            [CommandCompletion]::CompleteInput($rest, $length, $null).CompletionMatches
            return
        }
    }

    $command = @(
        'retry'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'retry' {
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Attempts, the first included, or inf [default: 3]')
            [CompletionResult]::new('--retries', '--retries', [CompletionResultType]::ParameterName, 'Attempts, the first included, or inf [default: 3]')
            [CompletionResult]::new('--attempts', '--attempts', [CompletionResultType]::ParameterName, 'Attempts, the first included, or inf [default: 3]')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Time limit for one attempt and its process tree')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit for one attempt and its process tree')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'Time limit for everything, delays included')
            [CompletionResult]::new('--timeout-signal', '--timeout-signal', [CompletionResultType]::ParameterName, 'First signal to the process tree when time is up [default: TERM]')
            [CompletionResult]::new('--kill-after', '--kill-after', [CompletionResultType]::ParameterName, 'Grace between that signal and SIGKILL [default: 10]')
            [CompletionResult]::new('--leftovers', '--leftovers', [CompletionResultType]::ParameterName, 'What a failed attempt leaves running: keep or end [default: keep]')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'Time limit for an attempt that writes nothing')
            [CompletionResult]::new('--consecutive', '--consecutive', [CompletionResultType]::ParameterName, 'Successes in a row that make success [default: 1]')
            [CompletionResult]::new('-b', '-b', [CompletionResultType]::ParameterName, 'Delay after the first failure [default: 0.5]')
            [CompletionResult]::new('--base', '--base', [CompletionResultType]::ParameterName, 'Delay after the first failure [default: 0.5]')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Growth of the delay per failure [default: 4]')
            [CompletionResult]::new('--factor', '--factor', [CompletionResultType]::ParameterName, 'Growth of the delay per failure [default: 4]')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Longest delay [default: 60, or a longer --base]')
            [CompletionResult]::new('--max-delay', '--max-delay', [CompletionResultType]::ParameterName, 'Longest delay [default: 60, or a longer --base]')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Random part: a duration, 20%, full, ... [default: 0.3]')
            [CompletionResult]::new('--jitter', '--jitter', [CompletionResultType]::ParameterName, 'Random part: a duration, 20%, full, ... [default: 0.3]')
            [CompletionResult]::new('--backoff', '--backoff', [CompletionResultType]::ParameterName, 'How the delay grows [default: exponential]')
            [CompletionResult]::new('--delays', '--delays', [CompletionResultType]::ParameterName, 'The delays as a list; the last one repeats')
            [CompletionResult]::new('--initial-delay', '--initial-delay', [CompletionResultType]::ParameterName, 'Wait before the first attempt')
            [CompletionResult]::new('--stagger', '--stagger', [CompletionResultType]::ParameterName, 'Wait a random part of this before the first attempt')
            [CompletionResult]::new('--reset-after', '--reset-after', [CompletionResultType]::ParameterName, 'After an attempt at least this long the backoff starts anew')
            [CompletionResult]::new('--retry-after', '--retry-after', [CompletionResultType]::ParameterName, 'Honour Retry-After from the server')
            [CompletionResult]::new('--max-retry-after', '--max-retry-after', [CompletionResultType]::ParameterName, 'Stop when the server asks for a longer delay than this [default: 2m]')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Makes the jitter repeatable')
            [CompletionResult]::new('--retry-on', '--retry-on', [CompletionResultType]::ParameterName, 'Retry on these outcomes only')
            [CompletionResult]::new('--stop-on', '--stop-on', [CompletionResultType]::ParameterName, 'Stop on these outcomes; beats --retry-on')
            [CompletionResult]::new('--success-on', '--success-on', [CompletionResultType]::ParameterName, 'Count these outcomes as success [default: 0]')
            [CompletionResult]::new('--preset-file', '--preset-file', [CompletionResultType]::ParameterName, 'More presets from a file')
            [CompletionResult]::new('--retry-on-output', '--retry-on-output', [CompletionResultType]::ParameterName, 'Retry if a line of the output matches')
            [CompletionResult]::new('--stop-on-output', '--stop-on-output', [CompletionResultType]::ParameterName, 'Stop if a line of the output matches; beats retry')
            [CompletionResult]::new('--success-on-output', '--success-on-output', [CompletionResultType]::ParameterName, 'Count an attempt as good if a line of its output matches')
            [CompletionResult]::new('--require-output', '--require-output', [CompletionResultType]::ParameterName, 'Count no attempt as good without a line that matches')
            [CompletionResult]::new('--retry-if', '--retry-if', [CompletionResultType]::ParameterName, 'Shell command that decides about a failed attempt')
            [CompletionResult]::new('--flaky-exit', '--flaky-exit', [CompletionResultType]::ParameterName, 'Exit status of a success that needed more than one attempt')
            [CompletionResult]::new('--stdin', '--stdin', [CompletionResultType]::ParameterName, 'What each attempt reads [default: inherit]')
            [CompletionResult]::new('--stdout', '--stdout', [CompletionResultType]::ParameterName, 'When its stdout is written [default: live]')
            [CompletionResult]::new('--stderr', '--stderr', [CompletionResultType]::ParameterName, 'When its stderr is written [default: live]')
            [CompletionResult]::new('--before-retry', '--before-retry', [CompletionResultType]::ParameterName, 'Shell command to run before each further attempt')
            [CompletionResult]::new('--fallback', '--fallback', [CompletionResultType]::ParameterName, 'Shell command to run when all attempts have failed')
            [CompletionResult]::new('--breaker', '--breaker', [CompletionResultType]::ParameterName, 'Circuit breaker to share under this name')
            [CompletionResult]::new('--breaker-failures', '--breaker-failures', [CompletionResultType]::ParameterName, 'Failures in a row that open the circuit [default: 5]')
            [CompletionResult]::new('--breaker-rate', '--breaker-rate', [CompletionResultType]::ParameterName, 'Share of failed attempts that opens the circuit, as 50%')
            [CompletionResult]::new('--breaker-min-attempts', '--breaker-min-attempts', [CompletionResultType]::ParameterName, 'Attempts below which --breaker-rate opens nothing [default: 10]')
            [CompletionResult]::new('--breaker-window', '--breaker-window', [CompletionResultType]::ParameterName, 'Time in which failures count [default: 60, for a rate]')
            [CompletionResult]::new('--breaker-open', '--breaker-open', [CompletionResultType]::ParameterName, 'How long the circuit is open at first [default: 5]')
            [CompletionResult]::new('--budget', '--budget', [CompletionResultType]::ParameterName, 'Retry budget to share under this name')
            [CompletionResult]::new('--budget-ratio', '--budget-ratio', [CompletionResultType]::ParameterName, 'What a success gives back to the budget [default: 0.2]')
            [CompletionResult]::new('--budget-burst', '--budget-burst', [CompletionResultType]::ParameterName, 'How many retries the budget holds [default: 10]')
            [CompletionResult]::new('--state', '--state', [CompletionResultType]::ParameterName, 'Where shared state lives: a directory or redis://...')
            [CompletionResult]::new('--reset-state', '--reset-state', [CompletionResultType]::ParameterName, 'Forget the breaker and the budget of this name, and run nothing')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'Where messages go: stderr, journald, syslog, a file')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'Messages, and what --dry-run prints, as text or JSON')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Write an account of the run as JSON')
            [CompletionResult]::new('--junit', '--junit', [CompletionResultType]::ParameterName, 'Write the run as a test case of a JUnit file')
            [CompletionResult]::new('--ci', '--ci', [CompletionResultType]::ParameterName, 'Annotations, summary and outputs of a CI step')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Count a delay down in one line [default: auto]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour messages: red, yellow, green [default: auto]')
            [CompletionResult]::new('--label', '--label', [CompletionResultType]::ParameterName, 'A name for the run in messages and reports')
            [CompletionResult]::new('--list-presets', '--list-presets', [CompletionResultType]::ParameterName, 'Print all presets, or the rules and sources of one')
            [CompletionResult]::new('--stats', '--stats', [CompletionResultType]::ParameterName, 'Add up what --report wrote into these files; - is stdin')
            [CompletionResult]::new('--html', '--html', [CompletionResultType]::ParameterName, 'Also write what --stats found as a page for a browser')
            [CompletionResult]::new('--generate', '--generate', [CompletionResultType]::ParameterName, 'Print the man page or a shell''s completions')
            [CompletionResult]::new('-O', '-O ', [CompletionResultType]::ParameterName, 'Short for --stdout final: a pipe sees one attempt')
            [CompletionResult]::new('--show-state', '--show-state', [CompletionResultType]::ParameterName, 'Print what is shared, and run nothing')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say only why it failed in the end, in one line')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say only why it failed in the end, in one line')
            [CompletionResult]::new('--silent', '--silent', [CompletionResultType]::ParameterName, 'Say nothing at all, not even that it failed')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Also say what starts, its arguments, and which rule decided')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Also say what starts, its arguments, and which rule decided')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print the plan and run nothing')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (-h the short one, --help all of it)')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (-h the short one, --help all of it)')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print the version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print the version')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
