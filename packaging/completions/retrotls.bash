# bash completion for retrotls(1)
_retrotls() {
    local cur=${COMP_WORDS[COMP_CWORD]} i=1 word
    while ((i < COMP_CWORD)); do
        word=${COMP_WORDS[i]}
        case $word in
        -p | --policy) ((i += 2)); continue ;;
        --) ((i++)); break ;;
        -*) ((i++)); continue ;;
        esac
        break
    done
    if ((i < COMP_CWORD)); then
        case ${COMP_WORDS[i]} in
        check | explain)
            case $cur in
            -*) mapfile -t COMPREPLY < <(compgen -W '--program --user --json' -- "$cur") ;;
            *) mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur") ;;
            esac ;;
        status) mapfile -t COMPREPLY < <(compgen -W '--watch --json' -- "$cur") ;;
        lint) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
        doctor) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
        *) if declare -F _command_offset > /dev/null; then _command_offset "$i"
           else mapfile -t COMPREPLY < <(compgen -f -- "$cur"); fi ;;
        esac
        return
    fi
    case ${COMP_WORDS[COMP_CWORD - 1]} in
    -p | --policy) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
    esac
    case $cur in
    -*) mapfile -t COMPREPLY < <(compgen -W '-p --policy= -v --verbose --help --version --' -- "$cur") ;;
    *) mapfile -t COMPREPLY < <(compgen -W 'check doctor explain lint status' -c -- "$cur") ;;
    esac
}
complete -o filenames -F _retrotls retrotls
