"""The three jobs, and what is read out of their logs."""

import json
import os
import pathlib
import re
import secrets
import socket
import subprocess

from setting import RUNNERS, TARGET, Failure, wait_until

HERE = pathlib.Path(__file__).resolve().parent
LABELS = ["self-hosted", "deskrun"]
JOB_SECONDS = 60
# Fewer would prove little; more are denied only if something is wrong.
PLANTED_MIN = 25

STAMP = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z ?")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def script(name):
    """Return a script as the text of a step."""
    text = (HERE / name).read_text(encoding="utf-8")
    return text.removeprefix("#!/bin/bash\n")


class Marks:
    """By what the planted things are known: names, a TCP port, an IPC key."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.env = {"TAG": f"dirt-{secrets.token_hex(4)}",
                    "PORT": str(port),
                    "KEY": str(secrets.randbelow(1 << 30) + 1)}


def visible(log):
    """Return the lines of a log as GitHub shows them, groups folded."""
    lines, inside = [], False
    for line in log.splitlines():
        line = COLOUR.sub("", STAMP.sub("", line.lstrip("\ufeff")))
        if line.startswith("##[group]"):
            inside = True
            lines.append("> " + line.removeprefix("##[group]"))
        elif line.startswith("##[endgroup]"):
            inside = False
        elif not inside:
            lines.append(line)
    return lines


class Job:
    """A job that has ended."""

    def __init__(self, setting, number):
        view = setting.github.wait_job(number, timeout=JOB_SECONDS)
        self.name = view["name"]
        self.runner = view["runner_name"]
        self.succeeded = view["conclusion"] == "succeeded"
        self.conclusion = view["conclusion"]
        self.lines = visible(setting.github.log(number))
        self.receipt = receipt(setting, view)

    def things(self, word):
        """Return the names in lines such as "found NAME ...": a set."""
        return things(self.lines, word)

    @property
    def ran(self):
        """Whether its script came to its end."""
        return any(line.startswith("looked for ") for line in self.lines)

    def show(self):
        """Print the log and the receipt."""
        print(f"\njob \"{self.name}\" on {self.runner}: {self.conclusion}")
        for line in self.lines:
            print("  | " + line)
        print("  receipt: " + describe(self.receipt), flush=True)


def things(lines, word):
    """Return the second words of the lines that begin with a word."""
    return {line.split()[1] for line in lines
            if line.startswith(word + " ") and not line.split()[1].isdigit()}


def receipts(setting):
    """Return every receipt that has been written."""
    return [json.loads(line) for slot in setting.slots()
            for line in read_lines(slot / "receipts.jsonl")]


def read_lines(path):
    """Return the complete lines of a file, or none."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [line[:-1] for line in text.splitlines(True) if line[-1] == "\n"]


def receipt(setting, view):
    """Return the receipt of a job's world, once it has been written."""
    return wait_until(
        lambda: next((item for item in receipts(setting)
                      if item.get("run_id") == str(view["run_id"])), None),
        30, f"the receipt of job \"{view['name']}\"")


def describe(item):
    """Return a receipt in words."""
    return ("{verdict}; {files} files ({bytes} bytes), {processes} processes "
            "and {mounts} mounts gone; the next job waited {waited_ms:.2f} "
            "ms").format(**item)


def enqueue(setting, marks, name, steps):
    """Enqueue a job of scripts; return its number."""
    return setting.github.enqueue(
        TARGET, steps, labels=LABELS, name=name, env=marks.env)[0]


def plant(setting, marks):
    """Run the job that leaves behind what it can."""
    number = enqueue(setting, marks, "plant", [
        {"name": "plant", "run": script("plant")},
        {"name": "look, in the same job", "run": script("look")}])
    job = Job(setting, number)
    job.show()
    return job


def look(setting, marks):
    """Run the jobs that look, on all runners at the same time."""
    step = {"name": "look", "run": script("look"),
            "env": {"LOOK_FOR": "nothing"}}
    numbers = [enqueue(setting, marks, f"look-{place}", [step])
               for place in range(1, RUNNERS + 1)]
    found = [Job(setting, number) for number in numbers]
    for job in found:
        job.show()
    return found


def look_here(setting, marks):
    """Look on the machine itself; return the names of what is there."""
    print("\nlooking on the machine itself", flush=True)
    done = subprocess.run(
        [HERE / "look"], env={**os.environ, **marks.env,
                              "LOOK_IN": str(setting.data)},
        cwd="/", text=True, check=False, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for line in done.stdout.splitlines():
        print("  | " + line, flush=True)
    if done.returncode:
        raise Failure("looking on the machine failed")
    return things(done.stdout.splitlines(), "found")


class Verdict:
    """The closing line, and whether all is as it should be."""

    def __init__(self, setting, planter, lookers, here):
        everyone = [planter, *lookers]
        self.run = sum(job.ran for job in everyone)
        self.wiped = sum(item["verdict"] == "clean"
                         for item in receipts(setting))
        self.leaked = sum(len(job.things("found"))
                          for job in lookers) + len(here)
        self.doubts = list(doubts(planter, lookers))
        self.planted = planter.things("planted")
        self.denied = planter.things("denied")

    @property
    def good(self):
        """Whether three jobs left nothing, and would have been seen to."""
        return not self.doubts and (
            self.run, self.wiped, self.leaked) == (3, 3, 0)

    def __str__(self):
        lines = [f"doubt: {doubt}" for doubt in self.doubts] or [
            f"planted: {len(self.planted)}, each seen by the job that "
            f"planted it; denied by mode standard: {len(self.denied)}"]
        return "\n".join(lines + [
            f"jobs run: {self.run}, wiped: {self.wiped}, "
            f"leaked: {self.leaked}"])


def doubts(planter, lookers):
    """Say why a good result would prove nothing."""
    planted, seen = planter.things("planted"), planter.things("found")
    if len(planted) < PLANTED_MIN:
        yield f"only {len(planted)} things were planted"
    for name in sorted(planted - seen):
        yield f"{name} was planted, and not seen by the job itself"
    for name in sorted(seen - planted):
        yield f"{name} was seen, and not planted"
    if len({job.runner for job in lookers}) != RUNNERS:
        yield "the looking jobs ran on the same runner"
    for job in [planter, *lookers]:
        if not job.succeeded:
            yield f"job \"{job.name}\" has {job.conclusion}"
