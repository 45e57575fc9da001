# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Shared by the scripts that make and use Debian root directories. What is made is kept in $cache under a key of what
# it was made from.

. "$(dirname "$0")/../kernel/lib.sh"

# The libraries that the project is built on. docs: CONTRIBUTING.md says why each.
# shellcheck disable=SC2034 # used by the scripts that read this file
libraries="libmosquitto-dev libgpiod-dev libconfig-dev libcmocka-dev libsystemd-dev libjansson-dev libsmartcols-dev libqrencode-dev libyaml-dev
        libssl-dev libsqlite3-dev"

need_root() {
        [ "$(id -u)" -eq 0 ] || skip "$1 needs root (sudo $here/${0##*/})"
}

# debian_mirror: prints the mirror that this machine's own apt uses for Debian
debian_mirror() {
        # shellcheck disable=SC2016 # apt-get expands the format
        mirror=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' |
                sed -n 's/^Debian Debian //p' | sed -n 1p)
        [ -n "$mirror" ] || skip "apt has no Debian mirror in its sources (is apt-get update needed?)"
        echo "$mirror"
}

# need_emulation ARCH: programs of that architecture can be started here, by qemu where the processor cannot
need_emulation() {
        case $1 in
        "$(dpkg --print-architecture)") return 0 ;;
        arm64) emulator=qemu-aarch64 ;;
        armhf) emulator=qemu-arm ;;
        *) die "no emulator is known for $1" ;;
        esac
        need_command arch-test arch-test
        arch-test "$1" >/dev/null 2>&1 && return 0
        need_command update-binfmts "binfmt-support qemu-user-static"
        [ -e /proc/sys/fs/binfmt_misc/register ] || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc ||
                skip "binfmt_misc cannot be mounted: $1 programs cannot be started here"
        update-binfmts --enable "$emulator" >/dev/null 2>&1 || :
        arch-test "$1" >/dev/null 2>&1 || skip "$1 programs cannot be started here (apt-get install qemu-user-static)"
}

# words_to_list WORDS: with commas between
words_to_list() {
        echo "$1" | tr -s '\n\t ' ',,,' | sed 's/^,//; s/,$//'
}

# root_is_made NAME: prints its path if it is there
root_is_made() {
        [ -e "$cache/$1/sconce-root" ] && echo "$cache/$1"
}

# make_root NAME SUITE MMDEBSTRAP-OPTION...: makes $cache/NAME, once, and prints its path
make_root() {
        name=$1 suite=$2
        shift 2
        need_root "making a $suite root"
        need_command mmdebstrap mmdebstrap
        need_command apt-get apt
        need_command flock util-linux
        mirror=$(debian_mirror)
        lock "$name"
        root_is_made "$name" && return

        work=$(mktemp -d "$cache/making.XXXXXX")
        trap 'rm -rf "$work"' EXIT
        trap 'exit 130' INT
        trap 'exit 143' TERM
        chmod 755 "$work"
        apt-config dump | grep -E '^Acquire::(https?::|Check-Valid-Until )' >"$work/apt.conf" || :
        say "making $name (minutes; log in $cache/$name.log)"
        # shellcheck disable=SC2016 # mmdebstrap runs the hooks
        timeout 1800 mmdebstrap --mode=root --aptopt="$work/apt.conf" \
                --customize-hook='mkdir "$1/src" "$1/out"; echo "127.0.0.1 localhost" >"$1/etc/hosts"' "$@" \
                "$suite" "$work/root" "$mirror" >"$cache/$name.log" 2>&1 || {
                tail -n 30 "$cache/$name.log" >&2
                die "mmdebstrap failed; the whole log is $cache/$name.log"
        }
        touch "$work/root/sconce-root"
        chmod 755 "$work/root"
        mv "$work/root" "$cache/$name"
        say "done: $cache/$name"
        echo "$cache/$name"
}

# dependencies_of DEB...: prints the names of the packages that these depend on, of alternatives the first, without those
# among the given ones
dependencies_of() {
        own=$(for deb in "$@"; do dpkg-deb -f "$deb" Package; done)
        for deb in "$@"; do
                dpkg-deb -f "$deb" Pre-Depends Depends
        done | sed 's/^[A-Z][A-Za-z-]*://' | tr ',' '\n' | sed 's/|.*//; s/([^)]*)//; s/[[:space:]]//g; s/:any$//' |
                grep . | sort -u | grep -vxF "$own" || :
}

# lend_page ROOT: the page of this tree's build directory, if it was built, is in that root's too, where there is no npm
lend_page() {
        [ -d "$tree/build/dashboard" ] || return 0
        lent=$(build_directory "$1")
        rm -rf "$lent/dashboard"
        cp -r "$tree/build/dashboard" "$lent/"
}
