
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
            '--generate' { 'man', 'text', 'bash', 'zsh', 'fish', 'powershell', 'elvish' }
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
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Total attempts, including the first, or inf [default: 3]')
            [CompletionResult]::new('--retries', '--retries', [CompletionResultType]::ParameterName, 'Total attempts, including the first, or inf [default: 3]')
            [CompletionResult]::new('--attempts', '--attempts', [CompletionResultType]::ParameterName, 'Total attempts, including the first, or inf [default: 3]')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Time limit for one attempt and its process tree')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Time limit for one attempt and its process tree')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'Time limit for the whole run, delays included')
            [CompletionResult]::new('--timeout-signal', '--timeout-signal', [CompletionResultType]::ParameterName, 'Signal that ends the process tree at a time limit [default: TERM]')
            [CompletionResult]::new('--kill-after', '--kill-after', [CompletionResultType]::ParameterName, 'Time between --timeout-signal and SIGKILL [default: 10]')
            [CompletionResult]::new('--leftovers', '--leftovers', [CompletionResultType]::ParameterName, 'Keep or end what a failed attempt leaves running [default: keep]')
            [CompletionResult]::new('--idle-timeout', '--idle-timeout', [CompletionResultType]::ParameterName, 'How long an attempt may go without output')
            [CompletionResult]::new('--consecutive', '--consecutive', [CompletionResultType]::ParameterName, 'Number of consecutive successes required [default: 1]')
            [CompletionResult]::new('-b', '-b', [CompletionResultType]::ParameterName, 'Delay after the first failure [default: 0.5]')
            [CompletionResult]::new('--base', '--base', [CompletionResultType]::ParameterName, 'Delay after the first failure [default: 0.5]')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Growth of the delay after each failure [default: 4]')
            [CompletionResult]::new('--factor', '--factor', [CompletionResultType]::ParameterName, 'Growth of the delay after each failure [default: 4]')
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'Maximum delay, before jitter [default: 60, or --base if longer]')
            [CompletionResult]::new('--max-delay', '--max-delay', [CompletionResultType]::ParameterName, 'Maximum delay, before jitter [default: 60, or --base if longer]')
            [CompletionResult]::new('-j', '-j', [CompletionResultType]::ParameterName, 'Random part of a delay: a duration, 20%, full, ... [default: 0.3]')
            [CompletionResult]::new('--jitter', '--jitter', [CompletionResultType]::ParameterName, 'Random part of a delay: a duration, 20%, full, ... [default: 0.3]')
            [CompletionResult]::new('--backoff', '--backoff', [CompletionResultType]::ParameterName, 'How the delay grows [default: exponential]')
            [CompletionResult]::new('--delays', '--delays', [CompletionResultType]::ParameterName, 'List of delays; the last one repeats')
            [CompletionResult]::new('--initial-delay', '--initial-delay', [CompletionResultType]::ParameterName, 'Wait before the first attempt')
            [CompletionResult]::new('--stagger', '--stagger', [CompletionResultType]::ParameterName, 'Wait a random time, up to DUR, before the first attempt')
            [CompletionResult]::new('--reset-after', '--reset-after', [CompletionResultType]::ParameterName, 'Reset the backoff after an attempt that ran at least this long')
            [CompletionResult]::new('--retry-after', '--retry-after', [CompletionResultType]::ParameterName, 'Wait as long as the server asks (Retry-After)')
            [CompletionResult]::new('--max-retry-after', '--max-retry-after', [CompletionResultType]::ParameterName, 'Give up if the server asks for a longer delay [default: 2m]')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Seed for reproducible jitter')
            [CompletionResult]::new('--retry-on', '--retry-on', [CompletionResultType]::ParameterName, 'Retry only on these outcomes')
            [CompletionResult]::new('--stop-on', '--stop-on', [CompletionResultType]::ParameterName, 'Stop on these outcomes; overrides --retry-on')
            [CompletionResult]::new('--success-on', '--success-on', [CompletionResultType]::ParameterName, 'Count these outcomes as success [default: 0]')
            [CompletionResult]::new('--preset-file', '--preset-file', [CompletionResultType]::ParameterName, 'Load more presets from a file')
            [CompletionResult]::new('--retry-on-output', '--retry-on-output', [CompletionResultType]::ParameterName, 'Retry if a line of the output matches')
            [CompletionResult]::new('--stop-on-output', '--stop-on-output', [CompletionResultType]::ParameterName, 'Stop if a line of the output matches; overrides retry rules')
            [CompletionResult]::new('--success-on-output', '--success-on-output', [CompletionResultType]::ParameterName, 'Count an attempt as success if a line matches')
            [CompletionResult]::new('--require-output', '--require-output', [CompletionResultType]::ParameterName, 'Count an attempt as failed unless a line matches')
            [CompletionResult]::new('--retry-if', '--retry-if', [CompletionResultType]::ParameterName, 'Shell command that decides whether to retry')
            [CompletionResult]::new('--flaky-exit', '--flaky-exit', [CompletionResultType]::ParameterName, 'Exit status for a success after a failed attempt')
            [CompletionResult]::new('--stdin', '--stdin', [CompletionResultType]::ParameterName, 'What each attempt reads [default: inherit]')
            [CompletionResult]::new('--stdout', '--stdout', [CompletionResultType]::ParameterName, 'When to write the command''s stdout [default: live]')
            [CompletionResult]::new('--stderr', '--stderr', [CompletionResultType]::ParameterName, 'When to write the command''s stderr [default: live]')
            [CompletionResult]::new('--before-retry', '--before-retry', [CompletionResultType]::ParameterName, 'Shell command to run before each retry')
            [CompletionResult]::new('--fallback', '--fallback', [CompletionResultType]::ParameterName, 'Shell command to run when retry gives up')
            [CompletionResult]::new('--breaker', '--breaker', [CompletionResultType]::ParameterName, 'Name of a circuit breaker to share')
            [CompletionResult]::new('--breaker-failures', '--breaker-failures', [CompletionResultType]::ParameterName, 'Consecutive failures that open the circuit [default: 5]')
            [CompletionResult]::new('--breaker-rate', '--breaker-rate', [CompletionResultType]::ParameterName, 'Failure rate that opens the circuit, such as 50%')
            [CompletionResult]::new('--breaker-min-attempts', '--breaker-min-attempts', [CompletionResultType]::ParameterName, 'Attempts needed before --breaker-rate applies [default: 10]')
            [CompletionResult]::new('--breaker-window', '--breaker-window', [CompletionResultType]::ParameterName, 'How long a failure counts [default: 60 with --breaker-rate]')
            [CompletionResult]::new('--breaker-open', '--breaker-open', [CompletionResultType]::ParameterName, 'How long the circuit is open at first [default: 5]')
            [CompletionResult]::new('--budget', '--budget', [CompletionResultType]::ParameterName, 'Name of a retry budget to share')
            [CompletionResult]::new('--budget-ratio', '--budget-ratio', [CompletionResultType]::ParameterName, 'Tokens that a successful run returns [default: 0.2]')
            [CompletionResult]::new('--budget-burst', '--budget-burst', [CompletionResultType]::ParameterName, 'Size of the budget in tokens [default: 10]')
            [CompletionResult]::new('--state', '--state', [CompletionResultType]::ParameterName, 'Where to keep shared state: a directory or redis://...')
            [CompletionResult]::new('--reset-state', '--reset-state', [CompletionResultType]::ParameterName, 'Reset the breaker and the budget with this name, and exit')
            [CompletionResult]::new('--log', '--log', [CompletionResultType]::ParameterName, 'Where messages go: stderr, journald, syslog, a file')
            [CompletionResult]::new('--log-format', '--log-format', [CompletionResultType]::ParameterName, 'Format of messages and of what --dry-run, --show-state and --stats print')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Write a report of the run as JSON')
            [CompletionResult]::new('--junit', '--junit', [CompletionResultType]::ParameterName, 'Write the run as a test case to a JUnit XML file')
            [CompletionResult]::new('--ci', '--ci', [CompletionResultType]::ParameterName, 'Write annotations, a summary and outputs for a CI step')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'Show a countdown during delays [default: auto]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour messages in red, yellow and green [default: auto]')
            [CompletionResult]::new('--label', '--label', [CompletionResultType]::ParameterName, 'Name of the run in messages and reports')
            [CompletionResult]::new('--list-presets', '--list-presets', [CompletionResultType]::ParameterName, 'Print all presets, or the rules and sources of one')
            [CompletionResult]::new('--stats', '--stats', [CompletionResultType]::ParameterName, 'Summarize files that --report wrote; - is stdin')
            [CompletionResult]::new('--html', '--html', [CompletionResultType]::ParameterName, 'Also write the --stats summary as a web page')
            [CompletionResult]::new('--generate', '--generate', [CompletionResultType]::ParameterName, 'Print the manual or shell completions')
            [CompletionResult]::new('-O', '-O ', [CompletionResultType]::ParameterName, 'Write only the last attempt''s stdout: --stdout final')
            [CompletionResult]::new('--show-state', '--show-state', [CompletionResultType]::ParameterName, 'Print the shared state and exit')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print one message if the run fails, else none')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print one message if the run fails, else none')
            [CompletionResult]::new('--silent', '--silent', [CompletionResultType]::ParameterName, 'Print no messages, not even if the run fails')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Also print command lines and which rule decided')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Also print command lines and which rule decided')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print the plan and exit')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (-h: common options, --help: all)')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (-h: common options, --help: all)')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print the version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print the version')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
