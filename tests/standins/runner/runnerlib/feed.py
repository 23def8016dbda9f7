"""The live log: lines as they come, over a websocket.

Best effort: a feed that fails is silent from then on.
"""

import json
import os
import struct

from . import wire

CONNECT_SECONDS = 10


class Feed:
    def __init__(self, host, url, token):
        self._host = host
        self._connection = None
        self._next = {}
        try:
            self._connect(url, token)
        except (wire.WireError, wire.Aborted) as error:
            self._drop(error)

    def _connect(self, address, token):
        import base64
        url = wire.Url(address)
        connection = wire.Connection(url, (), CONNECT_SECONDS)
        self._connection = connection
        connection.open()
        key = base64.b64encode(os.urandom(16)).decode()
        connection.send((
            "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: %s\r\nAuthorization: Bearer %s\r\n"
            "User-Agent: %s\r\n\r\n" % (
                connection.target(), url.authority, key, token,
                self._host.user_agent())).encode())
        status = connection.read_head()[0]
        if status != 101:
            raise wire.WireError("the feed answered %d" % status)

    def _drop(self, error):
        self._host.trace.error("Feed", str(error))
        if self._connection:
            self._connection.close()
        self._connection = None

    def for_step(self, step_id):
        return lambda line: self.send(step_id, line)

    def send(self, step_id, line):
        if self._connection is None:
            return
        start = self._next.get(step_id, 1)
        self._next[step_id] = start + 1
        text = json.dumps({"value": [line], "stepId": step_id,
                           "startLine": start, "count": 1})
        try:
            self._connection.sock.settimeout(1)
            self._connection.sock.sendall(frame(1, text.encode()))
        except OSError as error:
            self._drop(error)

    def close(self):
        if self._connection is None:
            return
        try:
            self._connection.sock.sendall(frame(8, struct.pack("!H", 1000)))
        except OSError:
            pass
        self._connection.close()
        self._connection = None


def frame(opcode, payload):
    """One final frame of a client: always masked (RFC 6455, 5.3)."""
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
    elif length < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
    mask = os.urandom(4)
    pad = (mask * (length // 4 + 1))[:length]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")
    return head + mask + masked.to_bytes(length, "big")
