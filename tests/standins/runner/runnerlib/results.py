"""What a job tells the servers while it runs: logs and step states.

One background thread sends everything in order, so that a slow server
delays the end of a job but not its steps.
"""

import json
import queue
import threading
import time

from . import wire
from .host import now_o

TWIRP = "twirp/results.services.receiver.Receiver/"
STEPS = ("twirp/github.actions.results.api.v1.WorkflowStepUpdateService/"
         "WorkflowStepsUpdate")

STATUS = {"inprogress": 3, "pending": 5, "completed": 6}
CONCLUSION = {"succeeded": 2, "failed": 3, "canceled": 4, "skipped": 7}

UPDATE_SECONDS = 1.0


class Results:
    """The results service of one job; without an endpoint all is silence."""

    def __init__(self, host, job, token):
        variables = job.get("variables") or {}
        endpoint = variables.get("system.github.results_endpoint") or {}
        self._base = endpoint.get("value")
        self._host = host
        self._token = token
        self._ids = {"workflow_run_backend_id": job["plan"]["planId"],
                     "workflow_job_run_backend_id": job["jobId"]}
        self._queue = queue.SimpleQueue()
        self._steps = {}
        self._order = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def step_changed(self, step):
        """Remembers the step's state for the next update."""
        record = {"external_id": step.id, "number": step.number,
                  "name": step.name, "status": STATUS[step.state],
                  "started_at": step.started, "completed_at": step.completed,
                  "conclusion": CONCLUSION.get(step.result, 0)}
        with self._lock:
            self._steps[step.id] = record

    def upload_log(self, log, step_id=None):
        """Queues a finished LogFile, of a step or of the whole job; it is
        deleted once sent."""
        self._queue.put(("log", log, step_id))

    def upload_summary(self, data, step_id):
        self._queue.put(("summary", data, step_id))

    def finish(self):
        """Sends what is left, and returns when it is sent."""
        self._queue.put(None)
        self._thread.join()

    # -- the background thread

    def _work(self):
        next_update = time.monotonic() + UPDATE_SECONDS
        while True:
            try:
                item = self._queue.get(
                    timeout=max(0, next_update - time.monotonic()))
            except queue.Empty:
                self._guard(self._update_steps)
                next_update = time.monotonic() + UPDATE_SECONDS
                continue
            if item is None:
                self._guard(self._update_steps)
                return
            if item[0] == "log":
                self._guard(self._send_log, *item[1:])
            else:
                self._guard(self._send_summary, *item[1:])

    def _guard(self, action, *arguments):
        """Logs are best effort: a job does not fail for want of them."""
        if not self._base:
            return
        try:
            action(*arguments)
        except (wire.WireError, OSError, KeyError, TypeError,
                ValueError) as error:
            self._host.trace.error("JobServerQueue", repr(error))

    def _call(self, name, body):
        answer = wire.request_with_retry(
            "POST", self._base + name, self._host.headers(
                self._token, vss=False,
                **{"Content-Type": "application/json; charset=utf-8"}),
            json.dumps(body).encode())
        if not answer.ok:
            raise wire.WireError("%s: %d" % (name, answer.status))
        return answer.json() or {}

    def _update_steps(self):
        with self._lock:
            steps, self._steps = list(self._steps.values()), {}
        if not steps:
            return
        self._order += 1
        self._call(STEPS, dict(self._ids, steps=steps,
                               change_order=self._order))

    def _put(self, url, kind, data):
        headers = {"Content-Type": "text/plain"}
        if kind == "BLOB_STORAGE_TYPE_AZURE":
            headers["x-ms-blob-type"] = "BlockBlob"
        answer = wire.request_with_retry("PUT", url, headers, data)
        if not answer.ok:
            raise wire.WireError("PUT of a log: %d" % answer.status)

    def _send_log(self, log, step_id):
        what = "Step" if step_id else "Job"
        ids = dict(self._ids)
        if step_id:
            ids["step_backend_id"] = step_id
        answer = self._call(TWIRP + "Get%sLogsSignedBlobURL" % what, ids)
        self._put(answer["logs_url"], answer.get("blob_storage_type"),
                  log.read())
        self._call(TWIRP + "Create%sLogsMetadata" % what,
                   dict(ids, uploaded_at=now_o(), line_count=log.lines))
        log.delete()

    def _send_summary(self, data, step_id):
        ids = dict(self._ids, step_backend_id=step_id)
        answer = self._call(TWIRP + "GetStepSummarySignedBlobURL", ids)
        self._put(answer["summary_url"], answer.get("blob_storage_type"),
                  data)
        self._call(TWIRP + "CreateStepSummaryMetadata",
                   dict(ids, uploaded_at=now_o(), size=len(data)))
