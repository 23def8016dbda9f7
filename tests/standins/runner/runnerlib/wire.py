"""A small HTTP/1.1 client whose every wait can be cut short.

http.client costs 20 ms to import, as much as the rest of the Worker's start,
and cannot be interrupted; the Listener drops a running long poll whenever its
status changes, and its server sees that only in the closed connection.  One
connection a request: the runner's pooling is not visible to what is tested.
"""

import os
import select
import socket

from .events import Deadline, wait_any

NAMES = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden",
         404: "NotFound", 405: "MethodNotAllowed", 409: "Conflict",
         410: "Gone", 422: "UnprocessableEntity", 429: "TooManyRequests",
         500: "InternalServerError", 501: "NotImplemented",
         502: "BadGateway", 503: "ServiceUnavailable", 504: "GatewayTimeout"}


class Aborted(Exception):
    """One of the events given as `until` was set."""


class WireError(Exception):
    """No answer: connection refused, lost, or not HTTP."""


class Response:
    def __init__(self, status, reason, headers, body):
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body

    @property
    def ok(self):
        return 200 <= self.status < 300

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def status_name(self):
        """As .NET's HttpStatusCode prints it."""
        return NAMES.get(self.status, str(self.status))

    def json(self):
        import json
        return json.loads(self.text) if self.body.strip() else None


class Url:
    """The parts of an absolute URL that a request needs."""

    def __init__(self, text):
        scheme, sep, rest = text.partition("://")
        if not sep or scheme.lower() not in ("http", "https", "ws", "wss"):
            raise WireError("not an http URL: %s" % text)
        self.scheme = scheme.lower()
        authority, slash, path = rest.partition("/")
        self.path = (slash + path).partition("#")[0] or "/"
        self.userinfo, _, self.authority = authority.rpartition("@")
        host, colon, port = self.authority.rpartition(":")
        if colon and port.isdigit():
            self.host, self.port = host, int(port)
        else:
            self.host = self.authority
            self.port = 443 if self.secure else 80
        self.host = self.host.strip("[]")

    @property
    def secure(self):
        return self.scheme in ("https", "wss")


def proxy_for(url):
    """The proxy by the environment, in the runner's order, lower case first.

    no_proxy is a comma separated list of hosts and suffixes; a port in an
    entry must match.
    """
    name = "https_proxy" if url.secure else "http_proxy"
    proxy = os.environ.get(name) or os.environ.get(name.upper())
    if not proxy or _bypassed(url):
        return None
    return Url(proxy if "://" in proxy else "http://" + proxy)


def _bypassed(url):
    skip = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    for entry in filter(None, (e.strip().lower() for e in skip.split(","))):
        host, colon, port = entry.partition(":")
        if colon and port != str(url.port):
            continue
        host = host.lstrip("*").lstrip(".")
        if url.host.lower() == host or url.host.lower().endswith("." + host):
            return True
    return False


def _tls(sock, url):
    """Certificates come from SSL_CERT_FILE and SSL_CERT_DIR, as in .NET."""
    import ssl
    context = ssl.create_default_context()
    if os.environ.get("GITHUB_ACTIONS_RUNNER_TLS_NO_VERIFY", "") in \
            ("1", "true", "True"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(sock, server_hostname=url.host,
                               do_handshake_on_connect=False)


class Connection:
    """One non-blocking connection; every wait ends with `until` or time."""

    def __init__(self, url, until, timeout):
        self._until = [e for e in until if e is not None]
        self._deadline = Deadline(timeout)
        self._proxy = proxy_for(url)
        self._url = url
        self.sock = None
        self._data = b""

    def open(self):
        target = self._proxy or self._url
        try:
            # As bytes: the codec for text costs milliseconds to import.
            found = socket.getaddrinfo(
                target.host.encode("ascii" if target.host.isascii()
                                   else "idna"),
                target.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise WireError("%s (%s:%d)" % (error.strerror or error,
                                            target.host, target.port))
        for position, (family, kind, proto, _, address) in enumerate(found):
            self.sock = socket.socket(family, kind, proto)
            self.sock.setblocking(False)
            code = self.sock.connect_ex(address)
            if code in (115, 11):       # EINPROGRESS, EAGAIN
                self._wait(select.POLLOUT)
                code = self.sock.getsockopt(socket.SOL_SOCKET,
                                            socket.SO_ERROR)
            if code == 0:
                break
            self.sock.close()
            if position == len(found) - 1:
                raise WireError("%s (%s:%d)" % (os.strerror(code),
                                                target.host, target.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._url.secure:
            self._secure()

    def _secure(self):
        if self._proxy:
            name = "%s:%d" % (self._url.host, self._url.port)
            self.send(("CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n"
                       % (name, name)).encode())
            status = self.read_head()[0]
            if status != 200:
                raise WireError("the proxy answered %d" % status)
        self.sock = _tls(self.sock, self._url)
        self._retry(self.sock.do_handshake)

    def _wait(self, events):
        poller = select.poll()
        poller.register(self.sock, events)
        for event in self._until:
            poller.register(event, select.POLLIN)
        left = self._deadline.left()
        ready = poller.poll(None if left is None else left * 1000)
        if any(event.is_set() for event in self._until):
            raise Aborted()
        if not ready:
            raise WireError("the request timed out")

    def _retry(self, call, *args):
        """Runs a non-blocking call until it neither blocks nor wants TLS."""
        while True:
            try:
                return call(*args)
            except BlockingIOError:
                self._wait(select.POLLOUT if call.__name__ == "send"
                           else select.POLLIN)
            except OSError as error:
                want = {2: select.POLLIN, 3: select.POLLOUT}.get(
                    error.errno if type(error).__module__ == "ssl" else None)
                if want is None:
                    raise WireError(str(error.strerror or error))
                self._wait(want)

    def send(self, data):
        view = memoryview(data)
        while view:
            view = view[self._retry(self.sock.send, view):]

    def recv(self):
        chunk = self._retry(self.sock.recv, 1 << 16)
        self._data += chunk
        return bool(chunk)

    def line(self):
        while b"\n" not in self._data:
            if not self.recv():
                raise WireError("the response ended prematurely")
        line, _, self._data = self._data.partition(b"\n")
        return line.rstrip(b"\r")

    def exactly(self, length):
        while len(self._data) < length:
            if not self.recv():
                raise WireError("the response ended prematurely")
        data, self._data = self._data[:length], self._data[length:]
        return data

    def rest(self):
        while self.recv():
            pass
        data, self._data = self._data, b""
        return data

    def read_head(self):
        words = self.line().decode("latin-1").split(" ", 2)
        if not words[0].startswith("HTTP/1.") or len(words) < 2:
            raise WireError("the answer is not HTTP")
        headers = {}
        while True:
            line = self.line().decode("latin-1")
            if not line:
                break
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return int(words[1]), words[2] if len(words) > 2 else "", headers

    def read_body(self, method, status, headers):
        if method == "HEAD" or status in (204, 304):
            return b""
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._chunks()
        if "content-length" in headers:
            return self.exactly(int(headers["content-length"]))
        return self.rest()

    def _chunks(self):
        body = b""
        while True:
            size = int(self.line().split(b";")[0], 16)
            if size == 0:
                while self.line():
                    pass
                return body
            body += self.exactly(size)
            self.line()

    def target(self):
        """Absolute form towards a proxy, unless it only sees a tunnel."""
        if self._proxy and not self._url.secure:
            return "http://%s%s" % (self._url.authority, self._url.path)
        return self._url.path

    def proxy_header(self):
        if self._proxy is None or not self._proxy.userinfo:
            return ""
        import base64
        import urllib.parse
        plain = urllib.parse.unquote(self._proxy.userinfo)
        return "Proxy-Authorization: Basic %s\r\n" % base64.b64encode(
            plain.encode()).decode()

    def close(self):
        if self.sock is not None:
            self.sock.close()


def request(method, address, headers=None, body=b"", until=(), timeout=100):
    """One exchange; raises Aborted, WireError.  Any status is an answer."""
    url = Url(address)
    connection = Connection(url, until, timeout)
    try:
        connection.open()
        head = "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n" % (
            method, connection.target(), url.authority)
        if not url.secure:
            head += connection.proxy_header()
        for name, value in (headers or {}).items():
            head += "%s: %s\r\n" % (name, value)
        if body or method in ("POST", "PUT", "PATCH"):
            head += "Content-Length: %d\r\n" % len(body)
        connection.send(head.encode() + b"\r\n" + body)
        status, reason, answer = connection.read_head()
        while status == 100:
            status, reason, answer = connection.read_head()
        data = connection.read_body(method, status, answer)
        return Response(status, reason, answer, data)
    finally:
        connection.close()


# The gaps between the tries of one call.  The runner's retry handler takes
# some 11 s over four failing tries.
RETRY_GAPS = (1, 3, 7)


def request_with_retry(method, address, headers=None, body=b"", until=(),
                       timeout=100, gaps=RETRY_GAPS):
    """request(), tried again after no answer and after 5xx and 429."""
    for gap in gaps + (None,):
        try:
            answer = request(method, address, headers, body, until, timeout)
            if answer.status < 500 and answer.status != 429 or gap is None:
                return answer
        except WireError:
            if gap is None:
                raise
        if wait_any([e for e in until if e is not None], gap):
            raise Aborted()
    raise AssertionError("the last try returns or raises")
