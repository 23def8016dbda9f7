"""Events that can be waited for together with descriptors.

An event is an eventfd: poll() can wait for it beside sockets and pidfds, and
setting it is one write, which is safe in a signal handler and needs no lock
that an interrupted thread might hold.
"""

import os
import select
import time


class Event:
    """Level triggered, set once; the other end of a cancellation token."""

    def __init__(self):
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._set = False

    def fileno(self):
        return self._fd

    def set(self):
        self._set = True
        try:
            os.eventfd_write(self._fd, 1)
        except OSError:
            pass    # the counter is full, or the event is gone: it is set

    def is_set(self):
        return self._set

    def __del__(self):
        os.close(self._fd)


def wait_any(sources, timeout=None):
    """The subset of SOURCES that became readable within TIMEOUT seconds."""
    poller = select.poll()
    by_fd = {}
    for source in sources:
        if source is not None:
            fd = source if isinstance(source, int) else source.fileno()
            by_fd[fd] = source
            poller.register(fd, select.POLLIN)
    ready = poller.poll(None if timeout is None else max(0, timeout) * 1000)
    return [by_fd[fd] for fd, _ in ready]


class Deadline:
    """Time left until a moment, on the clock that nobody sets."""

    def __init__(self, seconds):
        self._end = None if seconds is None else time.monotonic() + seconds

    def left(self):
        if self._end is None:
            return None
        return max(0.0, self._end - time.monotonic())

    def passed(self):
        return self._end is not None and time.monotonic() >= self._end
