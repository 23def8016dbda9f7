"""One job at a time: the lock on it, and the Worker that runs it."""

import json
import os
import subprocess
import threading

from . import channel, wire
from .events import Deadline, Event, wait_any
from .host import as_bool, now_u

RESULTS = {100: "Succeeded", 102: "Failed", 103: "Canceled", 104: "Skipped",
           105: "Abandoned"}

RENEW_SECONDS = 60
RENEW_GAPS = (4, 10, 10, 10)    # five tries of one renewal in 34 s
STREAM_GRACE = 5                # for output after the Worker's exit


def channel_timeout():
    text = os.environ.get("GITHUB_ACTIONS_RUNNER_CHANNEL_TIMEOUT", "")
    return min(max(int(text) if text.isdigit() else 30, 30), 300)


class RunService:
    """The run service, for one job: `address` and a bearer token."""

    def __init__(self, host, address, token):
        self._host = host
        self._address = address
        self._token = token

    def post(self, name, body, until=(), gaps=wire.RETRY_GAPS):
        return wire.request_with_retry(
            "POST", self._address + name,
            self._host.headers(self._token, **{
                "Content-Type": "application/json; charset=utf-8"}),
            json.dumps(body).encode(), until, gaps=gaps)


class WorkerProcess:
    """bin/Runner.Worker, its two pipes, and what it printed.

    `exited` is set when the process is gone and its output read, or when
    something else held the output open for five more seconds.
    """

    def __init__(self, host):
        self._host = host
        self.exited = Event()
        self.returncode = None
        self.output = []
        self._lock = threading.Lock()
        self._echo = as_bool(
            os.environ.get("ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT"))
        theirs_in, self._to_worker = os.pipe()
        self._from_worker, theirs_out = os.pipe()
        try:
            self._start(theirs_in, theirs_out)
        finally:
            os.close(theirs_in)
            os.close(theirs_out)

    def _start(self, theirs_in, theirs_out):
        path = os.path.join(self._host.directories.bin, "Runner.Worker")
        environment = dict(os.environ, GITHUB_ACTIONS="true")
        environment.setdefault("CI", "true")
        self.process = subprocess.Popen(
            [path, "spawnclient", str(theirs_in), str(theirs_out)],
            cwd=self._host.directories.bin, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, pass_fds=(theirs_in, theirs_out),
            restore_signals=False)      # SIGPIPE stays ignored, as from .NET
        self.process.stdin.close()
        readers = [threading.Thread(target=self._read, args=(stream, echo),
                                    daemon=True)
                   for stream, echo in ((self.process.stdout, True),
                                        (self.process.stderr, False))]
        for reader in readers:
            reader.start()
        threading.Thread(target=self._wait, args=(readers,),
                         daemon=True).start()

    def _read(self, stream, stdout):
        for raw in stream:
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            if not line:
                continue
            with self._lock:
                if not (stdout and line.startswith("[WORKER")):
                    self.output.append(line)
                if stdout and self._echo:
                    self._host.terminal.raw_line(line)

    def _wait(self, readers):
        code = self.process.wait()
        # .NET reports a death by signal as a shell does.
        self.returncode = code if code >= 0 else 128 - code
        grace = Deadline(STREAM_GRACE)
        for reader in readers:
            reader.join(grace.left())
        self.exited.set()

    def send(self, kind, text):
        channel.send(self._to_worker, kind, text, channel_timeout())

    def kill_and_wait(self):
        self.process.kill()
        wait_any([self.exited])

    def close(self):
        os.close(self._to_worker)
        os.close(self._from_worker)


class LockRenewal(threading.Thread):
    """renewjob at once and every minute, until stopped or refused.

    `first` is set by the first success, `ended` when there is no lock any
    more: no Worker starts before the one, and none outlives the other.
    """

    def __init__(self, host, service, job):
        super().__init__(daemon=True)
        self._host = host
        self._service = service
        self._body = {"planId": job["plan"]["planId"], "jobId": job["jobId"]}
        self.first = Event()
        self.ended = Event()
        self._stop_event = Event()

    def run(self):
        try:
            while self._renew():
                self.first.set()
                if wait_any([self._stop_event], RENEW_SECONDS):
                    break
        except wire.Aborted:
            pass
        finally:
            self.ended.set()

    def _renew(self):
        try:
            answer = self._service.post("renewjob", self._body,
                                        [self._stop_event], RENEW_GAPS)
        except wire.WireError as error:
            self._host.trace.error("JobDispatcher", "renewjob: %s" % error)
            return False
        if not answer.ok:
            self._host.trace.error("JobDispatcher", "renewjob: %d %s" % (
                answer.status, answer.text))
        return answer.ok

    def stop(self):
        self._stop_event.set()
        self.join()


class Dispatch:
    """One job: cancel() is graceful, and deadly 15 s before its time-out."""

    def __init__(self, job):
        self.job = job
        self.job_id = job["jobId"]
        self.canceled = Event()
        self.kill = Event()
        self.thread = None

    def cancel(self, seconds):
        self.canceled.set()
        timer = threading.Timer(max(seconds, 60) - 15, self.kill.set)
        timer.daemon = True
        timer.start()

    def running(self):
        return self.thread.is_alive()


class Dispatcher:
    """Runs jobs one after the other, whatever the server hands out.

    `on_status` hears Busy before a job is looked at and Online after it;
    `shutdown.reason` tells the Worker why it is cancelled.
    """

    def __init__(self, host, on_status, shutdown):
        self._host = host
        self._terminal = host.terminal
        self._on_status = on_status
        self._shutdown = shutdown
        self._current = None
        self.job_done = Event()     # for --once

    def run(self, job):
        previous, self._current = self._current, Dispatch(job)
        dispatch = self._current
        self._on_status("Busy")
        dispatch.thread = threading.Thread(
            target=self._guarded, args=(dispatch, previous), daemon=True)
        dispatch.thread.start()

    def cancel(self, job_id, seconds):
        """False when it is not the job at hand."""
        if self._current is None or self._current.job_id != job_id:
            return False
        self._current.cancel(seconds)
        return True

    def shut_down(self):
        """Cancels what runs and waits for the Worker's exit."""
        if self._current is not None:
            self._current.canceled.set()
            self._current.thread.join()

    def _guarded(self, dispatch, previous):
        try:
            if previous is not None:
                self._finish_previous(previous)
            self._run(dispatch)
        except Exception as error:      # the diary is all there is to tell
            self._host.trace.error("JobDispatcher",
                                   "Worker Dispatch failed: %r" % error)
        finally:
            self._on_status("Online")
            self.job_done.set()

    def _finish_previous(self, previous):
        """A job that came while the Worker still goes down cancels that one:
        the server is believed, not the Worker."""
        if previous.running():
            self._host.trace.error(
                "JobDispatcher", "Job %s still runs. Cancel running worker "
                "right away." % previous.job_id)
            previous.canceled.set()
        previous.thread.join()

    def _run(self, dispatch):
        """From the lock to the Worker's exit.

        A Worker that closes its pipe before it took the message leaves the
        job to nobody: as with the real one the error ends this here, while
        the lock goes on being renewed.
        """
        job = dispatch.job
        self._terminal.line("%s: Running job: %s" % (
            now_u(), job.get("jobDisplayName")))
        endpoint = system_connection(job)
        service = RunService(self._host, endpoint["url"],
                             endpoint["authorization"]["parameters"]
                             ["AccessToken"])
        renewal = LockRenewal(self._host, service, job)
        renewal.start()
        wait_any([renewal.first, renewal.ended, dispatch.canceled])
        if renewal.ended.is_set():
            return      # abandoned: the lock was never ours
        if dispatch.canceled.is_set():
            renewal.stop()
            return
        worker = WorkerProcess(self._host)
        try:
            worker.send(channel.NEW_JOB, json.dumps(job))
        except channel.ChannelTimeout:
            worker.kill_and_wait()
            renewal.stop()      # nobody completes a job that was not taken
        else:
            self._attend(dispatch, service, renewal, worker)
            renewal.stop()
        finally:
            worker.close()

    def _attend(self, dispatch, service, renewal, worker):
        job = dispatch.job
        wait_any([worker.exited, renewal.ended, dispatch.canceled])
        if worker.exited.is_set():
            result = RESULTS.get(worker.returncode)
            if result is None:
                self._report_crash(job, service, worker)
                result = "Failed"
        else:
            result = "Abandoned" if renewal.ended.is_set() else "Canceled"
            self._cancel_worker(dispatch, worker)
        self._terminal.line("%s: Job %s completed with result: %s" % (
            now_u(), job.get("jobDisplayName"), result))

    def _cancel_worker(self, dispatch, worker):
        kind = channel.CANCEL
        if self._shutdown.is_set():
            kind = channel.SHUTDOWN
        try:
            worker.send(kind, "")
        except (OSError, channel.ChannelTimeout) as error:
            self._host.trace.info(
                "JobDispatcher", "Job cancel message sending failed, kill "
                "running worker. %s" % error)
            worker.kill_and_wait()
        wait_any([worker.exited, dispatch.kill])
        if not worker.exited.is_set():
            self._host.trace.info(
                "JobDispatcher", "worker process haven't exit within "
                "cancellation timout, kill running worker.")
            worker.kill_and_wait()

    def _report_crash(self, job, service, worker):
        """The Listener completes the job that its Worker could not."""
        detail = "\n".join(worker.output)
        self._host.trace.info("JobDispatcher", "Return code %d indicate "
                              "worker encounter an unhandled exception or "
                              "app crash: %s" % (worker.returncode, detail))
        annotations = []
        if detail.strip():
            annotations.append({"level": "failure", "message": detail})
        try:
            service.post("completejob", {
                "planId": job["plan"]["planId"], "jobId": job["jobId"],
                "conclusion": "failed", "annotations": annotations,
                "billingOwnerId": job.get("billingOwnerId")})
        except wire.WireError as error:
            self._host.trace.error("JobDispatcher", "completejob: %s" % error)


def system_connection(job):
    return next(e for e in job["resources"]["endpoints"]
                if e["name"].lower() == "systemvssconnection")


