# bash(1): completion for sconce, sconced and sconce-pki.

# Words that --help lists: commands at the begin of a line (but for examples), or options.
_sconce_words() {
    "$1" --help 2>/dev/null | grep -oE "$2" | tr -d ' ' | grep -vxE 'sudo|sconced?' | sort -u
}

_sconce() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[0]} words
    case $previous in
    --config | --plugins | install) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
    esac
    if [[ $word == -* ]]; then
        words=$(_sconce_words "$command" '(^| )--[a-z-]+')
    elif [[ $COMP_CWORD -eq 1 ]]; then
        words=$(_sconce_words "$command" '^  [a-z]+')
    elif [[ ${command##*/} == sconce && $COMP_CWORD -eq 2 ]]; then
        words=$(timeout 2 "$command" list 2>/dev/null | awk 'NR > 1 { print $2; print $1 "/" $2 }')
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _sconce sconce sconced sconce-pki
