"""Starts the programs of steps, stops them, and sweeps up what they left."""

import os
import signal
import subprocess

from .events import Deadline, wait_any

INT_SECONDS = 7.5
TERM_SECONDS = 2.5
STREAM_GRACE = 5        # for output after the exit of the program itself
OOM_SCORE = 500


class Canceled(Exception):
    """The program was stopped because its step was."""


class Lines:
    """Splits what arrives on one descriptor into lines."""

    def __init__(self, stream, sink):
        self._stream = stream
        self._sink = sink
        self._rest = b""
        self.open = True
        os.set_blocking(stream.fileno(), False)

    def fileno(self):
        return self._stream.fileno()

    def read(self):
        try:
            chunk = os.read(self._stream.fileno(), 1 << 16)
        except BlockingIOError:
            return
        if not chunk:
            self.open = False
            if self._rest:
                self._emit(self._rest)
            self._stream.close()
            return
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        for line in whole:
            self._emit(line)

    def close(self):
        if self.open:
            self.open = False
            self._stream.close()

    def _emit(self, raw):
        self._sink(raw.decode("utf-8", "replace").rstrip("\r"))


class Program:
    """One program of a step.

    Only the program itself gets the signals of a cancellation, and only it
    is killed in the end: its children are the sweep's business, or nobody's.
    It gets the descriptors `inherited` beside its own three.
    """

    def __init__(self, argv, cwd, environment, sink, trace, inherited=()):
        self._trace = trace
        environment = dict(environment, GITHUB_ACTIONS="true")
        environment.setdefault("CI", "true")
        self._process = subprocess.Popen(
            argv, cwd=cwd, env=environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            pass_fds=inherited,
            restore_signals=False)      # SIGPIPE stays ignored, as from .NET
        self._process.stdin.close()
        self._streams = [Lines(self._process.stdout, sink),
                         Lines(self._process.stderr, sink)]
        self._exit = os.pidfd_open(self._process.pid)
        self._set_oom_score()

    def _set_oom_score(self):
        """Jobs die before the runner when memory runs out."""
        try:
            with open("/proc/%d/oom_score_adj" % self._process.pid, "w",
                      encoding="ascii") as file:
                file.write(os.environ.get("PIPELINE_JOB_OOMSCOREADJ")
                           or str(OOM_SCORE))
        except OSError:
            pass    # already gone, or not allowed

    def run(self, control, deadline):
        """The exit code, or Canceled.  `control` says when to stop; it is
        asked again while the program runs.  `deadline` is the step's."""
        try:
            while True:
                if control.stop_step() or deadline.passed():
                    self._stop(control)
                    raise Canceled()
                if self._step(control, deadline.left()):
                    break
            self._drain(control)
            code = self._process.wait()
            return code if code >= 0 else 128 - code
        finally:
            os.close(self._exit)
            for stream in self._streams:
                stream.close()

    def _step(self, control, timeout):
        """Waits for something to happen; True once the program is gone."""
        live = [s for s in self._streams if s.open]
        ready = wait_any([self._exit, *control.sources(), *live], timeout)
        for source in ready:
            if source in live:
                source.read()
        control.look()
        return self._exit in ready

    def _drain(self, control):
        """Others may hold the output open: five seconds, no more."""
        grace = Deadline(STREAM_GRACE)
        while not grace.passed():
            live = [s for s in self._streams if s.open]
            if not live:
                return
            ready = wait_any([*live, *control.sources()], grace.left())
            for source in ready:
                if source in live:
                    source.read()
            control.look()

    def _stop(self, control):
        for number, seconds in ((signal.SIGINT, INT_SECONDS),
                                (signal.SIGTERM, TERM_SECONDS)):
            self._trace.info("ProcessInvoker", "Sending %s to process %d." % (
                signal.Signals(number).name, self._process.pid))
            self._signal(number)
            patience = Deadline(seconds)
            while not patience.passed():
                if self._step(control, patience.left()):
                    self._drain(control)
                    self._process.wait()
                    return
        self._signal(signal.SIGKILL)
        wait_any([self._exit])
        self._drain(control)
        self._process.wait()

    def _signal(self, number):
        try:
            os.kill(self._process.pid, number)
        except ProcessLookupError:
            pass


def which(name, prepend_path):
    """The path of a program; paths that the job added come first."""
    if "/" in name:
        return name if os.access(name, os.X_OK) else None
    for directory in [*reversed(prepend_path),
                      *os.environ.get("PATH", "").split(":")]:
        path = os.path.join(directory, name)
        if directory and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def split_arguments(text):
    """An argument string as .NET splits it: blanks separate, double quotes
    join, a backslash quotes a double quote."""
    arguments, current, quoted, pending = [], "", False, False
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\" and text[position + 1:position + 2] == '"':
            current, pending = current + '"', True
            position += 1
        elif character == '"':
            quoted, pending = not quoted, True
        elif character in " \t" and not quoted:
            if pending:
                arguments.append(current)
            current, pending = "", False
        else:
            current, pending = current + character, True
        position += 1
    return arguments + [current] if pending else arguments


def snapshot():
    """pid and name of every process that can be seen."""
    seen = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/comm" % entry, encoding="utf-8",
                          errors="replace") as file:
                    seen[int(entry)] = file.read().strip()
            except OSError:
                continue
    return seen


def sweep(tracking_id, before, report):
    """Kills the processes that still carry the job's RUNNER_TRACKING_ID.

    As weak as the real one, on purpose: what cleared the variable, belongs
    to others, or forks meanwhile, survives.
    """
    mark = b"RUNNER_TRACKING_ID=" + tracking_id.encode()
    for pid, name in snapshot().items():
        if pid == os.getpid() or before.get(pid) == name:
            continue
        try:
            with open("/proc/%d/environ" % pid, "rb") as file:
                if mark not in file.read().split(b"\0"):
                    continue
        except OSError:
            continue
        report("Terminate orphan process: pid (%d) (%s)" % (pid, name))
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
