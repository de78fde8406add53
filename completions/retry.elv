
use builtin;
use str;

set edit:completion:arg-completer[retry] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    # The first word that is neither an option nor the value of one is the command. From there on it
    # is a command line of its own.
    var valued = [-r --retries --attempts -t --timeout --deadline --timeout-signal --kill-after --leftovers --idle-timeout --consecutive -b --base -f --factor -m --max-delay -j --jitter --backoff --delays --initial-delay --stagger --reset-after --max-retry-after --seed --retry-on --stop-on --success-on --preset-file --retry-on-output --stop-on-output --success-on-output --require-output --retry-if --flaky-exit --stdin --stdout --stderr --before-retry --fallback --breaker --breaker-failures --breaker-rate --breaker-min-attempts --breaker-window --breaker-open --budget --budget-ratio --budget-burst --state --reset-state --log --log-format --report --junit --ci --progress --color --label --stats --html --generate]
    var values = [
        &--timeout-signal=['TERM' 'INT' 'HUP' 'QUIT' 'KILL' 'ABRT' 'USR1' 'USR2']
        &--leftovers=['keep' 'end']
        &-j=['full' 'equal' 'decorrelated' 'none' '20%' '+-0.3']
        &--jitter=['full' 'equal' 'decorrelated' 'none' '20%' '+-0.3']
        &--backoff=['exponential' 'linear' 'fibonacci' 'constant']
        &--retry-after=['stderr' 'stdout' 'both']
        &--retry-on=['nonzero' 'signal' 'timeout' 'spawn' 'ansible' 'apk' 'apt' 'aws' 'az' 'brew' 'bundler' 'cargo' 'composer' 'conda' 'curl' 'dnf' 'docker' 'dotnet' 'gcloud' 'gh' 'git' 'go' 'gradle' 'helm' 'kubectl' 'maven' 'npm' 'pip' 'pnpm' 'rsync' 'ssh' 'tempfail' 'terraform' 'uv' 'wget' 'yarn']
        &--stop-on=['nonzero' 'signal' 'timeout' 'spawn' 'ansible' 'apk' 'apt' 'aws' 'az' 'brew' 'bundler' 'cargo' 'composer' 'conda' 'curl' 'dnf' 'docker' 'dotnet' 'gcloud' 'gh' 'git' 'go' 'gradle' 'helm' 'kubectl' 'maven' 'npm' 'pip' 'pnpm' 'rsync' 'ssh' 'tempfail' 'terraform' 'uv' 'wget' 'yarn']
        &--success-on=['nonzero' 'signal' 'timeout' 'spawn' 'ansible' 'apk' 'apt' 'aws' 'az' 'brew' 'bundler' 'cargo' 'composer' 'conda' 'curl' 'dnf' 'docker' 'dotnet' 'gcloud' 'gh' 'git' 'go' 'gradle' 'helm' 'kubectl' 'maven' 'npm' 'pip' 'pnpm' 'rsync' 'ssh' 'tempfail' 'terraform' 'uv' 'wget' 'yarn']
        &--stdin=['inherit' 'replay' 'null']
        &--stdout=['live' 'final' 'failure' 'success']
        &--stderr=['live' 'final' 'failure' 'success']
        &--log-format=['text' 'json']
        &--ci=['auto' 'github' 'none']
        &--progress=['auto' 'always' 'never']
        &--color=['auto' 'always' 'never']
        &--list-presets=['ansible' 'apk' 'apt' 'aws' 'az' 'brew' 'bundler' 'cargo' 'composer' 'conda' 'curl' 'dnf' 'docker' 'dotnet' 'gcloud' 'gh' 'git' 'go' 'gradle' 'helm' 'kubectl' 'maven' 'npm' 'pip' 'pnpm' 'rsync' 'ssh' 'tempfail' 'terraform' 'uv' 'wget' 'yarn']
        &--generate=['man' 'bash' 'zsh' 'fish' 'powershell' 'elvish']
    ]
    var last = (- (count $words) 1)
    var i = 1
    var ended = $false
    var option = ''
    while (< $i $last) {
        var word = $words[$i]
        if (eq $word '--') {
            set i = (+ $i 1)
            set ended = $true
            break
        } elif (or (eq $word '-') (not (str:has-prefix $word '-'))) {
            break
        }
        # -qr 3 is -q -r 3
        while (and (> (count $word) 2) (str:contains 'OqvhV' $word[1])) {
            set word = '-'$word[2..]
        }
        set option = $word
        if (has-value $valued $word) {
            set i = (+ $i 2)
        } else {
            set i = (+ $i 1)
        }
    }
    var at-command = (or (< $i $last) (and (== $i $last) (or $ended (not (str:has-prefix $words[-1] '-')))))
    var command = 'retry'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'retry'= {
            cand -r 'Attempts, the first included, or inf [default: 3]'
            cand --retries 'Attempts, the first included, or inf [default: 3]'
            cand --attempts 'Attempts, the first included, or inf [default: 3]'
            cand -t 'Time limit for one attempt and its process tree'
            cand --timeout 'Time limit for one attempt and its process tree'
            cand --deadline 'Time limit for everything, delays included'
            cand --timeout-signal 'First signal to the process tree when time is up [default: TERM]'
            cand --kill-after 'Grace between that signal and SIGKILL [default: 10]'
            cand --leftovers 'What a failed attempt leaves running: keep or end [default: keep]'
            cand --idle-timeout 'Time limit for an attempt that writes nothing'
            cand --consecutive 'Successes in a row that make success [default: 1]'
            cand -b 'Delay after the first failure [default: 0.5]'
            cand --base 'Delay after the first failure [default: 0.5]'
            cand -f 'Growth of the delay per failure [default: 4]'
            cand --factor 'Growth of the delay per failure [default: 4]'
            cand -m 'Longest delay [default: 60, or a longer --base]'
            cand --max-delay 'Longest delay [default: 60, or a longer --base]'
            cand -j 'Random part: a duration, 20%, full, ... [default: 0.3]'
            cand --jitter 'Random part: a duration, 20%, full, ... [default: 0.3]'
            cand --backoff 'How the delay grows [default: exponential]'
            cand --delays 'The delays as a list; the last one repeats'
            cand --initial-delay 'Wait before the first attempt'
            cand --stagger 'Wait a random part of this before the first attempt'
            cand --reset-after 'After an attempt at least this long the backoff starts anew'
            cand --retry-after 'Honour Retry-After from the server'
            cand --max-retry-after 'Stop when the server asks for a longer delay than this [default: 2m]'
            cand --seed 'Makes the jitter repeatable'
            cand --retry-on 'Retry on these outcomes only'
            cand --stop-on 'Stop on these outcomes; beats --retry-on'
            cand --success-on 'Count these outcomes as success [default: 0]'
            cand --preset-file 'More presets from a file'
            cand --retry-on-output 'Retry if a line of the output matches'
            cand --stop-on-output 'Stop if a line of the output matches; beats retry'
            cand --success-on-output 'Count an attempt as good if a line of its output matches'
            cand --require-output 'Count no attempt as good without a line that matches'
            cand --retry-if 'Shell command that decides about a failed attempt'
            cand --flaky-exit 'Exit status of a success that needed more than one attempt'
            cand --stdin 'What each attempt reads [default: inherit]'
            cand --stdout 'When its stdout is written [default: live]'
            cand --stderr 'When its stderr is written [default: live]'
            cand --before-retry 'Shell command to run before each further attempt'
            cand --fallback 'Shell command to run when all attempts have failed'
            cand --breaker 'Circuit breaker to share under this name'
            cand --breaker-failures 'Failures in a row that open the circuit [default: 5]'
            cand --breaker-rate 'Share of failed attempts that opens the circuit, as 50%'
            cand --breaker-min-attempts 'Attempts below which --breaker-rate opens nothing [default: 10]'
            cand --breaker-window 'Time in which failures count [default: 60, for a rate]'
            cand --breaker-open 'How long the circuit is open at first [default: 5]'
            cand --budget 'Retry budget to share under this name'
            cand --budget-ratio 'What a success gives back to the budget [default: 0.2]'
            cand --budget-burst 'How many retries the budget holds [default: 10]'
            cand --state 'Where shared state lives: a directory or redis://...'
            cand --reset-state 'Forget the breaker and the budget of this name, and run nothing'
            cand --log 'Where messages go: stderr, journald, syslog, a file'
            cand --log-format 'Messages, and what --dry-run prints, as text or JSON'
            cand --report 'Write an account of the run as JSON'
            cand --junit 'Write the run as a test case of a JUnit file'
            cand --ci 'Annotations, summary and outputs of a CI step'
            cand --progress 'Count a delay down in one line [default: auto]'
            cand --color 'Colour messages: red, yellow, green [default: auto]'
            cand --label 'A name for the run in messages and reports'
            cand --list-presets 'Print all presets, or the rules and sources of one'
            cand --stats 'Add up what --report wrote into these files; - is stdin'
            cand --html 'Also write what --stats found as a page for a browser'
            cand --generate 'Print the man page or a shell''s completions'
            cand -O 'Short for --stdout final: a pipe sees one attempt'
            cand --show-state 'Print what is shared, and run nothing'
            cand -q 'Say only why it failed in the end, in one line'
            cand --quiet 'Say only why it failed in the end, in one line'
            cand --silent 'Say nothing at all, not even that it failed'
            cand -v 'Also say what starts, its arguments, and which rule decided'
            cand --verbose 'Also say what starts, its arguments, and which rule decided'
            cand --dry-run 'Print the plan and run nothing'
            cand -h 'Print help (-h the short one, --help all of it)'
            cand --help 'Print help (-h the short one, --help all of it)'
            cand -V 'Print the version'
            cand --version 'Print the version'
        }
    ]
    if $at-command {
        var rest = $words[$i..]
        edit:complete-sudo sudo $@rest
    } elif (> $i $last) {
        if (has-key $values $option) {
            all $values[$option]
        }
    } else {
        $completions[$command]
    }
}
