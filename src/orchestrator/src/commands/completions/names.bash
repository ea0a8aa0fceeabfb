
# The names of instances, where one is expected; everything else is as generated above.
_ytorch_with_names() {
    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" verb="" root=() index
    for ((index = 1; index < COMP_CWORD; index++)); do
        case "${COMP_WORDS[index]}" in
            --root) root=(--root "${COMP_WORDS[++index]}") ;;
            -*) ;;
            *) verb="${COMP_WORDS[index]}"; break ;;
        esac
    done
    # bash cuts `--option=word` into three words.
    [[ "$current" == "=" ]] && current=""
    [[ "$previous" == "=" ]] && previous="${COMP_WORDS[COMP_CWORD-2]}"
    if [[ "$previous" == "--instance" ]]; then
        COMPREPLY=($(compgen -W "$(ytorch "${root[@]}" __names 2>/dev/null)" -- "$current"))
        return 0
    fi
    _ytorch "$@"
    case "$current" in
        -*) return 0 ;;
    esac
    case "$previous" in
        OPTIONS) return 0 ;;
    esac
    case "$verb" in
        VERBS) COMPREPLY+=($(compgen -W "$(ytorch "${root[@]}" __names 2>/dev/null)" -- "$current")) ;;
    esac
}

complete -F _ytorch_with_names -o nosort -o bashdefault -o default ytorch
