# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Shared by the scripts of the kernel ring: where things are kept, how they speak.
#
# Exit codes everywhere: 0 done, 77 "cannot run on this machine" with its reason, else a failure.

# shellcheck disable=SC2034 # both are used by the scripts that read this file
here=$(cd "$(dirname "$0")" && pwd -P)
# shellcheck disable=SC2034
tree=$(cd "$here/../.." && pwd -P)
cache=${SCONCE_CACHE:-${XDG_CACHE_HOME:-${HOME:?set SCONCE_CACHE to a directory of your own}/.cache}/sconce}

say() {
        echo "${0##*/}: $*" >&2
}

die() {
        say "$*"
        exit 1
}

skip() {
        echo "skipped: $*" >&2
        exit 77
}

# need_command COMMAND PACKAGES: skips when the command is missing
need_command() {
        command -v "$1" >/dev/null || skip "$1 is missing (apt-get install $2)"
}

# quote WORD: the word as a shell reads it back
quote() {
        printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"
}

# key_of FILE...: a short digest of files' contents and of what stands on standard input
key_of() {
        { cat; cat "$@"; } | sha256sum | cut -c1-16
}

# lock NAME: holds $cache/NAME.lock until the script ends, saying so when another holds it first
lock() {
        mkdir -p "$cache"
        exec 9>"$cache/$1.lock"
        flock -n 9 && return
        say "waiting for another process that is making $1"
        flock 9
}

# build_directory ROOT: prints the build directory that stands for the tree's own under that root. Objects of two C
# libraries do not mix.
build_directory() {
        build=$cache/build-$(echo "$tree $1" | key_of /dev/null)
        mkdir -p "$build" "$tree/build"
        echo "$build"
}
