#!/bin/bash
# Registers the runner of this directory, or takes it off: config.sh remove.
# What the real one checks before (ldd of .NET's libraries, libicu) has no
# meaning here.

if [ "$(id -u)" -eq 0 ] && [ -z "$RUNNER_ALLOW_RUNASROOT" ]; then
    echo "Must not run with sudo"
    exit 1
fi

cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" || exit 1

source ./env.sh

shopt -s nocasematch
if [[ "$1" == "remove" ]]; then
    ./bin/Runner.Listener "$@"
else
    ./bin/Runner.Listener configure "$@"
fi
