#!/bin/bash
# Sleeps, also where there is no sleep.
if [ -x "$(command -v sleep)" ]; then
    sleep "$1"
else
    read -r -t "$1" < <(:; read -r)
fi
exit 0
