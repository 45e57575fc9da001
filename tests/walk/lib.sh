# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Shared by the scripts that boot machines: ROOT and PACKAGES are their first two arguments.

. "$(dirname "$0")/../roots/lib.sh"

root=${1:?which root?} packages=${2:?which directory of packages?}
work=$(mktemp -d)
chmod 755 "$work"
started='' groups=''

# shellcheck disable=SC2086 # process ids
clean_up() {
        [ -z "$started" ] || kill -9 $started 2>/dev/null || :
        wait 2>/dev/null || :
        [ -z "$groups" ] || remove_groups
        rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Empty once process 1 of the machine is gone, and with it all others; the kernel takes a moment.
remove_groups() {
        mount -t cgroup2 cgroup2 "$work"
        for group in $groups; do
                tries=100
                until [ ! -d "$work/$group" ] || [ "$tries" -eq 0 ]; do
                        find "$work/$group" -depth -type d -exec rmdir {} + 2>/dev/null || :
                        tries=$((tries - 1))
                        sleep 0.1
                done
        done
        umount "$work"
}

# within SECONDS COMMAND...: until it succeeds
within() {
        tries=$(($1 * 10))
        shift
        until "$@" >/dev/null 2>&1; do
                tries=$((tries - 1))
                [ "$tries" -gt 0 ] || die "in vain: $*"
                sleep 0.1
        done
}

# on MACHINE COMMAND...: runs it there, as root's shell would
on() {
        "$here/enter" "$@"
}

# Into machine. Until the first process of its own is systemd it is still this script's shell, outside of the root.
find_machine() {
        # shellcheck disable=SC2013 # words of one line
        for machine in $(cat "/proc/$1/task/$1/children"); do
                [ "$(cat "/proc/$machine/comm")" != systemd ] || return 0
        done
        return 1
}

# boot NAME: into machine, the id of its first process
boot() {
        group=sconce-walk-$$-$1
        groups="$groups $group"
        "$here/boot" "$root" "$1" "$group" "$packages" >"$work/$1.log" 2>&1 &
        outer=$!
        started="$outer $started"
        within 30 find_machine "$outer"
        within 60 on "$machine" systemctl --quiet is-active multi-user.target
}

# install_on MACHINE FILES: as the newcomer does, whose shell expands what stands for them
install_on() {
        on "$1" sh -c "apt-get install -qq --no-install-recommends $2" >"$work/install.log" 2>&1 || die "$(cat "$work/install.log")"
}
