
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
        &--generate=['man' 'text' 'bash' 'zsh' 'fish' 'powershell' 'elvish']
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
            cand -r 'Total attempts, including the first, or inf [default: 3]'
            cand --retries 'Total attempts, including the first, or inf [default: 3]'
            cand --attempts 'Total attempts, including the first, or inf [default: 3]'
            cand -t 'Time limit for one attempt and its process tree'
            cand --timeout 'Time limit for one attempt and its process tree'
            cand --deadline 'Time limit for the whole run, delays included'
            cand --timeout-signal 'Signal that ends the process tree at a time limit [default: TERM]'
            cand --kill-after 'Time between --timeout-signal and SIGKILL [default: 10]'
            cand --leftovers 'Keep or end what a failed attempt leaves running [default: keep]'
            cand --idle-timeout 'How long an attempt may go without output'
            cand --consecutive 'Number of consecutive successes required [default: 1]'
            cand -b 'Delay after the first failure [default: 0.5]'
            cand --base 'Delay after the first failure [default: 0.5]'
            cand -f 'Growth of the delay after each failure [default: 4]'
            cand --factor 'Growth of the delay after each failure [default: 4]'
            cand -m 'Maximum delay, before jitter [default: 60, or --base if longer]'
            cand --max-delay 'Maximum delay, before jitter [default: 60, or --base if longer]'
            cand -j 'Random part of a delay: a duration, 20%, full, ... [default: 0.3]'
            cand --jitter 'Random part of a delay: a duration, 20%, full, ... [default: 0.3]'
            cand --backoff 'How the delay grows [default: exponential]'
            cand --delays 'List of delays; the last one repeats'
            cand --initial-delay 'Wait before the first attempt'
            cand --stagger 'Wait a random time, up to DUR, before the first attempt'
            cand --reset-after 'Reset the backoff after an attempt that ran at least this long'
            cand --retry-after 'Wait as long as the server asks (Retry-After)'
            cand --max-retry-after 'Give up if the server asks for a longer delay [default: 2m]'
            cand --seed 'Seed for reproducible jitter'
            cand --retry-on 'Retry only on these outcomes'
            cand --stop-on 'Stop on these outcomes; overrides --retry-on'
            cand --success-on 'Count these outcomes as success [default: 0]'
            cand --preset-file 'Load more presets from a file'
            cand --retry-on-output 'Retry if a line of the output matches'
            cand --stop-on-output 'Stop if a line of the output matches; overrides retry rules'
            cand --success-on-output 'Count an attempt as success if a line matches'
            cand --require-output 'Count an attempt as failed unless a line matches'
            cand --retry-if 'Shell command that decides whether to retry'
            cand --flaky-exit 'Exit status for a success after a failed attempt'
            cand --stdin 'What each attempt reads [default: inherit]'
            cand --stdout 'When to write the command''s stdout [default: live]'
            cand --stderr 'When to write the command''s stderr [default: live]'
            cand --before-retry 'Shell command to run before each retry'
            cand --fallback 'Shell command to run when retry gives up'
            cand --breaker 'Name of a circuit breaker to share'
            cand --breaker-failures 'Consecutive failures that open the circuit [default: 5]'
            cand --breaker-rate 'Failure rate that opens the circuit, such as 50%'
            cand --breaker-min-attempts 'Attempts needed before --breaker-rate applies [default: 10]'
            cand --breaker-window 'How long a failure counts [default: 60 with --breaker-rate]'
            cand --breaker-open 'How long the circuit is open at first [default: 5]'
            cand --budget 'Name of a retry budget to share'
            cand --budget-ratio 'Tokens that a successful run returns [default: 0.2]'
            cand --budget-burst 'Size of the budget in tokens [default: 10]'
            cand --state 'Where to keep shared state: a directory or redis://...'
            cand --reset-state 'Reset the breaker and the budget with this name, and exit'
            cand --log 'Where messages go: stderr, journald, syslog, a file'
            cand --log-format 'Format of messages and of what --dry-run, --show-state and --stats print'
            cand --report 'Write a report of the run as JSON'
            cand --junit 'Write the run as a test case to a JUnit XML file'
            cand --ci 'Write annotations, a summary and outputs for a CI step'
            cand --progress 'Show a countdown during delays [default: auto]'
            cand --color 'Colour messages in red, yellow and green [default: auto]'
            cand --label 'Name of the run in messages and reports'
            cand --list-presets 'Print all presets, or the rules and sources of one'
            cand --stats 'Summarize files that --report wrote; - is stdin'
            cand --html 'Also write the --stats summary as a web page'
            cand --generate 'Print the manual or shell completions'
            cand -O 'Write only the last attempt''s stdout: --stdout final'
            cand --show-state 'Print the shared state and exit'
            cand -q 'Print one message if the run fails, else none'
            cand --quiet 'Print one message if the run fails, else none'
            cand --silent 'Print no messages, not even if the run fails'
            cand -v 'Also print command lines and which rule decided'
            cand --verbose 'Also print command lines and which rule decided'
            cand --dry-run 'Print the plan and exit'
            cand -h 'Print help (-h: common options, --help: all)'
            cand --help 'Print help (-h: common options, --help: all)'
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
