"""The pipes between Listener and Worker.

A message is an int32 type, an int32 length in bytes, and that many bytes of
UTF-16LE text, all in the machine's byte order (the runner's ProcessChannel
and StreamString).  The end of file is not a message: the runner's Worker
goes on without its Listener, and so does this one.
"""

import os
import select
import struct

from .events import Deadline

NEW_JOB = 1
CANCEL = 2
SHUTDOWN = 3
OS_SHUTDOWN = 4

MAX_BYTES = 50 * 1000 * 1000


class ChannelTimeout(Exception):
    """The other end did not take or bring a message in time."""


def encode(kind, text):
    body = text.encode("utf-16-le", "surrogatepass")
    if len(body) > MAX_BYTES:
        raise ValueError("message of %d bytes is too long" % len(body))
    return struct.pack("=ii", kind, len(body)) + body


def send(fd, kind, text, timeout):
    """Writes a message whole or raises: ChannelTimeout, BrokenPipeError."""
    deadline = Deadline(timeout)
    view = memoryview(encode(kind, text))
    os.set_blocking(fd, False)
    poller = select.poll()
    poller.register(fd, select.POLLOUT)
    while view:
        try:
            view = view[os.write(fd, view):]
        except BlockingIOError:
            if not poller.poll(deadline.left() * 1000):
                raise ChannelTimeout("message not taken in %d s" % timeout)


class Reader:
    """Collects the bytes of a pipe into messages.

    The pipe stays blocking: a shim that handed it over shares the open file
    description, and with it the flag.
    """

    def __init__(self, fd):
        self._fd = fd
        self._data = bytearray()
        self.closed = False
        self._poller = select.poll()
        self._poller.register(fd, select.POLLIN)

    def fileno(self):
        return self._fd

    def feed(self):
        """Reads what is there; returns (kind, text) of a whole message."""
        if not self.closed and self._poller.poll(0):
            chunk = os.read(self._fd, 1 << 20)
            self.closed = not chunk
            self._data += chunk
        return self._take()

    def _take(self):
        if len(self._data) < 8:
            return None
        kind, length = struct.unpack_from("=ii", self._data)
        if not 0 <= length <= MAX_BYTES:
            raise ValueError("message length %d is out of range" % length)
        if len(self._data) < 8 + length:
            return None
        text = bytes(self._data[8:8 + length]).decode("utf-16-le",
                                                      "surrogatepass")
        del self._data[:8 + length]
        return kind, text

    def receive(self, timeout):
        """Waits for one message; a closed pipe does not shorten the wait."""
        deadline = Deadline(timeout)
        while not deadline.passed():
            if self.closed:
                select.poll().poll(deadline.left() * 1000)
                continue
            self._poller.poll(deadline.left() * 1000)
            message = self.feed()
            if message:
                return message
        raise ChannelTimeout("The operation was canceled.")
