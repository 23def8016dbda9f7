"""The protocol of a Listener, a call at a time, for tests of the stand-in.

Unlike the real one it does nothing of itself: it can forget to acknowledge,
abort a poll, never renew a lock.
"""

import base64
import contextlib
import json
import socket
import time
import urllib.parse
import uuid

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def integer(number):
    """Return a big-endian integer in base64."""
    size = (number.bit_length() + 7) // 8
    return base64.b64encode(number.to_bytes(size, "big")).decode()


def public_key_xml(key=KEY):
    """Return a public key as the runner sends it."""
    numbers = key.public_key().public_numbers()
    return (f"<RSAKeyValue><Modulus>{integer(numbers.n)}</Modulus>"
            f"<Exponent>{integer(numbers.e)}</Exponent></RSAKeyValue>")


def part(data):
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(claims, algorithm, sign):
    """Return a signed JWT."""
    head = part(json.dumps({"typ": "JWT", "alg": algorithm}).encode())
    text = f"{head}.{part(json.dumps(claims).encode())}"
    return f"{text}.{part(sign(text.encode()))}"


def client_assertion(client_id, audience, begins=0, key=KEY):
    """Return what a Listener identifies itself by."""
    now = int(time.time()) + begins
    return jwt({"sub": client_id, "iss": client_id, "jti": str(uuid.uuid4()),
                "aud": audience, "nbf": now, "exp": now + 300}, "PS256",
               lambda data: key.sign(
                   data, padding.PSS(padding.MGF1(hashes.SHA256()), 32),
                   hashes.SHA256()))


class Listener:
    """A registration, and the calls that its Listener makes."""

    def __init__(self, github, name="one", path="octo/demo", labels=(),
                 **registration):
        self.github = github
        self.session = self.bearer = None
        self.url = f"{github.url}/{path}"
        scope = path if path.startswith("enterprises/") else (
            f"repos/{path}" if "/" in path else f"orgs/{path}")
        self.token = github.registration_token(scope)
        status, self.registered = self.register(name, labels, **registration)
        assert status == 201, self.registered
        self.id = self.registered["id"]
        self.name = name

    def call(self, method, url, data=None, token=None, scheme="Bearer"):
        """Call with a JSON body; return (status, value or None)."""
        parts = urllib.parse.urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {"Authorization": f"{scheme} {token}"} if token else {}
        status, _, body = self.github.call(method, path, data, headers)
        return status, json.loads(body) if body.startswith(b"{") else None

    def register(self, name, labels=(), **more):
        """Register; return (status, answer)."""
        system = [{"id": 0, "name": label, "type": "system"}
                  for label in ("self-hosted", "Linux", "X64")]
        return self.call("POST", "/api/v3/actions/runners/register", {
            "url": self.url, "group_id": 1, "name": name,
            "version": "2.336.0", "ephemeral": False,
            "labels": system + [{"id": 0, "name": label, "type": "user"}
                                for label in labels],
            "public_key": public_key_xml(), **more},
            self.token, "RemoteAuth")

    def authenticate(self, **assertion):
        """Ask for a bearer token; return (status, answer)."""
        to = self.registered["authorization"]
        form = urllib.parse.urlencode({
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:"
                                     "client-assertion-type:jwt-bearer",
            "client_assertion": client_assertion(
                to["client_id"], to["authorization_url"], **assertion)})
        with contextlib.closing(self.github.connect(10)) as connection:
            connection.request("POST", "/oauth/token", form, {
                "Content-Type": "application/x-www-form-urlencoded"})
            answer = connection.getresponse()
            value = json.loads(answer.read())
        self.bearer = value.get("access_token", self.bearer)
        return answer.status, value

    def open(self):
        """Authenticate and begin a session; return the status."""
        assert self.authenticate()[0] == 200
        status, value = self.call(
            "POST", "/broker/session",
            {"ownerName": "test", "agent": {"id": self.id}}, self.bearer)
        if status == 200:
            self.session = value["sessionId"]
        return status

    def close(self):
        """Delete the session; return the status."""
        return self.call("DELETE", "/broker/session", None, self.bearer)[0]

    def poll_path(self, status="Online"):
        """Return the path and query of a poll."""
        return (f"/broker/message?sessionId={self.session}&status={status}"
                "&runnerVersion=2.336.0&os=Linux&architecture=X64")

    def poll(self, status="Online"):
        """Poll once; return (status, message), its body parsed."""
        code, message = self.call("GET", self.poll_path(status), None,
                                  self.bearer)
        if code == 200:
            message["body"] = json.loads(message["body"])
        return code, message

    def begin_poll(self):
        """Begin a poll and return its socket, once the server has it."""
        parts = urllib.parse.urlsplit(self.github.url)
        connection = socket.create_connection(
            (parts.hostname, parts.port or 80), 10)
        connection.sendall(
            f"GET {self.poll_path()} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Authorization: Bearer {self.bearer}\r\n\r\n".encode())
        self.github.wait_until(self.polling, 10, "a poll")
        return connection

    def polling(self):
        """Tell whether the server holds a poll of this session."""
        return any(session["id"] == self.session and session["polling"]
                   for session in self.github.sessions())

    def acknowledge(self, request_id):
        """Acknowledge a job; return the status."""
        return self.call(
            "POST", f"/broker/acknowledge?sessionId={self.session}",
            {"runnerRequestId": request_id}, self.bearer)[0]

    def acquire(self, request_id):
        """Acquire a job; return (status, job message)."""
        return self.call("POST", "/run/acquirejob", {
            "jobMessageId": request_id, "runnerOS": "Linux",
            "billingOwnerId": "1"}, self.bearer)

    def take(self):
        """Poll for a job and acquire it; return the job message."""
        status, message = self.poll()
        assert status == 200 and message["messageType"] == "RunnerJobRequest"
        request_id = message["body"]["runner_request_id"]
        assert self.acknowledge(request_id) == 200
        status, job = self.acquire(request_id)
        assert status == 200
        return job

    def for_job(self, call, job, **more):
        """Make a call of the run service about a job: (status, answer)."""
        endpoint = job["resources"]["endpoints"][0]
        token = endpoint["authorization"]["parameters"]["AccessToken"]
        return self.call("POST", f"/run/{call}", {
            "planId": job["plan"]["planId"], "jobId": job["jobId"], **more},
            token)

    def complete(self, job, conclusion="succeeded"):
        """Complete a job; return the status."""
        return self.for_job("completejob", job, conclusion=conclusion,
                            outputs={}, stepResults=[], annotations=[])[0]
