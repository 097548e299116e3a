# Background programs of a script: started, awaited, watched, and ended with it. Sourced by tools/scripts/run and
# e2e/login/run.
# shellcheck shell=bash

readonly READY_SECONDS=${READY_SECONDS:-60}

names=()
pids=()
work=

# Prepares a directory in $work, and ends everything that was started when the script ends.
begin_work() {
    trap end_all EXIT
    trap 'say; say "Ending."; exit 0' INT TERM HUP
    work=$(mktemp -d "${TMPDIR:-/tmp}/$1.XXXXXX")
}

# A shell without job control starts its background programs with SIGINT ignored, and bash can't trap
# what was ignored when it started. Python can give the signal back. Arguments: the script and its own.
reset_ignored_signals() {
    if [[ $(trap -p INT) == "trap -- '' "* && -z ${ALB_AUTHN_SIGNALS_RESET:-} ]] &&
        command -v python3 >/dev/null; then
        ALB_AUTHN_SIGNALS_RESET=1 exec python3 -c \
            'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$BASH" "$@"
    fi
}

# check_files TARGET FILE...: the make target that builds or installs them.
check_files() {
    local file target=$1
    shift
    for file in "$@"; do
        [[ -f $file ]] || fail "$file is missing: \`make $target\` builds or installs it"
    done
}

# check_ports TARGET NAME...: NAME is the variable that contains the port.
check_ports() {
    local name target=$1
    shift
    for name in "$@"; do
        [[ ${!name} =~ ^[1-9][0-9]{0,4}$ ]] || fail "$name must be a port number, not '${!name}'"
        ! is_open "${!name}" ||
            fail "port ${!name} is taken: set another with $name, as in \`$name=$((${!name} % 10000 + 20000)) make $target\`"
    done
}

is_open() {
    (: >"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# The response to a GET, without needing curl; no answer is an empty one.
http_get() {
    (
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        printf 'GET %s HTTP/1.1\r\nhost: 127.0.0.1:%s\r\nconnection: close\r\n\r\n' "$2" "$1" >&3
        cat <&3
    ) 2>/dev/null || true
}

start() {
    names+=("$1")
    shift
    "$@" &
    pids+=($!)
}

# Waits until a condition is true: await WHAT COMMAND...
await() {
    local what=$1 deadline=$((SECONDS + READY_SECONDS))
    shift
    until "$@"; do
        check_children
        if ((SECONDS >= deadline)); then
            show_logs
            fail "$what is not ready after $READY_SECONDS seconds"
        fi
        sleep 0.1
    done
}

# Ends with the first program that does.
watch_children() {
    while true; do
        check_children
        sleep 0.5
    done
}

check_children() {
    local i
    for i in "${!pids[@]}"; do
        if ! kill -0 "${pids[i]}" 2>/dev/null; then
            local status=0
            wait "${pids[i]}" || status=$?
            show_logs
            fail "${names[i]} ended with status $status"
        fi
    done
}

show_logs() {
    local name
    for name in "${names[@]}"; do
        if [[ -s $work/$name.log ]]; then
            say "--- the end of the log of $name:" >&2
            tail -n 20 "$work/$name.log" >&2
        fi
    done
}

end_all() {
    trap '' INT TERM HUP
    local pid deadline=$((SECONDS + 5))
    for pid in ${pids[@]+"${pids[@]}"}; do
        kill -TERM "$pid" 2>/dev/null || true
    done
    for pid in ${pids[@]+"${pids[@]}"}; do
        while kill -0 "$pid" 2>/dev/null && ((SECONDS < deadline)); do
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    [[ -z $work ]] || rm -rf "$work"
}

say() {
    printf '%s\n' "$*"
}

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}
