"""The log of a job and of each of its steps, on disk until sent.

Every line begins with its time; files begin with a byte order mark.  There
are two copies, a page and a block, which the real runner keeps for the old
and the new log service: what a job can find there, it can find here.
"""

import os

from .host import now_o


class LogFile:
    """Two equal files in DIAG, made with the first line."""

    def __init__(self, diag, timeline, record):
        self._paths = [
            os.path.join(diag, "pages", "%s_%s_1.log" % (timeline, record)),
            os.path.join(diag, "blocks", "%s_%s.1" % (timeline, record))]
        self.lines = 0
        self._files = []

    def write(self, text):
        if not self._files:
            for path in self._paths:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                self._files.append(open(path, "x", encoding="utf-8-sig",
                                        errors="replace", newline="\n"))
        for file in self._files:
            file.write(text)
        self.lines += text.count("\n")

    def end(self):
        """True when there is anything to send."""
        for file in self._files:
            file.close()
        return bool(self._files)

    def read(self):
        with open(self._paths[1], "rb") as file:
            return file.read()

    def delete(self):
        for path in self._paths:
            os.unlink(path)


class StepLog:
    """Masks, stamps, and writes each line into the step's and the job's log;
    `feed`, if there is one, gets it too."""

    def __init__(self, job_log, step_log, masker, feed=None):
        self._job_log = job_log
        self._step_log = step_log
        self._masker = masker
        self._feed = feed

    def write(self, text):
        text = self._masker.mask(text)
        stamped = "%s %s\n" % (now_o(), text)
        self._step_log.write(stamped)
        self._job_log.write(stamped)
        if self._feed:
            self._feed(text)
