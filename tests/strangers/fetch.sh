# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Gets MQTT clients that are not ours, each kept in the cache: what tests/strangers and tests/bench try. Read after
# tests/kernel/lib.sh by a script that has made the directory $scratch, where they are linked to.

strangers=$tree/tests/strangers

not_reached='ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|dial tcp|no such host|i/o timeout|TLS handshake timeout'
pip_not_reached='Connection|name resolution|timed out|from versions: none'

# fetch WHAT COMMAND…: skips where the registry is not reached
fetch() {
        what=$1
        shift
        "$@" >"$cache/$name.log" 2>&1 && return
        tail -n 5 "$cache/$name.log" >&2
        grep -qE "$not_reached" "$cache/$name.log" && skip "$what is not reached"
        die "the whole log is $cache/$name.log"
}

# install_npm NAME FOLDER WHAT: the newest that the folder's package.json allows, as $cache/$name. No script of a package runs: all of
# them are plain JavaScript.
install_npm() {
        need_command node nodejs
        need_command npm npm
        name=strangers-$1-$(node --version | key_of "$2/package.json")
        lock "$name"
        [ ! -e "$cache/$name/complete" ] || return 0
        say "installing $3"
        mkdir -p "$cache/$name"
        cp "$2/package.json" "$cache/$name/"
        fetch "npm's registry" npm --prefix "$cache/$name" install --no-audit --no-fund --no-package-lock --ignore-scripts
        touch "$cache/$name/complete"
}

# build_go NAME FOLDER PROGRAM.go LINK: with the versions of the folder's go.mod, as $scratch/LINK
build_go() {
        need_command go golang-go
        name=strangers-$1-$(GOTOOLCHAIN=local go version | key_of "$2/go.mod" "$2/go.sum" "$3")
        lock "$name"
        if [ ! -e "$cache/$name" ]; then
                say "building ${3##*/}"
                fetch "Go's module proxy" env -C "$2" GOTOOLCHAIN=local GOFLAGS=-buildvcs=false go build -o "$cache/$name.new" "$3"
                mv "$cache/$name.new" "$cache/$name"
        fi
        ln -sfn "$cache/$name" "$scratch/$4"
}

# MQTT.js and Node-RED.
get_npm() {
        need_command curl curl
        install_npm npm "$strangers" "MQTT.js and Node-RED (half a minute, 120 MB)"
        ln -sfn "$cache/$name/node_modules" "$scratch/node_modules"
}

# need_version NAME HAS WANTS: both are dotted numbers
need_version() {
        printf '%s\n' "$3" "$2" | sort -CV || skip "$1 $2 is too old, it takes $3"
}

# The broker in JavaScript, linked to where its program is copied.
get_aedes() {
        need_command node nodejs
        need_version Node.js "$(node --version | tr -d v)" 20
        install_npm aedes "$strangers/aedes" "aedes (ten seconds, 6 MB)"
        mkdir "$scratch/aedes-program"
        cp "$strangers/aedes/package.json" "$strangers/aedes/broker.js" "$scratch/aedes-program/"
        ln -s "$cache/$name/node_modules" "$scratch/aedes-program/node_modules"
}

# The broker in Go.
get_mochi() {
        need_command go golang-go
        need_version Go "$(GOTOOLCHAIN=local go env GOVERSION | tr -d go)" 1.21
        build_go mochi "$strangers/mochi" "$strangers/mochi/broker.go" mochi-program
}

get_python() {
        /usr/bin/python3 -c 'import paho.mqtt.client' 2>/dev/null ||
                skip "paho for Python is missing (apt-get install python3-paho-mqtt)"
}

# The newest mqtt-io, in a virtual environment of its own; where the index is not reached, the one that is there.
get_mqtt_io() {
        need_command /usr/bin/python3 python3
        name=strangers-mqtt-io-$(/usr/bin/python3 --version | key_of /dev/null)
        lock "$name"
        [ -x "$cache/$name/bin/pip" ] || /usr/bin/python3 -m venv "$cache/$name" 2>&1 || skip "a virtual environment (apt-get install python3-venv)"
        if ! "$cache/$name/bin/pip" install -q --upgrade mqtt-io >"$cache/$name.log" 2>&1 && [ ! -x "$cache/$name/bin/mqtt-io" ]; then
                tail -n 5 "$cache/$name.log" >&2
                grep -qE "$pip_not_reached" "$cache/$name.log" && skip "PyPI is not reached"
                die "the whole log is $cache/$name.log"
        fi
        ln -sfn "$cache/$name" "$scratch/mqtt-io"
}

# prepare CLIENT: what keeps it from being tried is in $scratch/CLIENT.skipped
prepare() {
        status=0
        case $1 in
        npm) (get_npm) ;;
        go) (build_go go "$strangers" "$strangers/lamp.go" lamp-go) ;;
        bench-go) (build_go go "$strangers" "$tree/tests/bench/peers/lamp.go" bench-go) ;;
        mqtt-io) (get_mqtt_io) ;;
        python) (get_python) ;;
        esac 2>"$scratch/log" || status=$?
        cat "$scratch/log" >&2
        case $status in
        0) ;;
        77) sed -n 's/^skipped: //p' "$scratch/log" >"$scratch/$1.skipped" ;;
        *) exit "$status" ;;
        esac
}
