
# retry's own options are completed by _retry_options, the rest by what the command completes to.
_retry() {
    local valued=" @VALUED@ "
    local i=1 word option="" ended="" cur="$2" head
    COMPREPLY=()
    # The first word that is neither an option nor the value of one is the command.
    while (( i < COMP_CWORD )); do
        word=${COMP_WORDS[i]}
        if [[ $word == -- ]]; then
            (( i += 1 ))
            ended=1
            break
        elif [[ $word != -?* ]]; then
            break
        fi
        # -qr 3 is -q -r 3
        while [[ $word == -[@SWITCHES@]?* ]]; do
            word=-${word:2}
        done
        option=$word
        # Bash splits words at "=" and ":".
        if [[ ${COMP_WORDS[i + 1]} == "=" ]]; then
            (( i += 3 ))
        elif [[ $valued == *" $word "* ]]; then
            (( i += 2 ))
        else
            (( i += 1 ))
        fi
        while (( i < COMP_CWORD )) && [[ ${COMP_WORDS[i]} == [=:]* ]]; do
            (( i += 2 ))
        done
    done

    if (( i < COMP_CWORD )) || [[ $i -eq $COMP_CWORD && ( $ended || ${COMP_WORDS[i]} != -* ) ]]; then
        _retry_command "$i"
        return
    fi
    [[ $cur == "=" ]] && cur=""
    (( i == COMP_CWORD )) && option=""
    case $option in
        @SET_FLAGS@)
            head=""
            [[ $cur == *,* ]] && head=${cur%,*},
            COMPREPLY=($(compgen -P "$head" -W "@SET@" -- "${cur##*,}"))
            ;;
        *)
            _retry_options "$1" "$cur" "$option"
            ;;
    esac
}

# Completes the words from number $1 on as a command line of their own.
_retry_command() {
    local offset=$1 cur=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[$1]} spec
    # What the command's own completion does not offer must not be offered as a file.
    if declare -F _comp_command_offset > /dev/null; then
        compopt +o bashdefault +o default +o nosort 2> /dev/null
        _comp_command_offset "$offset"
    elif declare -F _command_offset > /dev/null; then
        compopt +o bashdefault +o default +o nosort 2> /dev/null
        _command_offset "$offset"
    elif (( offset == COMP_CWORD )); then
        local IFS=$'\n'
        COMPREPLY=($(compgen -c -- "$cur"))
    elif spec=$(complete -p "${command##*/}" 2> /dev/null) && [[ $spec == *" -F "* ]]; then
        spec=${spec#* -F }
        COMP_WORDS=("${COMP_WORDS[@]:offset}")
        (( COMP_CWORD -= offset ))
        COMP_LINE=${COMP_WORDS[*]}
        COMP_POINT=${#COMP_LINE}
        "${spec%% *}" "$command" "$cur" "${COMP_WORDS[COMP_CWORD - 1]}"
    fi
}

