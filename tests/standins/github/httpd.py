"""An HTTP/1.1 server on asyncio, as small as the runner lets it be.

http.server would need a thread for each long poll and cannot tell that a
polling client has gone.  The runner aborts its polls whenever its status
changes, and a message written into an aborted poll is lost, so noticing the
closed connection is a requirement, not a nicety: see `Request.gone`.
"""

import asyncio
import base64
import hashlib
import json
import os
import struct
import urllib.parse
from dataclasses import dataclass, field

MAX_HEAD = 64 * 1024
MAX_BODY = 256 * 1024 * 1024
CHUNK = 256 * 1024
WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

REASONS = {
    100: "Continue", 101: "Switching Protocols", 200: "OK", 201: "Created",
    202: "Accepted", 204: "No Content", 206: "Partial Content", 302: "Found",
    304: "Not Modified", 400: "Bad Request", 401: "Unauthorized",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    409: "Conflict", 411: "Length Required", 413: "Content Too Large",
    416: "Range Not Satisfiable", 422: "Unprocessable Entity",
    429: "Too Many Requests", 500: "Internal Server Error",
    502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}


class BadRequest(Exception):
    """The bytes received are not a request that is understood."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


@dataclass
class File:
    """A body that is read from a file while it is sent."""

    path: str
    start: int
    length: int


@dataclass
class Response:
    """An answer; `cut` sends that many bytes of the body, then closes."""

    status: int = 200
    body: object = b""
    headers: dict = field(default_factory=dict)
    cut: int = None

    @classmethod
    def json(cls, value, status=200, headers=None):
        """Answer with `value` as JSON."""
        merged = {"Content-Type": "application/json; charset=utf-8"}
        merged.update(headers or {})
        return cls(status, json.dumps(value).encode(), merged)

    @classmethod
    def text(cls, value, status=200, content_type="text/plain"):
        """Answer with plain text."""
        return cls(status, value.encode(),
                   {"Content-Type": f"{content_type}; charset=utf-8"})

    def length(self):
        """Return the number of bytes of the whole body."""
        if isinstance(self.body, File):
            return self.body.length
        return len(self.body)


@dataclass
class Request:
    """One request, and the connection it came on."""

    method: str
    target: str
    headers: dict
    body: bytes
    connection: "Connection"
    upgraded: bool = False

    def __post_init__(self):
        path, _, query = self.target.partition("?")
        self.path = urllib.parse.unquote(path)
        self.query = dict(urllib.parse.parse_qsl(query,
                                                 keep_blank_values=True))

    @property
    def host(self):
        """The Host header: the name by which the client knows the server."""
        return self.headers.get("host") or self.connection.address

    @property
    def base(self):
        """Scheme and authority for every URL handed to this client."""
        return f"{self.connection.scheme}://{self.host}"

    def data(self):
        """Return the body as a JSON object; an empty body is an empty one."""
        if not self.body.strip():
            return {}
        try:
            value = json.loads(self.body.decode("utf-8-sig"))
        except ValueError as error:
            raise BadRequest(400, "Problems parsing JSON") from error
        if not isinstance(value, dict):
            raise BadRequest(400, "Body should be a JSON object")
        return value

    def form(self):
        """Return the body as the fields of a form."""
        return dict(urllib.parse.parse_qsl(self.body.decode()))

    async def gone(self):
        """Return once the client has closed its side of the connection."""
        await self.connection.gone()


class Connection:
    """One client connection: requests in, answers out, in order."""

    def __init__(self, reader, writer, scheme):
        self.reader = reader
        self.writer = writer
        self.scheme = scheme
        self.address = writer.get_extra_info("sockname")[0]
        self.peer = writer.get_extra_info("peername")[0]
        self.ahead = b""

    async def gone(self):
        """Return when the client closes; see Request.gone."""
        try:
            data = await self.reader.read(1)
        except OSError:
            return
        if data:
            # It asked again without waiting: alive, and to be read later.
            self.ahead += data
            await asyncio.get_running_loop().create_future()

    async def read_request(self):
        """Read the next request; None at a clean end."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        except asyncio.LimitOverrunError as error:
            raise BadRequest(413, "The header is too large") from error
        lines = (self.ahead + head).decode("latin-1").split("\r\n")
        self.ahead = b""
        try:
            method, target, version = lines[0].split(" ")
        except ValueError as error:
            raise BadRequest(400, "Not a request line") from error
        if version not in ("HTTP/1.1", "HTTP/1.0"):
            raise BadRequest(400, "Not HTTP/1.1")
        headers = {}
        for line in filter(None, lines[1:]):
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if version == "HTTP/1.0":
            headers.setdefault("connection", "close")
        body = await self.read_body(headers)
        return Request(method, target, headers, body, self)

    async def read_body(self, headers):
        """Read the body that `headers` announce."""
        chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        length = int(headers.get("content-length") or 0)
        if length > MAX_BODY:
            raise BadRequest(413, "The body is too large")
        if headers.get("expect", "").lower() == "100-continue":
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await self.writer.drain()
        if not chunked:
            return await self.reader.readexactly(length)
        parts, total = [], 0
        while True:
            line = await self.reader.readline()
            size = int(line.split(b";")[0], 16)
            total += size
            if total > MAX_BODY:
                raise BadRequest(413, "The body is too large")
            if not size:
                while (await self.reader.readline()).strip():
                    pass
                return b"".join(parts)
            parts.append(await self.reader.readexactly(size))
            await self.reader.readline()

    async def send(self, response, head_only=False, close=False):
        """Send `response`."""
        headers = {"Server": "github.com"}
        headers.update(response.headers)
        if response.status not in (101, 204, 304):
            headers.setdefault("Content-Length", str(response.length()))
        if close:
            headers["Connection"] = "close"
        reason = REASONS.get(response.status, "Unknown")
        head = [f"HTTP/1.1 {response.status} {reason}"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        start = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")
        if head_only:
            self.writer.write(start)
        elif isinstance(response.body, File):
            self.writer.write(start)
            await self.send_file(response.body, response.cut)
        else:
            self.writer.write(start + response.body[:response.cut])
        await self.writer.drain()

    async def send_file(self, body, cut):
        """Send a file's part, or the first `cut` bytes of it."""
        left = body.length if cut is None else min(cut, body.length)
        with open(body.path, "rb") as stream:
            stream.seek(body.start)
            while left:
                part = stream.read(min(CHUNK, left))
                if not part:
                    raise ConnectionError("the file became shorter")
                self.writer.write(part)
                await self.writer.drain()
                left -= len(part)

    def abort(self):
        """Close without a further word."""
        self.writer.transport.abort()


class WebSocket:
    """The server's side of a WebSocket (RFC 6455), text frames only."""

    def __init__(self, request):
        self.request = request
        self.reader = request.connection.reader
        self.writer = request.connection.writer
        self.key = request.headers.get("sec-websocket-key", "")

    async def accept(self):
        """Answer the upgrade."""
        digest = hashlib.sha1(self.key.encode() + WEBSOCKET_GUID).digest()
        self.writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: "
            + base64.b64encode(digest) + b"\r\n\r\n")
        await self.writer.drain()
        self.request.upgraded = True

    async def messages(self):
        """Yield each text message until the client closes."""
        parts = []
        while True:
            try:
                final, opcode, data = await self.frame()
            except (asyncio.IncompleteReadError, OSError):
                return
            if opcode == 0x8:
                self.reply(0x8, data[:2])
                await self.writer.drain()
                return
            if opcode == 0x9:
                self.reply(0xA, data)
            elif opcode in (0x0, 0x1, 0x2):
                parts.append(data)
                if final:
                    yield b"".join(parts).decode()
                    parts = []

    async def frame(self):
        """Read one frame: (final, opcode, payload)."""
        first, second = await self.reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            length, = struct.unpack(">H", await self.reader.readexactly(2))
        elif length == 127:
            length, = struct.unpack(">Q", await self.reader.readexactly(8))
        if length > MAX_BODY:
            raise ConnectionError("a frame is too large")
        mask = await self.reader.readexactly(4) if second & 0x80 else bytes(4)
        data = await self.reader.readexactly(length)
        key = (mask * (length // 4 + 1))[:length]
        plain = int.from_bytes(data, "big") ^ int.from_bytes(key, "big")
        return bool(first & 0x80), first & 0x0F, plain.to_bytes(length, "big")

    def reply(self, opcode, data):
        """Queue a short control frame."""
        self.writer.write(bytes([0x80 | opcode, len(data)]) + data)


class Server:
    """Listeners that put every request before one handler.

    The handler is a coroutine function of a Request.  It returns a Response,
    or None when it has taken the connection over or wants it closed.
    """

    def __init__(self, handler):
        self.handler = handler
        self.servers = []
        self.tasks = set()

    async def listen(self, address, port, context=None):
        """Accept connections on address and port, TLS with a context."""
        scheme = "https" if context else "http"

        async def accept(reader, writer):
            task = asyncio.current_task()
            self.tasks.add(task)
            try:
                await self.serve(Connection(reader, writer, scheme))
            except (OSError, asyncio.IncompleteReadError, ValueError,
                    asyncio.CancelledError):
                pass
            finally:
                self.tasks.discard(task)
                writer.close()

        self.servers.append(await asyncio.start_server(
            accept, address, port, ssl=context, limit=MAX_HEAD, backlog=512))

    async def serve(self, connection):
        """Serve one connection until either side ends it."""
        while True:
            try:
                request = await connection.read_request()
            except BadRequest as error:
                await connection.send(
                    Response.text(str(error), error.status), close=True)
                return
            if request is None:
                return
            response = await self.handler(request)
            if response is None:
                return
            wants = request.headers.get("connection", "").lower()
            close = wants == "close" or response.cut is not None
            await connection.send(response, request.method == "HEAD", close)
            if close:
                return

    async def close(self):
        """Stop listening and end every connection."""
        for server in self.servers:
            server.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def file_response(request, path, headers):
    """Answer with a file: whole, or the part that Range asks for.

    If-Range with another ETag than the file's means that the client holds a
    part of something else; it then gets the whole (RFC 9110, 13.1.5).
    """
    size = os.stat(path).st_size
    headers = {"Accept-Ranges": "bytes", **headers}
    wanted = request.headers.get("range", "")
    if request.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
        wanted = ""
    first, dash, last = wanted.removeprefix("bytes=").partition("-")
    if not wanted.startswith("bytes=") or not dash or "," in wanted:
        return Response(200, File(path, 0, size), headers)
    if first:
        start, end = int(first), int(last or size - 1)
    else:
        start, end = max(0, size - int(last)), size - 1
    end = min(end, size - 1)
    if start > end:
        return Response(416, b"", {**headers,
                                   "Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return Response(206, File(path, start, end - start + 1), headers)
