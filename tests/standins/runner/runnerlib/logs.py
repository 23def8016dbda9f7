"""The log of a job and of each of its steps, on disk until sent.

Every line begins with its time; files begin with a byte order mark.  A
step's file lies in _diag/blocks, the job's in _diag/pages, as the runner
has its own there while it works.
"""

import os

from .host import now_o


class LogFile:
    def __init__(self, directory, name):
        os.makedirs(directory, exist_ok=True)
        self.path = os.path.join(directory, name)
        self.lines = 0
        self._file = None

    def write(self, text):
        if self._file is None:
            self._file = open(self.path, "x", encoding="utf-8-sig",
                              errors="replace", newline="\n")
        self._file.write(text)
        self.lines += text.count("\n")

    def end(self):
        """True when there is anything to send."""
        if self._file is None:
            return False
        self._file.close()
        self._file = None
        return True


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
