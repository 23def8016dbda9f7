"""The session with GitHub, and the long poll on it."""

import json
import os
import random
import socket

from . import build, wire
from .events import Event, wait_any
from .host import architecture, now_u
from .oauth import TokenError

# A conflict is tried again every 30 s until eight tries have failed; the
# variable exists for tests that cannot wait four minutes.
CONFLICT_INTERVAL = "STANDIN_RUNNER_CONFLICT_SECONDS"
CONFLICT_LIMIT = 8
POLL_TIMEOUT = 100

DELETED = ("Failed to create a session. The runner registration has been "
           "deleted from the server, please re-configure. Runner "
           "registrations are automatically deleted for runners that have "
           "not connected to the service recently.")

SUCCESS, CONFLICT, FAILURE = "success", "conflict", "failure"


class RunnerNotFound(Exception):
    """The server does not know this runner any more."""


class RunnerTooOld(Exception):
    """The server takes this version no longer."""


class SessionInvalid(Exception):
    """The session is gone; another one may be created."""


class Fatal(Exception):
    """The Listener ends with 1 (`retryable` false) or 2."""

    def __init__(self, message, retryable=False):
        super().__init__(message)
        self.retryable = retryable


def broker_error(answer):
    """Raises what errorKind says; an unknown error is the caller's."""
    try:
        error = answer.json() or {}
    except ValueError:
        return
    if error.get("source") != "actions-broker-listener":
        return
    kind = {"RunnerNotFound": RunnerNotFound,
            "RunnerVersionTooOld": RunnerTooOld,
            "RunnerSessionInvalid": SessionInvalid}.get(
                error.get("errorKind"))
    if kind:
        raise kind(error.get("message") or "")


class Broker:
    """Create, poll, acknowledge, delete; `shutdown` ends every wait.

    The access token is kept until the server refuses it, as the connection
    of the real runner does.
    """

    def __init__(self, host, settings, credentials, shutdown):
        self._host = host
        self._terminal = host.terminal
        self._settings = settings
        self._credentials = credentials
        self._shutdown = shutdown
        self._token = None
        self._session = None
        self._conflicts = 0
        self._reconnecting = False
        self._status = "Online"
        self._changed = Event()

    # -- status: set by the dispatcher, from any thread

    def set_status(self, status):
        """Ends the running poll; the next one carries the new status."""
        self._host.trace.info("Broker", "Received job status event. "
                              "JobState: " + status)
        self._status = status
        self._changed.set()

    def forget_token(self):
        self._token = None

    # -- requests

    def _call(self, method, name, query="", body=None, until=(), timeout=100,
              gaps=wire.RETRY_GAPS):
        data = b"" if body is None else json.dumps(body).encode()
        for attempt in (1, 2):
            if self._token is None:
                self._token = self._credentials.token(until)
            answer = wire.request_with_retry(
                method, self._settings["serverUrlV2"] + name + query,
                self._host.headers(self._token, **{
                    "Content-Type": "application/json; charset=utf-8"}),
                data, until, timeout, gaps)
            if answer.status != 401 or attempt == 2:
                return answer
            self._token = None

    def _query(self):
        return ("?sessionId=%s&status=%s&runnerVersion=%s&os=Linux"
                "&architecture=%s" % (self._session, self._status,
                                      build.VERSION, architecture()))

    # -- session

    def create_session(self):
        """SUCCESS, CONFLICT or FAILURE; waits as long as there is hope."""
        while True:
            self._terminal.line()
            self._terminal.success("Connected to GitHub")
            self._terminal.line()
            try:
                return self._try_create()
            except TokenError as error:
                if error.code == "invalid_client":
                    self._terminal.error(DELETED)
                    return FAILURE
                message = str(error)
            except wire.WireError as error:
                message = str(error)
            except SessionRefused as refusal:
                if refusal.final:
                    self._terminal.error("Failed to create session. %s"
                                         % refusal)
                    return refusal.outcome
                message = str(refusal)
            if not self._reconnecting:
                self._terminal.error("%s: Runner connect error: %s. Retrying "
                                     "until reconnected." % (now_u(), message))
                self._reconnecting = True
            if wait_any([self._shutdown], self._interval()):
                raise wire.Aborted()

    @staticmethod
    def _interval():
        return float(os.environ.get(CONFLICT_INTERVAL) or 30)

    def _try_create(self):
        agent = {"id": self._settings["agentId"],
                 "name": self._settings["agentName"],
                 "version": build.VERSION, "osDescription": os_description(),
                 "ephemeral": None, "status": 0, "provisioningState": None}
        answer = self._call("POST", "session", body={
            "sessionId": "00000000-0000-0000-0000-000000000000",
            "ownerName": "%s (PID: %d)" % (socket.gethostname(), os.getpid()),
            "agent": agent, "useFipsEncryption": False},
            until=[self._shutdown])
        if answer.ok:
            self._session = answer.json()["sessionId"]
            if self._reconnecting:
                self._terminal.line("%s: Runner reconnected." % now_u())
                self._reconnecting = False
                self._conflicts = 0
            return SUCCESS
        if answer.status == 409:
            self._conflict(answer)
        if answer.status in (401, 403):
            raise SessionRefused(_reason(answer), FAILURE)
        raise SessionRefused("Failed to create broker session: "
                             + _reason(answer))

    def _conflict(self, answer):
        self._terminal.error("A session for this runner already exists.")
        self._conflicts += 1
        if self._conflicts >= CONFLICT_LIMIT:
            self._terminal.error("Stop retry on SessionConflictException "
                                 "after retried for 240 seconds.")
            raise SessionRefused(_reason(answer), CONFLICT)
        raise SessionRefused(_reason(answer))

    def delete_session(self):
        if self._session is None:
            return
        answer = self._call("DELETE", "session", timeout=30)
        if not answer.ok:
            raise Fatal("Failed to delete broker session: "
                        + _reason(answer), retryable=True)

    # -- messages

    def next_message(self, until):
        """The next message; raises Aborted when one of `until` is set."""
        errors = 0
        while True:
            self._changed = Event()
            query = self._query() + "&disableUpdate=%s" % str(bool(
                self._settings.get("disableUpdate"))).lower()
            try:
                answer = self._call("GET", "message", query, until=[
                    *until, self._changed], timeout=POLL_TIMEOUT)
                if answer.ok:
                    errors = 0
                    if answer.body.strip():
                        return answer.json()
                    continue
                broker_error(answer)
                message = ("Failed to get job message. Request to %smessage "
                           "failed with status: %s. Error message %s" % (
                               self._settings["serverUrlV2"],
                               answer.status_name, _reason(answer)))
            except wire.Aborted:
                if any(event.is_set() for event in until):
                    raise
                continue
            except SessionInvalid:
                if self.create_session() == SUCCESS:
                    continue
                raise Fatal("Get next message failed with non-retryable "
                            "error.")
            except (wire.WireError, TokenError) as error:
                message = str(error)
            errors = self._endure(errors, message, until)

    def _endure(self, errors, message, until):
        """Waits after an error: 15-30 s five times, then 30-60 s, then up."""
        errors += 1
        if errors >= 10:
            raise Fatal(message, retryable=True)
        if errors == 1:
            self._terminal.error("%s: Runner connect error: %s. Retrying "
                                 "until reconnected." % (now_u(), message))
        self._token = None
        pause = random.uniform(15, 30) if errors <= 5 \
            else random.uniform(30, 60)
        if wait_any(until, pause):
            raise wire.Aborted()
        return errors

    def acknowledge(self, request_id, until):
        """Best effort within five seconds."""
        try:
            answer = self._call("POST", "acknowledge", self._query(),
                                {"runnerRequestId": request_id}, until,
                                timeout=5, gaps=())
        except (wire.WireError, TokenError) as error:
            self._host.trace.error("Broker", "Best-effort acknowledge failed:"
                                   " %s" % error)
            return
        if not answer.ok:
            self._host.trace.error("Broker", "Best-effort acknowledge failed:"
                                   " %s" % _reason(answer))


class SessionRefused(Exception):
    """`outcome` is None where another try may succeed."""

    def __init__(self, message, outcome=None):
        super().__init__(message)
        self.outcome = outcome
        self.final = outcome is not None


def _reason(answer):
    """The message of the body, or the status as .NET words it."""
    try:
        body = answer.json()
        if isinstance(body, dict) and body.get("message"):
            return body["message"]
    except ValueError:
        pass
    return "%d (%s)" % (answer.status, answer.reason)


def os_description():
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            for line in file:
                if line.startswith("PRETTY_NAME="):
                    return line.partition("=")[2].strip().strip('"')
    except OSError:
        pass
    return "Linux"
