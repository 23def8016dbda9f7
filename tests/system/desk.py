"""A desk to test on: a configuration, a data directory, a GitHub.

    desk = make_desk(pools=[{"name": "std", "count": 2}])
    desk.start()
    job = desk.run_job(["echo hi"])
    assert "hi" in desk.output(job)

Commands are the real programs, run with a small environment.
"""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys

import leftovers
from waiting import wait_until

TESTS = pathlib.Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
BUILD = pathlib.Path(os.environ.get("DESKRUN_BUILD")
                     or ROOT / "build/check").resolve()
PROGRAM = BUILD / "deskrun-runner"
INIT = BUILD / "deskrun-init"
BUILDER = TESTS / "standins/build-runner-tarball"
REPO = "octo/demo"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

sys.path.insert(0, str(TESTS))
from standins.github.client import Server  # noqa: E402,F401

# Exit statuses, as the manual has them
OK, FAILED, USAGE, CONFIG, AUTH, NETWORK, ENGINE = range(7)
NOT_FOUND, BUSY, TIMEOUT, INTERRUPTED = 7, 8, 9, 130


def lines_of(path):
    """Return the JSON objects of a file, a line each; [] without it."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return []
    complete = text[:text.rfind("\n") + 1]
    return [json.loads(line) for line in complete.splitlines()]


class Slot:
    """One runner's directory, as the supervisor keeps it."""

    def __init__(self, desk, name):
        self.name = name
        self.path = desk.data / "slots" / name
        self.scratch = desk.data / "scratch" / name

    def events(self, kind=None):
        """Return the events, oldest first; those of one kind."""
        every = (lines_of(self.path / "events.jsonl.1")
                 + lines_of(self.path / "events.jsonl"))
        return [event for event in every
                if kind is None or event["event"] == kind]

    def receipts(self):
        """Return the receipts."""
        return (lines_of(self.path / "receipts.jsonl.1")
                + lines_of(self.path / "receipts.jsonl"))

    def wait_event(self, kind, count=1, timeout=30):
        """Return the `count`-th event of a kind."""
        return wait_until(lambda: self.events(kind)[count - 1:count], timeout,
                          f"event {kind} no. {count} of {self.name}")[0]

    def wait_receipts(self, count, timeout=30):
        """Return the receipts once there are `count` of them."""
        def there():
            found = self.receipts()
            return found if len(found) >= count else None
        return wait_until(there, timeout, f"{count} receipts of {self.name}")

    def wait_clean(self, timeout=30):
        """Return once nothing of a world is left in the scratch directory."""
        wait_until(lambda: not self.worlds(), timeout,
                   f"the end of the worlds of {self.name}")

    def worlds(self):
        """Return the directories of worlds that are there."""
        if not self.scratch.is_dir():
            return []
        return [path.name for path in self.scratch.iterdir()
                if path.name.startswith("w-")]

    def log(self, name="listener"):
        """Return a log's text: init, listener, config."""
        path = self.path / "logs" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def supervisor(self):
        """Return the process id of the supervisor, or None."""
        try:
            holder = (self.path / "lock").read_text().split()
        except FileNotFoundError:
            return None
        if not holder or not holder[0].isdigit():
            return None
        pid = int(holder[0])
        command = leftovers.read(f"/proc/{pid}/cmdline")
        if b"supervise" not in command or leftovers.is_zombie(pid):
            return None
        return pid

    def _descendants(self):
        """Yield (pid, command) of all that the supervisor started."""
        parents = {}
        for pid in leftovers.pids():
            stat = leftovers.read(f"/proc/{pid}/stat")
            if stat and not leftovers.is_zombie(pid):
                parents[pid] = int(stat.rpartition(b")")[2].split()[1])
        top = self.supervisor()
        for pid in parents:
            above = pid
            while above in parents and above != top:
                above = parents[above]
            if top and above == top and pid != top:
                yield pid, leftovers.read(f"/proc/{pid}/cmdline")

    def find(self, *words):
        """Return the first descendant whose command has all the words."""
        for pid, command in self._descendants():
            arguments = command.decode(errors="replace")
            if all(word in arguments for word in words):
                return pid
        return None

    def listener(self):
        """Return the process id of the Listener, or None."""
        return self.find("Runner.Listener", "run")

    def shim(self):
        """Return the process id of the shim of a running job, or None.

        It has the Worker's name, and is the Listener's child.
        """
        return self._worker(below_listener=True)

    def worker(self):
        """Return the process id of the Worker in its world, or None."""
        return self._worker(below_listener=False)

    def _worker(self, below_listener):
        listener = self.listener()
        for pid, command in self._descendants():
            if b"Worker" not in command or b"spawnclient" not in command:
                continue
            stat = leftovers.read(f"/proc/{pid}/stat")
            parent = int(stat.rpartition(b")")[2].split()[1]) if stat else 0
            if (parent == listener) == below_listener:
                return pid
        return None


class Desk:
    """A configuration and all that was made from it."""

    def __init__(self, directory, github, mark, **config):
        self.directory = directory
        self.github = github
        self.mark = mark  # in the names of its runners, and in their jobs
        self.data = directory / "data"
        self.config_file = directory / "deskrun.yaml"
        self.token_file = directory / "token"
        self.token = f"ghp_{mark}secretOfTheDesk"
        self.environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"}
        self.background = []
        self.holds = []
        github.token(self.token)
        self.write_token(self.token)
        self.config = {
            "version": 1,
            "github": {"url": github.url,
                       "auth": {"token_file": str(self.token_file)}},
            "engine": "host",
            "data": str(self.data),
            "pools": [{"name": "std"}],
            **config}
        self.write_config()

    # Arranging

    def write_token(self, text, mode=0o600):
        """Write the token's file."""
        self.token_file.unlink(missing_ok=True)
        self.token_file.touch(mode=mode)
        self.token_file.chmod(mode)
        self.token_file.write_text(text + "\n")

    def write_config(self):
        """Write the configuration (JSON is YAML), with defaults."""
        for pool in self.config["pools"]:
            pool.setdefault("target", REPO)
            pool.setdefault("runner_name", f"{self.mark}-{{pool}}-{{n}}")
            pool.setdefault("labels", ["deskrun", pool["name"]])
            # a test does not wait the runner's 30 s between two tries
            pool.setdefault("env", {}).setdefault(
                "STANDIN_RUNNER_CONFLICT_SECONDS", "1")
        self.config_file.write_text(json.dumps(self.config, indent=1))

    def pool(self, name="std"):
        """Return a pool's part of the configuration."""
        return next(pool for pool in self.config["pools"]
                    if pool["name"] == name)

    def slot(self, pool="std", number=0):
        """Return the slot of a runner."""
        return Slot(self, f"{self.mark}-{pool}-{number}")

    def slots(self):
        """Return all slots that have a directory."""
        base = self.data / "slots"
        if not base.is_dir():
            return []
        return [Slot(self, path.name) for path in sorted(base.iterdir())]

    # Commands

    def command(self, *arguments):
        """Return the words of a command."""
        return [str(PROGRAM), "--config", str(self.config_file), *arguments]

    def run(self, *arguments, timeout=120, env=None, wrapper=()):
        """Run a command; return what subprocess.run() does."""
        return subprocess.run(
            [*wrapper, *self.command(*arguments)], text=True,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout,
            env={**self.environment, **(env or {})}, cwd=self.directory,
            check=False)

    def spawn(self, *arguments):
        """Start a command; it is killed at the end of the test."""
        process = subprocess.Popen(
            self.command(*arguments), text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.environment, cwd=self.directory)
        self.background.append(process)
        return process

    def done(self, *arguments, status=OK, **options):
        """Run a command that has to end with `status`."""
        result = self.run(*arguments, **options)
        assert result.returncode == status, (
            f"{' '.join(arguments)}: status {result.returncode}, expected "
            f"{status}\n{result.stdout}{result.stderr}")
        return result

    def start(self, *arguments, **options):
        """Start the runners; return what start said."""
        return self.done("start", *arguments, **options)

    def stop(self, *arguments, **options):
        """Stop the runners; return what stop said."""
        return self.done("stop", *arguments, **options)

    def status(self, *arguments):
        """Return what status says, by runner."""
        rows = json.loads(self.done("-o", "json", "status",
                                    *arguments).stdout)
        return {row["runner"]: row for row in rows}

    def refused(self, *arguments, status, said, **options):
        """Run a command that has to fail so; return its stderr."""
        result = self.done(*arguments, status=status, **options)
        for text in [said] if isinstance(said, str) else said:
            assert re.search(text, result.stderr), (
                f"{text!r} is not in what was said:\n{result.stderr}")
        assert "Traceback" not in result.stderr
        return result.stderr

    def wait_request(self, method, path, status=None, timeout=30):
        """Return once GitHub was asked this (and has answered so).

        Not by its wait_until(): a request as such changes nothing there.
        """
        wait_until(
            lambda: [entry for entry in self.github.requests(method, path)
                     if status in (None, entry["status"])],
            timeout, f"{method} {path} {status or ''}")

    # Jobs

    def enqueue(self, steps, pool=None, **spec):
        """Enqueue one job for a pool's label; return its id."""
        labels = ["self-hosted", *(spec.pop("labels", None)
                                   or [pool or "deskrun"])]
        return self.github.enqueue(REPO, steps, labels=labels, **spec)[0]

    def run_job(self, steps, conclusion="succeeded", timeout=60, **spec):
        """Run one job to its end; return it."""
        job = self.github.wait_job(self.enqueue(steps, **spec),
                                   timeout=timeout)
        assert job["conclusion"] == conclusion, (
            f"{job['conclusion']}: {job['annotations']}\n"
            + self.github.log(job["id"]))
        return job

    def output(self, job):
        """Return what the steps and hooks of a job printed.

        Without the scripts, which the log shows as well: an expected text
        that is in the script would be found there.
        """
        found, inside = [], False
        for line in self.github.log(job["id"]).splitlines():
            text = line.partition("Z ")[2]
            if text.startswith("##[group]Run "):
                inside = True
            elif text.startswith("##[endgroup]"):
                inside = False
            elif not inside:
                found.append(text)
        return "\n".join(found)

    def hold(self):
        """Return a Hold."""
        self.holds.append(Hold(self.github.parts.hostname))
        return self.holds[-1]

    def busy(self, **spec):
        """Run a job that is held; return (its id, the Hold)."""
        hold = self.hold()
        job = self.enqueue([hold.step], **spec)
        hold.wait()
        return job, hold

    # The end

    def close(self):
        """End whatever runs, the product's way; return what is left."""
        for process in self.background:
            if process.poll() is None:
                process.kill()
            process.communicate()
        complaints = []
        if any(slot.supervisor() for slot in self.slots()):
            self.write_config()
            try:
                result = self.run("stop", "--local", "--now", timeout=60)
                if result.returncode != OK:
                    complaints.append(f"stop at the end: {result.stderr}")
            except subprocess.TimeoutExpired:
                complaints.append("stop at the end did not end")
        complaints += self.leftovers()
        for hold in self.holds:
            hold.close()
        for slot in self.slots():
            pid = slot.supervisor()
            if pid:
                os.kill(pid, signal.SIGKILL)
        leftovers.kill(self.directory)
        return complaints

    def leftovers(self, timeout=5):
        """Return what is left once the dying are dead."""
        try:
            wait_until(lambda: not leftovers.all_of(self.directory, self.mark),
                       timeout)
        except AssertionError:
            return leftovers.all_of(self.directory, self.mark)
        return []

    def report(self):
        """Return the logs, for a test that failed."""
        parts = []
        for slot in self.slots():
            for name in ("init", "config", "listener"):
                text = slot.log(name)
                if text:
                    parts.append(f"--- {slot.name} {name}.log\n{text}")
            parts.append(f"--- {slot.name} events\n" + "\n".join(
                json.dumps(event) for event in slot.events()))
        return "\n".join(parts)


class Hold:
    """Holds a job in a step until the test lets it go on.

        hold = desk.hold()
        job = desk.enqueue([hold.step])
        hold.wait()
        ...
        hold.release()

    A world shares the network, and nothing else that both could reach: the
    step waits for a word from a socket of the test.
    """

    def __init__(self, address):
        self.socket = socket.create_server((address, 0))
        self.socket.settimeout(60)
        self.held = []
        port = self.socket.getsockname()[1]
        self.step = (f"exec 3<>/dev/tcp/{address}/{port}\n"
                     "echo held\nread -r word <&3\necho $word")

    def wait(self):
        """Return once another job is held."""
        self.held.append(self.socket.accept()[0])

    def release(self):
        """Let the held jobs go on."""
        for connection in self.held:
            try:
                connection.sendall(b"released\n")
            except OSError:
                pass  # the job was killed meanwhile
            connection.close()
        self.held.clear()

    def close(self):
        """Close everything; a job that is still held fails."""
        for connection in self.held:
            connection.close()
        self.socket.close()
