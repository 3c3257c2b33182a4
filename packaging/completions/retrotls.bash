# bash completion for retrotls(1)

# Programs in PATH, or files if the word begins a path.
_retrotls_programs() {
    if [[ $1 == */* ]]; then
        compopt -o filenames 2> /dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$1")
    else
        mapfile -t COMPREPLY < <(compgen -c -- "$1" | sort -u)
    fi
}

_retrotls_files() {
    compopt -o filenames 2> /dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# $1: the word that is being completed; then the possible options.
_retrotls_options() {
    mapfile -t COMPREPLY < <(compgen -W "${*:2}" -- "$1")
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2> /dev/null
}

_retrotls_commands() {
    mapfile -t COMPREPLY < <(compgen -W 'check doctor explain help lint log status version' -- "$1")
}

# Completes the value of an option; false if $1 is not an option with a value.
_retrotls_value() {
    case $1 in
    -p | --policy) _retrotls_files "$2" ;;
    -P | --protocol) mapfile -t COMPREPLY < <(compgen -W 'smtp lmtp imap pop3 nntp sieve' -- "$2") ;;
    --program) _retrotls_programs "$2" ;;
    --user) mapfile -t COMPREPLY < <(compgen -u -- "$2") ;;
    --address | --pid | --service) ;;
    *) return 1 ;;
    esac
}

_retrotls() {
    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} i=1 ended=
    COMPREPLY=()

    # The first word that is not an option: a command, or the program. '=' stands alone in COMP_WORDS.
    while ((i < COMP_CWORD)); do
        case ${COMP_WORDS[i]} in
        -p | --policy) ((i += 2)); [[ ${COMP_WORDS[i - 1]} == = ]] && ((i += 1)); continue ;;
        --) ((i++)); ended=1; break ;;
        -*) ((i++)); continue ;;
        esac
        break
    done

    if [[ $cur == = ]]; then
        cur=
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if ((i >= COMP_CWORD)); then
        if [[ $ended ]]; then _retrotls_programs "$cur"; return; fi
        _retrotls_value "$before" "$cur" && return
        case $cur in
        -*) _retrotls_options "$cur" -p --policy= --supervise --no-supervise -v --verbose -h --help -V --version -- ;;
        '') _retrotls_commands '' ;; # programs take a letter: there are thousands
        */*) _retrotls_programs "$cur" ;;
        *)
            compopt -o nosort 2> /dev/null
            _retrotls_commands "$cur"
            mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -c -- "$cur" | sort -u) ;;
        esac
        return
    fi
    case ${ended:+--}${COMP_WORDS[i]} in
    check | explain)
        _retrotls_value "$before" "$cur" && return
        case ${COMP_WORDS[i]},$cur in
        check,-*) _retrotls_options "$cur" -P --protocol= --program= --json -p --policy= -h --help ;;
        explain,-*) _retrotls_options "$cur" --program= --user= --address= -p --policy= -h --help ;;
        *) [[ $cur == : || $before == : ]] || mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur") ;;
        esac ;;
    log) _retrotls_options "$cur" -n --lines= --follow --json -h --help ;;
    status) _retrotls_options "$cur" --watch --json -h --help ;;
    version) _retrotls_options "$cur" -h --help ;;
    help) if [[ $cur == -* ]]; then _retrotls_options "$cur" -h --help; else _retrotls_commands "$cur"; fi ;;
    lint)
        _retrotls_value "$before" "$cur" && return
        if [[ $cur == -* ]]; then _retrotls_options "$cur" -p --policy= -h --help; else _retrotls_files "$cur"; fi ;;
    doctor)
        _retrotls_value "$before" "$cur" && return
        if [[ $cur == -* ]]; then _retrotls_options "$cur" -p --policy= --pid= --service= -h --help; else _retrotls_programs "$cur"; fi ;;
    *) if declare -F _command_offset > /dev/null; then _command_offset "$i"; else _retrotls_files "$cur"; fi ;;
    esac
}
complete -F _retrotls retrotls
