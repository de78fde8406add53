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
                set word (string replace -r '^-[@SWITCHES@]+(?=.)' - -- $word)
                if contains -- $word @VALUED@
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
