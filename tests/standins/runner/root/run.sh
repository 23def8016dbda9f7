#!/bin/bash
# Runs the Listener, and again when it asks for that (2).

here="$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"

while :; do
    cp -f "$here/run-helper.sh.template" "$here/run-helper.sh"
    "$here/run-helper.sh" "$@"
    code=$?
    if [ $code -eq 2 ]; then
        echo "Restarting runner..."
        continue
    fi
    echo "Exiting runner..."
    if [ "$ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE" = 1 ] \
            && [ $code -eq 7 ]; then
        exit $code
    fi
    exit 0
done
