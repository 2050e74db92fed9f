#!/bin/sh
# Run one step of the set-up: print one line, keep what the command prints in a log, and show the end of that log, with
# one hint, only when the command fails.
#
#     tools/step.sh "Install the Python packages" python -m pip install --requirement requirements.txt
#
# $STEP_LOGS is the directory of the logs (default: .tools/log). The exit status is the command's.
set -u

if [ "$#" -lt 2 ]; then
    echo "usage: tools/step.sh TITLE COMMAND [ARGUMENT ...]" >&2
    exit 2
fi
title=$1
shift
name=${title%%,*}  # what follows a comma is an explanation
logs=${STEP_LOGS:-.tools/log}
log=$logs/$(printf %s "$name" | tr A-Z a-z | tr -cs a-z0-9 -).log

# pip prints hundreds of these on some machines; they hide the error.
noise='^WARNING: Location .* ignored'
lines_shown=25

# Patterns are tried in this order: an error of the disk or of a hash also ends in "could not install".
hint() {
    if matches 'No space left on device|ENOSPC|Disk quota exceeded'; then
        echo "the disk is full: free some space (make demo needs about 2 GB, make test 3 GB), then run make again"
    elif matches 'DO NOT MATCH THE HASHES|EINTEGRITY|integrity checksum failed'; then
        echo "a download differs from the hash that is pinned here: retry, as a proxy or an index may have sent a broken" \
            "file; if it fails again, do not install it. After a deliberate change of a version, run make hashes"
    elif [ "$status" -eq 127 ] || matches 'Python 3.11 or newer is needed'; then
        echo "set PYTHON to a Python 3.11 or newer, for example: make setup PYTHON=/path/to/python3.11"
    elif matches 'ensurepip is not|No module named .?(venv|ensurepip)'; then
        echo "this Python has no venv module: install it (Debian and Ubuntu: apt install python3-venv), or choose" \
            "another Python: make setup PYTHON=/path/to/python3.11"
    elif matches 'npm (ERR!|error) .*(ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ERR_SOCKET|CERT|network)'; then
        echo "npm cannot reach its registry ($(registry)): check the network, or set" \
            "npm_config_registry (a mirror), HTTPS_PROXY (a proxy) or NODE_EXTRA_CA_CERTS (your own certificates)"
    elif matches 'NewConnectionError|ConnectTimeout|Failed to establish a new connection|ProxyError|SSLError|Name or service|ReadTimeout|No matching distribution found'; then
        echo "pip cannot get a package from its index ($(index)): check the network, or set PIP_INDEX_URL (a mirror)," \
            "HTTPS_PROXY (a proxy) or PIP_CERT (your own certificates)"
    else
        echo "correct what the log reports, then run make again: steps that succeeded are not repeated"
    fi
}

matches() {
    grep -Eq "$1" "$log"
}

# pip names its indexes when they are not PyPI alone, and without their passwords.
index() {
    found=$(sed -n 's/^Looking in indexes: //p' "$log" | head -n 1)
    echo "${found:-PyPI}"
}

registry() {
    npm config get registry 2>/dev/null | sed -E 's#//[^/@]*@#//#'
}

echo "setup: $title"
mkdir -p "$logs" || exit
"$@" </dev/null >"$log" 2>&1
status=$?
[ "$status" -eq 0 ] && exit 0
{
    echo
    echo "setup: $name: failed with exit status $status. The end of $log:"
    echo
    grep -Ev "$noise" "$log" | tail -n "$lines_shown" | sed 's/^/    /'
    echo
    echo "hint: $(hint)"
} >&2
exit "$status"
