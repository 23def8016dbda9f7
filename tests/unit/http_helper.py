#!/usr/bin/python3
"""A small HTTP server for the unit tests of net and github.

Prints its port (and, with --tls DIR, that of a second listener and makes
DIR/ca.pem), serves 127.0.0.1, and ends when its standard input is closed.
What a path does stands in its handler's text; `/api/v3/repos/o/NAME/...`
plays GitHub, in ways that NAME tells.
"""

import http.server
import json
import pathlib
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

COUNTS = {}
PERMISSION = "administration=write"


def runner(number):
    """Return a runner as the list has it."""
    return {"id": number, "name": f"desk-{number}", "os": "linux",
            "status": "online", "busy": False, "labels": [
                {"id": 1, "name": "self-hosted", "type": "read-only"}]}


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_args):
        """Say nothing."""

    def answer(self, status, body=b"", headers=()):
        """Send an answer; text and JSON are encoded."""
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def serve(self):
        """Answer a request of any method."""
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length).decode()
        url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(url.query))
        parts = url.path.strip("/").split("/")
        if parts[:2] == ["api", "v3"]:
            self.github(parts)
            return
        getattr(self, "at_" + parts[0], self.at_missing)()

    do_GET = do_POST = do_PUT = do_DELETE = serve

    def at_missing(self):
        """Answer 404, with a message."""
        self.answer(404, {"message": "Not Found"})

    def at_echo(self):
        """Tell what was asked."""
        self.answer(200, {
            "method": self.command, "body": self.body,
            "authorization": self.headers.get("Authorization"),
            "accept": self.headers.get("Accept"),
            "agent": self.headers.get("User-Agent"),
            "port": self.client_address[1]}, {"X-Told": "twice"})

    def at_redirect(self):
        """Redirect to the query's `to`, with its `status`."""
        self.answer(int(self.query.get("status", 302)), "moved",
                    {"Location": self.query["to"], "X-Told": "once"})

    def at_circle(self):
        """Redirect to where the request came to."""
        self.answer(302, "", {"Location": "/circle"})

    def at_bytes(self):
        """Send as many bytes as the query's `n` says."""
        self.answer(200, b"x" * int(self.query["n"]))

    def at_short(self):
        """Announce 100 bytes, send 10."""
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"0123456789")
        self.close_connection = True

    def at_abort(self):
        """Break off without an answer."""
        self.close_connection = True

    def at_hang(self):
        """Answer much too late."""
        time.sleep(30)

    # GitHub

    def github(self, parts):
        """Answer /api/v3/repos/o/NAME/...: NAME is a method's name."""
        start = 5 if parts[2] == "repos" else 4
        name, rest = parts[start - 1], "/".join(parts[start:])
        COUNTS[name] = COUNTS.get(name, 0) + 1
        getattr(self, "github_" + name, self.github_plain)(rest)

    def github_plain(self, rest):
        """Behave."""
        if rest == "actions/runners/registration-token":
            self.answer(201, {"token": "AABBCC", "expires_at":
                              "2030-01-22T12:13:35.123-08:00"})
        elif rest == "actions/runners":
            self.answer(200, {"total_count": 1, "runners": [runner(1)]})
        elif self.command == "DELETE":
            self.answer(204)
        else:
            self.at_missing()

    def github_public(self, rest):
        """Be a public repository."""
        self.answer(200, {"private": False, "visibility": "public"})

    def github_groups(self, rest):
        """Be an organisation with two runner groups."""
        self.answer(200, {"total_count": 2, "runner_groups": [
            {"id": 1, "name": "Default", "default": True,
             "allows_public_repositories": False},
            {"id": 7, "name": "Desks", "default": False,
             "allows_public_repositories": True}]})

    def github_offer(self, rest):
        """Offer a release for every machine, with a token for it."""
        self.answer(200, [
            {"os": "linux", "architecture": machine, "download_url": "http://"
             f"{self.headers['Host']}/bytes?n=10", "sha256_checksum": "0" * 64,
             "filename": f"actions-runner-linux-{machine}-2.336.0.tar.gz",
             "temp_download_token": "temporary"}
            for machine in ("x64", "arm64")])

    def github_runner(self, rest):
        """Be actions/runner, with one release."""
        if rest != "releases/tags/v2.335.0":
            self.at_missing()
            return
        self.answer(200, {"body": "", "assets": [
            {"name": f"actions-runner-linux-{machine}-2.335.0.tar.gz",
             "browser_download_url": "http://h/x",
             "digest": "sha256:" + "1" * 64} for machine in ("x64", "arm64")]})

    def github_pages(self, rest):
        """List three runners, one a page."""
        page = int(self.query.get("page", "1"))
        link = (f'<http://{self.headers["Host"]}{self.path.split("?")[0]}'
                f'?per_page=100&page={page + 1}>; rel="next", '
                '<http://x.invalid/>; rel="last"')
        self.answer(200, {"total_count": 3, "runners": [runner(page)]},
                    {"Link": link} if page < 3 else {})

    def github_elsewhere(self, rest):
        """Have the next page on another server."""
        self.answer(200, {"total_count": 3, "runners": [runner(1)]},
                    {"Link": '<http://127.0.0.2:1/>; rel="next"'})

    def github_flaky(self, rest):
        """Fail once, then break off once, then behave."""
        if COUNTS["flaky"] == 1:
            self.answer(502, "<html>bad gateway</html>")
        elif COUNTS["flaky"] == 2:
            self.at_abort()
        else:
            self.github_plain(rest)

    def github_broken(self, rest):
        """Never work."""
        self.answer(500, {"message": "Server Error"})

    def github_limited(self, rest):
        """Be too much once, then behave."""
        if COUNTS["limited"] == 1:
            self.answer(403, {"message": "You have exceeded a secondary rate "
                                         "limit"}, {"Retry-After": "1"})
        else:
            self.github_plain(rest)

    def github_spent(self, rest):
        """Have no requests left for the next hour."""
        self.answer(403, {"message": "API rate limit exceeded"}, {
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": str(int(time.time()) + 3600)})

    def github_forbidden(self, rest):
        """Lack a permission."""
        self.answer(403, {"message": "Resource not accessible by personal "
                                     "access token"},
                    {"X-Accepted-GitHub-Permissions": PERMISSION})

    def github_unauthorized(self, rest):
        """Refuse the token."""
        self.answer(401, {"message": "Bad credentials"})

    def github_hidden(self, rest):
        """Be there for others only."""
        self.at_missing()

    def github_busy(self, rest):
        """Refuse to delete."""
        self.answer(422, {"message": 'Bad request - Runner "desk-1" is still '
                                     'running a job"'})

    def github_gone(self, rest):
        """Answer 404 to the deletion of what is or is not listed."""
        if self.command == "DELETE":
            self.at_missing()
        else:
            self.github_plain(rest)


def make_certificate(directory):
    """Make DIR/ca.pem, a certificate for 127.0.0.1 that signs itself."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
         "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", directory / "key.pem", "-out", directory / "ca.pem"],
        check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "ca.pem", directory / "key.pem")
    return context


class Server(http.server.ThreadingHTTPServer):
    """One that does not report the clients that go."""

    daemon_threads = True

    def handle_error(self, *_args):
        """Say nothing."""


def start(context=None):
    """Serve on a free port; return it."""
    server = Server(("127.0.0.1", 0), Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def main(arguments):
    """Run until standard input ends."""
    ports = [start(), start()]
    if arguments[:1] == ["--tls"]:
        ports.append(start(make_certificate(pathlib.Path(arguments[1]))))
    print(*ports, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1:])
