"""The Python side of the control interface, for tests and the quickstart.

    with Server("127.0.0.21") as github:
        (job,) = github.enqueue("octo/demo", ["echo hi"])
        assert github.wait_job(job)["conclusion"] == "succeeded"

Waiting is done by condition: the server tells when anything has changed.
"""

import contextlib
import http.client
import json
import pathlib
import signal
import socket
import ssl
import subprocess
import time
import urllib.parse

PROGRAM = pathlib.Path(__file__).resolve().parents[1] / "github-server"
DEFAULT_URL = "http://127.0.0.2"


class ControlError(Exception):
    """The stand-in refused a control request, or is not there."""

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


class WaitTimeout(AssertionError):
    """A condition did not come true in time."""


class GitHub:
    """A stand-in GitHub that is running."""

    def __init__(self, url=DEFAULT_URL, cafile=None):
        self.url = url.rstrip("/")
        self.parts = urllib.parse.urlsplit(self.url)
        self.context = (ssl.create_default_context(cafile=cafile)
                        if self.parts.scheme == "https" else None)

    def connect(self, timeout):
        """Return a new connection to the server."""
        if self.context:
            return http.client.HTTPSConnection(
                self.parts.netloc, timeout=timeout, context=self.context)
        return http.client.HTTPConnection(self.parts.netloc, timeout=timeout)

    def call(self, method, path, data=None, headers=None, timeout=60):
        """Make any request: return (status, headers, body)."""
        body = None if data is None else json.dumps(data).encode()
        headers = {**({"Content-Type": "application/json"} if body else {}),
                   **(headers or {})}
        with contextlib.closing(self.connect(timeout)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def rest(self, method, path, data=None, token="ghp_standin"):
        """Make a REST call: return (status, headers, parsed body)."""
        status, headers, body = self.call(
            method, "/api/v3" + path, data,
            {"Authorization": f"Bearer {token}"} if token else {})
        return status, headers, json.loads(body) if body else None

    def control(self, method, path, data=None, timeout=60):
        """Make a control request; return what it answers."""
        try:
            status, headers, body = self.call(method, "/_standin" + path,
                                              data, timeout=timeout)
        except (OSError, http.client.HTTPException) as error:
            raise ControlError(f"{self.url}: {error}") from error
        if headers.get_content_type() == "application/json":
            value = json.loads(body)
        else:
            value = body.decode()
        if status != 200:
            what = value.get("error") if isinstance(value, dict) else value
            raise ControlError(what or f"status {status}", status)
        return value

    # Waiting

    def wait_until(self, condition, timeout=60, what="the condition"):
        """Return the first true value of `condition()`."""
        deadline = time.monotonic() + timeout
        while True:
            version = self.control("GET", "/version")["version"]
            value = condition()
            if value:
                return value
            left = deadline - time.monotonic()
            if left <= 0:
                raise WaitTimeout(f"{what} did not come within {timeout} s")
            left = min(left, 30)
            self.control("GET", f"/version?since={version}&timeout={left}",
                         timeout=left + 30)

    def wait_job(self, job, status="completed", timeout=60):
        """Return the job once its status is `status`, or beyond it."""
        order = ("queued", "in_progress", "completed")
        status = "in_progress" if status == "running" else status

        def reached():
            found = self.job(job)
            if order.index(found["status"]) >= order.index(status):
                return found
            return None

        return self.wait_until(reached, timeout, f"job {job} {status}")

    def wait_runner(self, name, timeout=60, **wanted):
        """Return the runner once it has these attributes.

        With none named, once it exists and is online.
        """
        wanted = wanted or {"status": "online"}

        def fits():
            found = self.runner(name)
            if found and all(found[key] == value
                             for key, value in wanted.items()):
                return found
            return None

        return self.wait_until(fits, timeout, f"runner {name} {wanted}")

    def wait_no_runner(self, name, timeout=60):
        """Return once no runner of this name is registered."""
        self.wait_until(lambda: self.runner(name) is None, timeout,
                        f"the end of runner {name}")

    # Jobs

    def enqueue(self, repo, steps, **spec):
        """Enqueue a job, or `count` of them; return their ids.

        `steps` are scripts, or dictionaries as in a workflow file; see
        jobmessage for what else a job may have.
        """
        return self.control("POST", "/jobs", {
            "repo": repo, "steps": steps,
            "labels": ["self-hosted"], **spec})["ids"]

    def jobs(self):
        """Return all jobs."""
        return self.control("GET", "/jobs")

    def job(self, job):
        """Return one job."""
        return self.control("GET", f"/jobs/{job}")

    def log(self, job):
        """Return the log of a job."""
        return self.control("GET", f"/jobs/{job}/log")

    def feed(self, job):
        """Return the live lines of a job."""
        return self.control("GET", f"/jobs/{job}/feed")

    def cancel(self, job):
        """Cancel a job."""
        return self.control("POST", f"/jobs/{job}/cancel")

    # Runners

    def runners(self):
        """Return all registrations."""
        return self.control("GET", "/runners")

    def runner(self, name):
        """Return the runner of this name, or None."""
        return next((runner for runner in self.runners()
                     if runner["name"] == name), None)

    def sessions(self):
        """Return the living sessions."""
        return self.control("GET", "/sessions")

    def forget(self, runner_id):
        """Delete a registration whatever it does."""
        self.control("POST", f"/runners/{runner_id}/forget")

    def message(self, runner_id, kind, body=""):
        """Put a message into a runner's next poll."""
        self.control("POST", f"/runners/{runner_id}/message",
                     {"messageType": kind, "body": body})

    def registration_token(self, scope="repos/octo/demo", event="registration",
                           token="ghp_standin"):
        """Return a registration token, or a removal one (event "remove")."""
        status, _, body = self.rest(
            "POST", f"/{scope}/actions/runners/{event}-token", token=token)
        if status != 201:
            raise ControlError(body["message"], status)
        return body["token"]

    # Arranging

    def settings(self, **values):
        """Alter settings, such as lock_seconds."""
        return self.control("POST", "/settings", values)

    def account(self, login, **attributes):
        """Add or alter an account: kind, enterprise."""
        return self.control("POST", "/accounts",
                            {"login": login, **attributes})

    def repo(self, name, **attributes):
        """Add or alter a repository: visibility, archived, workflows."""
        return self.control("POST", "/repos", {"name": name, **attributes})

    def group(self, scope, name, **attributes):
        """Add or alter a runner group."""
        return self.control("POST", "/groups",
                            {"scope": scope, "name": name, **attributes})

    def token(self, value, **attributes):
        """Add or alter a token."""
        return self.control("POST", "/tokens",
                            {"value": value, **attributes})

    def revoke(self, value):
        """Revoke a token."""
        self.control("DELETE", f"/tokens/{urllib.parse.quote(value)}")

    def app(self, **attributes):
        """Add a GitHub App."""
        return self.control("POST", "/apps", attributes)

    def tarball(self, path, **attributes):
        """Offer a tarball of the runner."""
        return self.control("POST", "/assets",
                            {"path": str(pathlib.Path(path).resolve()),
                             **attributes})

    def action(self, name, ref="v1", files=None, tarball=None):
        """Offer an action, of files or of a tarball in base64."""
        data = {"name": name, "ref": ref}
        data.update({"files": files} if files else {"tarball": tarball})
        return self.control("POST", "/actions", data)

    def fault(self, path, **attributes):
        """Add a fault rule; return its id."""
        return self.control("POST", "/faults",
                            {"path": path, **attributes})["id"]

    def faults(self):
        """Return the fault rules with their hits."""
        return self.control("GET", "/faults")

    def clear_faults(self):
        """Remove all fault rules."""
        self.control("DELETE", "/faults")

    def requests(self, method=None, path=None):
        """Return the requests logged; `path` is a part of the path."""
        return [entry for entry in self.control("GET", "/requests")
                if (method is None or entry["method"] == method)
                and (path is None or path in entry["path"])]

    def clear_requests(self):
        """Empty the log of requests."""
        self.control("DELETE", "/requests")

    def shutdown(self):
        """End the server."""
        self.control("POST", "/shutdown")


class Server(GitHub):
    """A stand-in GitHub that lives as long as the `with` block.

    Options are those of github-server, as keywords: lock_seconds=5, and
    tls_dir=DIR for https on the same address.
    """

    def __init__(self, address="127.0.0.2", port=80, **options):
        super().__init__(f"http://{address}" + (
            "" if port == 80 else f":{port}"))
        self.arguments = [str(PROGRAM), "--listen", address,
                          "--port", str(port)]
        if "tls_dir" in options:
            options.setdefault("tls", address)
        for name, value in options.items():
            self.arguments += [f"--{name.replace('_', '-')}", str(value)]
        self.process = None
        self.https_url = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Start the server; return once it accepts connections."""
        self.process = subprocess.Popen(self.arguments, text=True,
                                        stdout=subprocess.PIPE)
        words = self.process.stdout.readline().split()
        if words[:1] != ["ready"]:
            self.process.wait()
            raise ControlError("github-server did not start")
        self.https_url = next((word for word in words
                               if word.startswith("https:")), None)

    def stop(self):
        """End the server."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process.stdout.close()


def free_address(first=20, last=39):
    """Return an address of 127.0.0.0/24 whose port 80 nobody listens on."""
    for number in range(first, last + 1):
        address = f"127.0.0.{number}"
        with contextlib.closing(socket.socket()) as probe:
            if probe.connect_ex((address, 80)):
                return address
    raise ControlError("every address is taken")
