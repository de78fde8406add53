# The words from the command on, as far as they stand before the cursor; nothing while there are only
# options and their values.
function __retry_command
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        set -l word $words[1]
        switch $word
            case --
                set -e words[1]
                break
            case -
                break
            case '-*'
                set -e words[1]
                # -qr 3 is -q -r 3
                set word (string replace -r '^-[OqvhV]+(?=.)' - -- $word)
                if contains -- $word -r --retries --attempts -t --timeout --deadline --timeout-signal --kill-after --leftovers --idle-timeout --consecutive -b --base -f --factor -m --max-delay -j --jitter --backoff --delays --initial-delay --stagger --reset-after --max-retry-after --seed --retry-on --stop-on --success-on --preset-file --retry-on-output --stop-on-output --success-on-output --require-output --retry-if --flaky-exit --stdin --stdout --stderr --before-retry --fallback --breaker --breaker-failures --breaker-rate --breaker-min-attempts --breaker-window --breaker-open --budget --budget-ratio --budget-burst --state --reset-state --log --log-format --report --junit --ci --progress --color --label --stats --html --generate
                    and set -q words[1]
                    set -e words[1]
                end
            case '*'
                break
        end
    end
    string join \n -- $words
end

# What a command line completes to that starts with the command.
function __retry_complete_command
    set -l words (string escape -- (__retry_command)) (commandline -ct)
    complete "--do-complete=$words"
end

function __retry_at_options
    test -z "$(__retry_command)"
end

complete -c retry -f -a '(__retry_complete_command)'

complete -c retry -n __retry_at_options -s r -l retries -l attempts -d 'Total attempts, including the first, or inf [default: 3]' -r -f
complete -c retry -n __retry_at_options -s t -l timeout -d 'Time limit for one attempt and its process tree' -r -f
complete -c retry -n __retry_at_options -l deadline -d 'Time limit for the whole run, delays included' -r -f
complete -c retry -n __retry_at_options -l timeout-signal -d 'Signal that ends the process tree at a time limit [default: TERM]' -r -f -a "TERM\t''
INT\t''
HUP\t''
QUIT\t''
KILL\t''
ABRT\t''
USR1\t''
USR2\t''"
complete -c retry -n __retry_at_options -l kill-after -d 'Time between --timeout-signal and SIGKILL [default: 10]' -r -f
complete -c retry -n __retry_at_options -l leftovers -d 'Keep or end what a failed attempt leaves running [default: keep]' -r -f -a "keep\t'Leave them running and report them'
end\t'End them as a time limit would'"
complete -c retry -n __retry_at_options -l idle-timeout -d 'How long an attempt may go without output' -r -f
complete -c retry -n __retry_at_options -l consecutive -d 'Number of consecutive successes required [default: 1]' -r -f
complete -c retry -n __retry_at_options -s b -l base -d 'Delay after the first failure [default: 0.5]' -r -f
complete -c retry -n __retry_at_options -s f -l factor -d 'Growth of the delay after each failure [default: 4]' -r -f
complete -c retry -n __retry_at_options -s m -l max-delay -d 'Maximum delay, before jitter [default: 60, or --base if longer]' -r -f
complete -c retry -n __retry_at_options -s j -l jitter -d 'Random part of a delay: a duration, 20%, full, ... [default: 0.3]' -r -f -a "full\t''
equal\t''
decorrelated\t''
none\t''
20%\t''
+-0.3\t''"
complete -c retry -n __retry_at_options -l backoff -d 'How the delay grows [default: exponential]' -r -f -a "exponential\t'base * factor^(n-1)'
linear\t'base * n'
fibonacci\t'base * 1, 1, 2, 3, 5, ...'
constant\t'base'"
complete -c retry -n __retry_at_options -l delays -d 'List of delays; the last one repeats' -r -f
complete -c retry -n __retry_at_options -l initial-delay -d 'Wait before the first attempt' -r -f
complete -c retry -n __retry_at_options -l stagger -d 'Wait a random time, up to DUR, before the first attempt' -r -f
complete -c retry -n __retry_at_options -l reset-after -d 'Reset the backoff after an attempt that ran at least this long' -r -f
complete -c retry -n __retry_at_options -l retry-after -d 'Wait as long as the server asks (Retry-After)' -r -f -a "stderr\t'Where curl -v and wget -S print headers'
stdout\t'Where curl -i prints them'
both\t'Both'"
complete -c retry -n __retry_at_options -l max-retry-after -d 'Give up if the server asks for a longer delay [default: 2m]' -r -f
complete -c retry -n __retry_at_options -l seed -d 'Seed for reproducible jitter' -r -f
complete -c retry -n __retry_at_options -l retry-on -d 'Retry only on these outcomes' -r -f -a "(__fish_complete_list , 'string join \\n nonzero signal timeout spawn ansible apk apt aws az brew bundler cargo composer conda curl dnf docker dotnet gcloud gh git go gradle helm kubectl maven npm pip pnpm rsync ssh tempfail terraform uv wget yarn')"
complete -c retry -n __retry_at_options -l stop-on -d 'Stop on these outcomes; overrides --retry-on' -r -f -a "(__fish_complete_list , 'string join \\n nonzero signal timeout spawn ansible apk apt aws az brew bundler cargo composer conda curl dnf docker dotnet gcloud gh git go gradle helm kubectl maven npm pip pnpm rsync ssh tempfail terraform uv wget yarn')"
complete -c retry -n __retry_at_options -l success-on -d 'Count these outcomes as success [default: 0]' -r -f -a "(__fish_complete_list , 'string join \\n nonzero signal timeout spawn ansible apk apt aws az brew bundler cargo composer conda curl dnf docker dotnet gcloud gh git go gradle helm kubectl maven npm pip pnpm rsync ssh tempfail terraform uv wget yarn')"
complete -c retry -n __retry_at_options -l preset-file -d 'Load more presets from a file' -r -F
complete -c retry -n __retry_at_options -l retry-on-output -d 'Retry if a line of the output matches' -r -f
complete -c retry -n __retry_at_options -l stop-on-output -d 'Stop if a line of the output matches; overrides retry rules' -r -f
complete -c retry -n __retry_at_options -l success-on-output -d 'Count an attempt as success if a line matches' -r -f
complete -c retry -n __retry_at_options -l require-output -d 'Count an attempt as failed unless a line matches' -r -f
complete -c retry -n __retry_at_options -l retry-if -d 'Shell command that decides whether to retry' -r -f
complete -c retry -n __retry_at_options -l flaky-exit -d 'Exit status for a success after a failed attempt' -r -f
complete -c retry -n __retry_at_options -l stdin -d 'What each attempt reads [default: inherit]' -r -f -a "inherit\t'retry\'s own stdin'
replay\t'The same bytes for each attempt'
null\t'/dev/null'"
complete -c retry -n __retry_at_options -l stdout -d 'When to write the command\'s stdout [default: live]' -r -f -a "live\t'At once, from every attempt'
final\t'Only the last attempt\'s'
failure\t'Only the last attempt\'s, if it failed'
success\t'Only the last attempt\'s, if it succeeded'"
complete -c retry -n __retry_at_options -l stderr -d 'When to write the command\'s stderr [default: live]' -r -f -a "live\t'At once, from every attempt'
final\t'Only the last attempt\'s'
failure\t'Only the last attempt\'s, if it failed'
success\t'Only the last attempt\'s, if it succeeded'"
complete -c retry -n __retry_at_options -l before-retry -d 'Shell command to run before each retry' -r -f
complete -c retry -n __retry_at_options -l fallback -d 'Shell command to run when retry gives up' -r -f
complete -c retry -n __retry_at_options -l breaker -d 'Name of a circuit breaker to share' -r -f
complete -c retry -n __retry_at_options -l breaker-failures -d 'Consecutive failures that open the circuit [default: 5]' -r -f
complete -c retry -n __retry_at_options -l breaker-rate -d 'Failure rate that opens the circuit, such as 50%' -r -f
complete -c retry -n __retry_at_options -l breaker-min-attempts -d 'Attempts needed before --breaker-rate applies [default: 10]' -r -f
complete -c retry -n __retry_at_options -l breaker-window -d 'How long a failure counts [default: 60 with --breaker-rate]' -r -f
complete -c retry -n __retry_at_options -l breaker-open -d 'How long the circuit is open at first [default: 5]' -r -f
complete -c retry -n __retry_at_options -l budget -d 'Name of a retry budget to share' -r -f
complete -c retry -n __retry_at_options -l budget-ratio -d 'Tokens that a successful run returns [default: 0.2]' -r -f
complete -c retry -n __retry_at_options -l budget-burst -d 'Size of the budget in tokens [default: 10]' -r -f
complete -c retry -n __retry_at_options -l state -d 'Where to keep shared state: a directory or redis://...' -r -f
complete -c retry -n __retry_at_options -l reset-state -d 'Reset the breaker and the budget with this name, and exit' -r -f
complete -c retry -n __retry_at_options -l log -d 'Where messages go: stderr, journald, syslog, a file' -r -f
complete -c retry -n __retry_at_options -l log-format -d 'Format of messages and of what --dry-run, --show-state and --stats print' -r -f -a "text\t'Text for people'
json\t'One JSON object per line'"
complete -c retry -n __retry_at_options -l report -d 'Write a report of the run as JSON' -r -F
complete -c retry -n __retry_at_options -l junit -d 'Write the run as a test case to a JUnit XML file' -r -F
complete -c retry -n __retry_at_options -l ci -d 'Write annotations, a summary and outputs for a CI step' -r -f -a "auto\t'Detect from the environment'
github\t'GitHub Actions'
none\t'No CI output'"
complete -c retry -n __retry_at_options -l progress -d 'Show a countdown during delays [default: auto]' -r -f -a "auto\t'Only on a terminal'
always\t'Also without a terminal'
never\t'Never'"
complete -c retry -n __retry_at_options -l color -d 'Colour messages in red, yellow and green [default: auto]' -r -f -a "auto\t'Only on a terminal'
always\t'Also without a terminal'
never\t'Never'"
complete -c retry -n __retry_at_options -l label -d 'Name of the run in messages and reports' -r -f
complete -c retry -n __retry_at_options -l list-presets -d 'Print all presets, or the rules and sources of one' -r -f -a "ansible\t''
apk\t''
apt\t''
aws\t''
az\t''
brew\t''
bundler\t''
cargo\t''
composer\t''
conda\t''
curl\t''
dnf\t''
docker\t''
dotnet\t''
gcloud\t''
gh\t''
git\t''
go\t''
gradle\t''
helm\t''
kubectl\t''
maven\t''
npm\t''
pip\t''
pnpm\t''
rsync\t''
ssh\t''
tempfail\t''
terraform\t''
uv\t''
wget\t''
yarn\t''"
complete -c retry -n __retry_at_options -l stats -d 'Summarize files that --report wrote; - is stdin' -r -F
complete -c retry -n __retry_at_options -l html -d 'Also write the --stats summary as a web page' -r -F
complete -c retry -n __retry_at_options -l generate -d 'Print the manual or shell completions' -r -f -a "man\t'The man page'
text\t'The man page as plain text'
bash\t'Completions for bash'
zsh\t'Completions for zsh'
fish\t'Completions for fish'
powershell\t'Completions for PowerShell'
elvish\t'Completions for Elvish'"
complete -c retry -n __retry_at_options -s O -d 'Write only the last attempt\'s stdout: --stdout final'
complete -c retry -n __retry_at_options -l show-state -d 'Print the shared state and exit'
complete -c retry -n __retry_at_options -s q -l quiet -d 'Print one message if the run fails, else none'
complete -c retry -n __retry_at_options -l silent -d 'Print no messages, not even if the run fails'
complete -c retry -n __retry_at_options -s v -l verbose -d 'Also print command lines and which rule decided'
complete -c retry -n __retry_at_options -l dry-run -d 'Print the plan and exit'
complete -c retry -n __retry_at_options -s h -l help -d 'Print help (-h: common options, --help: all)'
complete -c retry -n __retry_at_options -s V -l version -d 'Print the version'
