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

# The newest MQTT.js and Node-RED that package.json allows. No script of a package runs: all of them are plain JavaScript.
get_npm() {
        need_command node nodejs
        need_command npm npm
        need_command curl curl
        name=strangers-npm-$(node --version | key_of "$strangers/package.json")
        lock "$name"
        if [ ! -e "$cache/$name/complete" ]; then
                say "installing MQTT.js and Node-RED (half a minute, 120 MB)"
                mkdir -p "$cache/$name"
                cp "$strangers/package.json" "$cache/$name/"
                fetch "npm's registry" npm --prefix "$cache/$name" install --no-audit --no-fund --no-package-lock --ignore-scripts
                touch "$cache/$name/complete"
        fi
        ln -sfn "$cache/$name/node_modules" "$scratch/node_modules"
}

# get_go PROGRAM.go LINK: built with the versions of tests/strangers/go.mod
get_go() {
        need_command go golang-go
        name=strangers-go-$(GOTOOLCHAIN=local go version | key_of "$strangers/go.mod" "$strangers/go.sum" "$1")
        lock "$name"
        if [ ! -e "$cache/$name" ]; then
                say "building the client in Go"
                fetch "Go's module proxy" env -C "$strangers" GOTOOLCHAIN=local GOFLAGS=-buildvcs=false \
                        go build -o "$cache/$name.new" "$1"
                mv "$cache/$name.new" "$cache/$name"
        fi
        ln -sfn "$cache/$name" "$scratch/$2"
}

# need_version NAME HAS WANTS: both are dotted numbers
need_version() {
        printf '%s\n' "$3" "$2" | sort -CV || skip "$1 $2 is too old, it takes $3"
}

# The broker in JavaScript, linked to where its program is copied.
get_aedes() {
        need_command node nodejs
        need_command npm npm
        need_version Node.js "$(node --version | tr -d v)" 20
        name=strangers-aedes-$(node --version | key_of "$strangers/aedes/package.json")
        lock "$name"
        if [ ! -e "$cache/$name/complete" ]; then
                say "installing aedes (ten seconds, 6 MB)"
                mkdir -p "$cache/$name"
                cp "$strangers/aedes/package.json" "$cache/$name/"
                fetch "npm's registry" npm --prefix "$cache/$name" install --no-audit --no-fund --no-package-lock --ignore-scripts
                touch "$cache/$name/complete"
        fi
        mkdir "$scratch/aedes-program"
        cp "$strangers/aedes/package.json" "$strangers/aedes/broker.js" "$scratch/aedes-program/"
        ln -s "$cache/$name/node_modules" "$scratch/aedes-program/node_modules"
}

# The broker in Go, as $scratch/mochi-program.
get_mochi() {
        need_command go golang-go
        need_version Go "$(GOTOOLCHAIN=local go env GOVERSION | tr -d go)" 1.21
        name=strangers-mochi-$(GOTOOLCHAIN=local go version | key_of "$strangers/mochi/go.mod" "$strangers/mochi/go.sum" "$strangers/mochi/broker.go")
        lock "$name"
        if [ ! -e "$cache/$name" ]; then
                say "building mochi-mqtt"
                fetch "Go's module proxy" env -C "$strangers/mochi" GOTOOLCHAIN=local GOFLAGS=-buildvcs=false \
                        go build -o "$cache/$name.new" broker.go
                mv "$cache/$name.new" "$cache/$name"
        fi
        ln -sfn "$cache/$name" "$scratch/mochi-program"
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
        go) (get_go "$strangers/lamp.go" lamp-go) ;;
        bench-go) (get_go "$tree/tests/bench/peers/lamp.go" bench-go) ;;
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
