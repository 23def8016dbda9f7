"""bin/Runner.Worker spawnclient IN OUT: runs the one job of its message."""

import json
import os
import signal
import sys
import time

from . import channel
from .events import Event
from .host import Host
from .store import Store

MESSAGE_SECONDS = 30
UNLOAD_SECONDS = 30
EXIT_CRASHED = 1
EXIT_SIGTERM = 143

# The runner needs this long from its report to its exit, while the server
# may already hand out the next job: what stands between must cope.
GOING_DOWN_SECONDS = 0.045


class Control:
    """Cancellation and shutdown, by the channel or by SIGTERM.

    `reason` is None, "cancel" or "shutdown", and the first one stays.  A
    step under way is stopped when its condition, asked again at that moment,
    does not hold; a step begun afterwards is not stopped any more.
    """

    def __init__(self, reader):
        self._reader = reader
        self._terminated = Event()
        self.reason = None
        self._step = None
        self._stop = False
        for number, handler in ((signal.SIGINT, lambda *_: None),
                                (signal.SIGTERM, self._terminate)):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handler)

    def _terminate(self, _number, _frame):
        self._terminated.set()
        signal.signal(signal.SIGALRM, lambda *_: os._exit(EXIT_SIGTERM))
        signal.setitimer(signal.ITIMER_REAL, UNLOAD_SECONDS)

    def sources(self):
        """What to wait for beside one's own descriptors."""
        sources = []
        if self.reason is None:
            if not self._reader.closed:
                sources.append(self._reader)
            if not self._terminated.is_set():
                sources.append(self._terminated)
        return sources

    def look(self):
        """Takes in what has arrived; does not wait."""
        if self.reason is not None:
            return
        message = self._reader.feed()
        if self._terminated.is_set():
            self._set("shutdown")
        elif message:
            kinds = {channel.CANCEL: "cancel", channel.SHUTDOWN: "shutdown",
                     channel.OS_SHUTDOWN: "shutdown"}
            self._set(kinds[message[0]])

    def _set(self, reason):
        self.reason = reason
        if self._step is not None:
            self._step.job.canceled(reason)
            self._stop = reason == "shutdown" or not self._step.wanted()

    def begin_step(self, step):
        self._stop = False
        self._step = step if self.reason is None else None

    def end_step(self):
        self._step = None

    def stop_step(self):
        return self._stop


def descriptor(text):
    """An inherited pipe by its number; anything else is refused."""
    fd = int(text)
    os.fstat(fd)
    return fd


def run(host, arguments):
    if len(arguments) != 3 or arguments[0].lower() != "spawnclient":
        raise ValueError("Runner.Worker spawnclient IN OUT, not %r"
                         % (arguments,))
    # The second is there to write to, and never written to.  Steps inherit
    # both from the real Worker: what a job leaves running holds them open.
    host.channel = [descriptor(text) for text in arguments[1:]]
    reader = channel.Reader(host.channel[0])
    host.trace.info("Worker", "Waiting to receive the job message from the "
                    "channel.")
    control = Control(reader)
    kind, body = reader.receive(MESSAGE_SECONDS)
    if kind != channel.NEW_JOB:
        raise ValueError("MessageType does not equal expected value. Expected"
                         " 'NewJobRequest'. Actual '%d'." % kind)
    message = json.loads(body)
    settings = Store(host.directories.root).settings()
    host.add_agent("RunnerId", settings.get("agentId", 0))
    host.add_agent("GroupId", settings.get("poolId", 0))
    from .job import Job
    job = Job(host, settings, message, control)
    host.trace.info("Worker", "Job message:\n " + json.dumps(message,
                                                            indent=2))
    code = job.run()
    host.trace.info("Worker", "Job completed.")
    time.sleep(GOING_DOWN_SECONDS)
    return code     # after SIGTERM too; the real one then also ends with 143


def main(bin_directory):
    """Whatever fails is told on stdout, which the Listener collects."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)   # ignored by Python
    host = Host(bin_directory, "Worker")
    try:
        return run(host, sys.argv[1:])
    except Exception:
        import traceback
        text = traceback.format_exc()
        os.write(1, text.encode("utf-8", "replace"))
        host.trace.error("Worker", text)
        return EXIT_CRASHED
