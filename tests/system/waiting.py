"""Waiting for a condition: the only place where tests spend time idly."""

import select
import time

PAUSE = 0.02


class Timeout(AssertionError):
    """A condition did not come true in time."""


def wait_until(condition, timeout=30, what="the condition"):
    """Return the first true value of `condition()`.

    For what has no descriptor to wait on: files of other processes, /proc.
    What GitHub knows is waited for by its own `wait_*`.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise Timeout(f"{what} did not come within {timeout} s")
        select.select([], [], [], PAUSE)
