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

complete -c retry -n __retry_at_options -s r -l retries -l attempts -d 'Attempts, the first included, or inf [default: 3]' -r -f
complete -c retry -n __retry_at_options -s t -l timeout -d 'Time limit for one attempt and its process tree' -r -f
complete -c retry -n __retry_at_options -l deadline -d 'Time limit for everything, delays included' -r -f
complete -c retry -n __retry_at_options -l timeout-signal -d 'First signal to the process tree when time is up [default: TERM]' -r -f -a "TERM\t''
INT\t''
HUP\t''
QUIT\t''
KILL\t''
ABRT\t''
USR1\t''
USR2\t''"
complete -c retry -n __retry_at_options -l kill-after -d 'Grace between that signal and SIGKILL [default: 10]' -r -f
complete -c retry -n __retry_at_options -l leftovers -d 'What a failed attempt leaves running: keep or end [default: keep]' -r -f -a "keep\t'They go on, and a message says so'
end\t'They are ended as by a time limit'"
complete -c retry -n __retry_at_options -l idle-timeout -d 'Time limit for an attempt that writes nothing' -r -f
complete -c retry -n __retry_at_options -l consecutive -d 'Successes in a row that make success [default: 1]' -r -f
complete -c retry -n __retry_at_options -s b -l base -d 'Delay after the first failure [default: 0.5]' -r -f
complete -c retry -n __retry_at_options -s f -l factor -d 'Growth of the delay per failure [default: 4]' -r -f
complete -c retry -n __retry_at_options -s m -l max-delay -d 'Longest delay [default: 60, or a longer --base]' -r -f
complete -c retry -n __retry_at_options -s j -l jitter -d 'Random part: a duration, 20%, full, ... [default: 0.3]' -r -f -a "full\t''
equal\t''
decorrelated\t''
none\t''
20%\t''
+-0.3\t''"
complete -c retry -n __retry_at_options -l backoff -d 'How the delay grows [default: exponential]' -r -f -a "exponential\t'base * factor^(n-1)'
linear\t'base * n'
fibonacci\t'base * 1, 1, 2, 3, 5, ...'
constant\t'base'"
complete -c retry -n __retry_at_options -l delays -d 'The delays as a list; the last one repeats' -r -f
complete -c retry -n __retry_at_options -l initial-delay -d 'Wait before the first attempt' -r -f
complete -c retry -n __retry_at_options -l stagger -d 'Wait a random part of this before the first attempt' -r -f
complete -c retry -n __retry_at_options -l reset-after -d 'After an attempt at least this long the backoff starts anew' -r -f
complete -c retry -n __retry_at_options -l retry-after -d 'Honour Retry-After from the server' -r -f -a "stderr\t'Where curl -v and wget -S print headers'
stdout\t'Where curl -i prints them'
both\t'Both'"
complete -c retry -n __retry_at_options -l max-retry-after -d 'Stop when the server asks for a longer delay than this [default: 2m]' -r -f
complete -c retry -n __retry_at_options -l seed -d 'Makes the jitter repeatable' -r -f
complete -c retry -n __retry_at_options -l retry-on -d 'Retry on these outcomes only' -r -f -a "(__fish_complete_list , 'string join \\n nonzero signal timeout spawn ansible apk apt aws az brew bundler cargo composer conda curl dnf docker dotnet gcloud gh git go gradle helm kubectl maven npm pip pnpm rsync ssh tempfail terraform uv wget yarn')"
complete -c retry -n __retry_at_options -l stop-on -d 'Stop on these outcomes; beats --retry-on' -r -f -a "(__fish_complete_list , 'string join \\n nonzero signal timeout spawn ansible apk apt aws az brew bundler cargo composer conda curl dnf docker dotnet gcloud gh git go gradle helm kubectl maven npm pip pnpm rsync ssh tempfail terraform uv wget yarn')"
complete -c retry -n __retry_at_options -l success-on -d 'Count these outcomes as success [default: 0]' -r -f -a "(__fish_complete_list , 'string join \\n nonzero signal timeout spawn ansible apk apt aws az brew bundler cargo composer conda curl dnf docker dotnet gcloud gh git go gradle helm kubectl maven npm pip pnpm rsync ssh tempfail terraform uv wget yarn')"
complete -c retry -n __retry_at_options -l preset-file -d 'More presets from a file' -r -F
complete -c retry -n __retry_at_options -l retry-on-output -d 'Retry if a line of the output matches' -r -f
complete -c retry -n __retry_at_options -l stop-on-output -d 'Stop if a line of the output matches; beats retry' -r -f
complete -c retry -n __retry_at_options -l success-on-output -d 'Count an attempt as good if a line of its output matches' -r -f
complete -c retry -n __retry_at_options -l require-output -d 'Count no attempt as good without a line that matches' -r -f
complete -c retry -n __retry_at_options -l retry-if -d 'Shell command that decides about a failed attempt' -r -f
complete -c retry -n __retry_at_options -l flaky-exit -d 'Exit status of a success that needed more than one attempt' -r -f
complete -c retry -n __retry_at_options -l stdin -d 'What each attempt reads [default: inherit]' -r -f -a "inherit\t'What retry itself would read'
replay\t'The same bytes for each attempt'
null\t'/dev/null'"
complete -c retry -n __retry_at_options -l stdout -d 'When its stdout is written [default: live]' -r -f -a "live\t'As it comes'
final\t'That of the last attempt only'
failure\t'That of the last attempt only, if it failed'
success\t'That of the last attempt only, if it succeeded'"
complete -c retry -n __retry_at_options -l stderr -d 'When its stderr is written [default: live]' -r -f -a "live\t'As it comes'
final\t'That of the last attempt only'
failure\t'That of the last attempt only, if it failed'
success\t'That of the last attempt only, if it succeeded'"
complete -c retry -n __retry_at_options -l before-retry -d 'Shell command to run before each further attempt' -r -f
complete -c retry -n __retry_at_options -l fallback -d 'Shell command to run when all attempts have failed' -r -f
complete -c retry -n __retry_at_options -l breaker -d 'Circuit breaker to share under this name' -r -f
complete -c retry -n __retry_at_options -l breaker-failures -d 'Failures in a row that open the circuit [default: 5]' -r -f
complete -c retry -n __retry_at_options -l breaker-rate -d 'Share of failed attempts that opens the circuit, as 50%' -r -f
complete -c retry -n __retry_at_options -l breaker-min-attempts -d 'Attempts below which --breaker-rate opens nothing [default: 10]' -r -f
complete -c retry -n __retry_at_options -l breaker-window -d 'Time in which failures count [default: 60, for a rate]' -r -f
complete -c retry -n __retry_at_options -l breaker-open -d 'How long the circuit is open at first [default: 5]' -r -f
complete -c retry -n __retry_at_options -l budget -d 'Retry budget to share under this name' -r -f
complete -c retry -n __retry_at_options -l budget-ratio -d 'What a success gives back to the budget [default: 0.2]' -r -f
complete -c retry -n __retry_at_options -l budget-burst -d 'How many retries the budget holds [default: 10]' -r -f
complete -c retry -n __retry_at_options -l state -d 'Where shared state lives: a directory or redis://...' -r -f
complete -c retry -n __retry_at_options -l reset-state -d 'Forget the breaker and the budget of this name, and run nothing' -r -f
complete -c retry -n __retry_at_options -l log -d 'Where messages go: stderr, journald, syslog, a file' -r -f
complete -c retry -n __retry_at_options -l log-format -d 'Messages, and what --dry-run prints, as text or JSON' -r -f -a "text\t'For people'
json\t'For machines'"
complete -c retry -n __retry_at_options -l report -d 'Write an account of the run as JSON' -r -F
complete -c retry -n __retry_at_options -l junit -d 'Write the run as a test case of a JUnit file' -r -F
complete -c retry -n __retry_at_options -l ci -d 'Annotations, summary and outputs of a CI step' -r -f -a "auto\t'What the environment says'
github\t'GitHub Actions'
none\t'Nothing of the kind'"
complete -c retry -n __retry_at_options -l progress -d 'Count a delay down in one line [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Everywhere'
never\t'Nowhere'"
complete -c retry -n __retry_at_options -l color -d 'Colour messages: red, yellow, green [default: auto]' -r -f -a "auto\t'On a terminal'
always\t'Everywhere'
never\t'Nowhere'"
complete -c retry -n __retry_at_options -l label -d 'A name for the run in messages and reports' -r -f
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
complete -c retry -n __retry_at_options -l stats -d 'Add up what --report wrote into these files; - is stdin' -r -F
complete -c retry -n __retry_at_options -l html -d 'Also write what --stats found as a page for a browser' -r -F
complete -c retry -n __retry_at_options -l generate -d 'Print the man page or a shell\'s completions' -r -f -a "man\t'man/retry.1'
bash\t'completions/retry.bash'
zsh\t'completions/_retry'
fish\t'completions/retry.fish'
powershell\t'completions/_retry.ps1'
elvish\t'completions/retry.elv'"
complete -c retry -n __retry_at_options -s O -d 'Short for --stdout final: a pipe sees one attempt'
complete -c retry -n __retry_at_options -l show-state -d 'Print what is shared, and run nothing'
complete -c retry -n __retry_at_options -s q -l quiet -d 'Say only why it failed in the end, in one line'
complete -c retry -n __retry_at_options -l silent -d 'Say nothing at all, not even that it failed'
complete -c retry -n __retry_at_options -s v -l verbose -d 'Also say what starts, its arguments, and which rule decided'
complete -c retry -n __retry_at_options -l dry-run -d 'Print the plan and run nothing'
complete -c retry -n __retry_at_options -s h -l help -d 'Print help (-h the short one, --help all of it)'
complete -c retry -n __retry_at_options -s V -l version -d 'Print the version'
