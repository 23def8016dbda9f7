"""Puts a request before the right service, and keeps the clock going."""

import asyncio
import re
import time
import traceback

from . import control, protocol, releases, rest, results, runs
from .dispatch import Dispatcher
from .faults import Faults
from .httpd import BadRequest, Response
from .restauth import Refusal
from .state import State

GHES_PREFIX = "/api/v3"
CONTROL_PREFIX = "/_standin/"
SECRET = re.compile(r"((?:sig|token)=)[^&]*", re.IGNORECASE)
SERVICES = (protocol.routes, results.routes, releases.routes)
# `runs` adds to the table of `rest` when it is imported.
REST = (rest, runs)


class App:
    """The stand-in: its state, and what is done with a request."""

    def __init__(self, settings=None):
        self.state = State(settings)
        self.dispatcher = Dispatcher(self.state)
        self.faults = Faults(self.state.clock)
        self.requests = []
        self.stopping = asyncio.Event()
        self.stirred = asyncio.Event()
        self.waiting = set()
        self.state.observers.append(self.stir)

    def stir(self):
        """Something changed: whoever waits looks again."""
        self.stirred.set()
        for future in self.waiting:
            if not future.done():
                future.set_result(None)
        self.waiting.clear()

    async def keep_time(self):
        """Let sessions, offers and locks run out when they are due."""
        while True:
            self.stirred.clear()
            upcoming = self.dispatcher.expire()
            delay = None
            if upcoming is not None:
                delay = max(0.0, upcoming - self.state.clock())
            try:
                await asyncio.wait_for(self.stirred.wait(), delay)
            except asyncio.TimeoutError:
                pass

    async def wait_for_change(self, since, timeout):
        """Return the state's version once it is past `since`."""
        deadline = time.monotonic() + timeout
        while self.state.version <= since:
            future = asyncio.get_running_loop().create_future()
            self.waiting.add(future)
            try:
                await asyncio.wait_for(future, deadline - time.monotonic())
            except asyncio.TimeoutError:
                break
            finally:
                self.waiting.discard(future)
        return self.state.version

    async def handle(self, request):
        """Answer a request."""
        if request.path.startswith(CONTROL_PREFIX):
            return await self.guarded(request, self.control)
        entry = {"at": self.state.clock(), "method": request.method,
                 "path": SECRET.sub(r"\1***", request.target),
                 "host": request.host, "scheme": request.connection.scheme,
                 "agent": request.headers.get("user-agent"), "status": None}
        self.requests.append(entry)
        response = await self.guarded(
            request, lambda item: self.faults.apply(item, self.route))
        if response:
            entry["status"] = response.status
        elif request.upgraded:
            entry["status"] = 101
        return response

    @staticmethod
    async def guarded(request, proceed):
        """Turn what a handler raises into an answer.

        A request that breaks a handler is answered 500, as GitHub would, and
        is a defect here or in the client: it is told on stderr.
        """
        try:
            return await proceed(request)
        except Refusal as refusal:
            return refusal.response()
        except BadRequest as error:
            return Refusal(error.status, str(error)).response()
        except (OSError, asyncio.IncompleteReadError):
            raise
        except Exception:
            traceback.print_exc()
            return Refusal(500, "Server Error").response()

    async def control(self, request):
        """Answer a call of the control interface."""
        if not request.connection.peer.startswith(("127.", "::1")):
            return Response.json({"error": "not from this machine"}, 403)
        return await control.answer(
            self, request, request.path.removeprefix(CONTROL_PREFIX[:-1]))

    async def route(self, request):
        """Answer as GitHub."""
        path = request.path
        for table in SERVICES:
            found = table.find(request.method, path)
            if found:
                handler, parameters = found
                return await handler(self, request, **parameters)
        if path.startswith(GHES_PREFIX + "/") or path == GHES_PREFIX:
            return await rest.answer(
                self, request, path.removeprefix(GHES_PREFIX) or "/")
        if request.host.startswith("api."):
            return await rest.answer(self, request, path)
        return Response.text("Not Found", 404, "text/html")
