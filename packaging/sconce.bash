# bash(1): completion for sconce, sconced, sconce-pki and the two commands that set a broker and its page up.
#
# What devices are called comes from the broker, and may be anything. No such word reaches `compgen -W` or anything
# else that expands what it is given: each is held against the grammar of names, and compared.

# Words that --help lists: commands at the begin of a line (but for examples), or options.
_sconce_words() {
    "$1" --help 2>/dev/null | grep -oE "$2" | tr -d ' ' | grep -vxE 'sudo|sconced?' | sort -u
}

# DEVICE and NODE/DEVICE of every device, by `sconce list` with the options given.
_sconce_devices() {
    timeout 2 "$@" list 2>/dev/null | LC_ALL=C awk '
        function is_name(word) { return length(word) <= 64 && word ~ /^[a-z0-9][a-z0-9_-]*$/ }
        NR > 1 && is_name($1) && is_name($2) { print $2; print $1 "/" $2 }' | sort -u
}

# The nodes of these devices.
_sconce_nodes() {
    _sconce_devices "$@" | sed -n 's|/.*||p' | sort -u
}

# Those of the words on standard input that begin like $1.
_sconce_offer() {
    local candidate
    while IFS= read -r candidate; do
        [[ $candidate == "$1"* ]] && COMPREPLY+=("$candidate")
    done
}

_sconce() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[0]}
    local config=() words=() at
    COMPREPLY=()
    case $previous in
    --config | --output | -o | --plugins | install)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --timeout | --channel) return ;;
    esac
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
        --config) config=(--config "${COMP_WORDS[++at]/#\~\//$HOME/}") ;;
        --output | -o | --plugins | --timeout | --channel) at=$((at + 1)) ;;
        -*) ;;
        *) words+=("${COMP_WORDS[at]}") ;;
        esac
    done
    if [[ $word == -* ]]; then
        _sconce_offer "$word" < <(_sconce_words "$command" '(^| )--[a-z-]+')
    elif [[ ${#words[@]} -eq 0 ]]; then
        _sconce_offer "$word" < <(_sconce_words "$command" '^  [a-z]+')
    elif [[ ${command##*/} == sconce && ${#words[@]} -eq 1 && ${words[0]} =~ ^(get|set|trend|watch|forget)$ ]]; then
        _sconce_offer "$word" < <(_sconce_devices "$command" "${config[@]}")
    elif [[ ${command##*/} == sconce && ${#words[@]} -eq 1 && ${words[0]} == import ]]; then
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    elif [[ ${command##*/} == sconce && ${#words[@]} -eq 1 && ${words[0]} == doctor ]]; then
        _sconce_offer "$word" < <(_sconce_nodes "$command" "${config[@]}")
    fi
}

# Options alone: what a HOST is called is nobody's to guess.
_sconce_setup() {
    local word=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=()
    [[ $word != -* ]] || _sconce_offer "$word" < <(_sconce_words "${COMP_WORDS[0]}" '(^| )--[a-z-]+')
}

complete -F _sconce sconce sconced sconce-pki
complete -F _sconce_setup sconce-broker-setup sconce-dashboard-setup
