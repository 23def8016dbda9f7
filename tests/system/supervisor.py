"""A supervisor under test: one slot, made and watched without the manager.

    with Supervised(init, tree, base, github) as slot:
        slot.start()
        slot.give_token()
        slot.wait("listening")
"""

import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess

from waiting import wait_until

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def alive(pid):
    """Tell whether a process lives; a zombie does not."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[0] != b"Z"


def children(pid):
    """Return the process ids of a process's children."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_bytes()
        except OSError:
            continue
        if int(stat.rpartition(b")")[2].split()[1]) == pid:
            found.append(int(entry.name))
    return found


def command(pid):
    """Return a process's arguments."""
    try:
        text = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return text.decode(errors="replace").split("\0")[:-1]


class Supervised:
    """A slot below `base`, and the supervisor that runs it.

    Its name is its own on this machine: cgroups are called after it.
    """

    numbers = itertools.count()

    def __init__(self, init, tree, base, github=None, **spec):
        self.init, self.base, self.github = init, base, github
        self.name = f"sup-{os.getpid()}-{next(self.numbers)}"
        self.slot = base / "slots" / self.name
        self.scratch = base / "scratch" / self.name
        self.layers = base / "layers"
        self.process = None
        self.generation = 0
        self.slot.mkdir(parents=True)
        self.scratch.mkdir(parents=True)
        if not self.layers.exists():
            subprocess.run([init, "install", self.layers], check=True)
        self.write("spec.json", {
            "runner": self.name, "pool": "sup", "version": "2.336.0",
            "url": f"{github.url}/octo/demo" if github else "http://none",
            "labels": ["deskrun"], "tree": str(tree),
            "layers": str(self.layers), "scratch": str(self.scratch),
            "mode": "privileged", "host": True, "masks": [str(base)],
            "expose": [], "limits": {}, "env": [f"PATH={PATH}"], **spec})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clean()

    def write(self, name, value):
        """Replace a file of the slot at once."""
        temporary = self.slot / f".{name}.new"
        temporary.write_text(json.dumps(value) + "\n")
        os.chmod(temporary, 0o600)
        temporary.rename(self.slot / name)

    # The supervisor

    def start(self, *arguments):
        """Start it; return once it says that it is ready."""
        (self.slot / "logs").mkdir(exist_ok=True)
        reader, writer = os.pipe()
        with open(self.slot / "logs/init.log", "ab") as log:
            self.process = subprocess.Popen(
                [self.init, "supervise", "--slot", self.slot, "--ready-fd",
                 str(writer), *arguments], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if arguments else subprocess.DEVNULL,
                stderr=log, pass_fds=[writer], cwd="/",
                start_new_session=True)
        os.close(writer)
        with os.fdopen(reader) as told:
            line = told.readline()
        assert line == "ready\n", line or self.log("init")
        return self

    @property
    def pid(self):
        """The supervisor's process id."""
        return self.process.pid

    def desire(self, want):
        """Write desired.json."""
        self.generation += 1
        self.write("desired.json",
                   {"want": want, "generation": self.generation})

    def give_token(self, token=None):
        """Hand over a registration token."""
        path = self.slot / "registration-token"
        path.with_suffix(".new").write_text(
            (token or self.github.registration_token()) + "\n")
        path.with_suffix(".new").rename(path)

    def end(self, timeout=60):
        """Return the supervisor's exit status."""
        return self.process.wait(timeout)

    def clean(self):
        """Kill what is left."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        if self.process and self.process.stdout:
            self.process.stdout.close()
        shutil.rmtree(self.base, ignore_errors=True)

    # What it says

    def lines(self, name):
        """Return the objects of a file of lines and its predecessor."""
        found = []
        for path in (self.slot / f"{name}.1", self.slot / name):
            if path.exists():
                text = path.read_text()
                found += [json.loads(line) for line
                          in text[:text.rfind("\n") + 1].splitlines()]
        return found

    def events(self, kind=None):
        """Return the events; those of one kind."""
        return [event for event in self.lines("events.jsonl")
                if kind is None or event["event"] == kind]

    def receipts(self):
        """Return the receipts."""
        return self.lines("receipts.jsonl")

    def wait(self, kind, count=1, timeout=30):
        """Return the count-th event of a kind."""
        try:
            return wait_until(lambda: self.events(kind)[count - 1:count],
                              timeout, f"event {kind} no. {count}")[0]
        except AssertionError:
            print(self.report())
            raise

    def log(self, name):
        """Return a log: init, listener, config."""
        path = self.slot / f"logs/{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def report(self):
        """Return all that helps to understand a failure."""
        return "\n".join(
            [json.dumps(event) for event in self.events()]
            + [f"--- {name}\n{self.log(name)}"
               for name in ("init", "config", "listener")])

    # Its processes

    def listener(self):
        """Return the Listener's process id, or None."""
        for pid in children(self.pid):
            if command(pid)[-1:] == ["run"]:
                return pid
        return None

    def shim(self):
        """Return the shim's process id, or None."""
        for pid in children(self.listener() or -1):
            if "spawnclient" in command(pid):
                return pid
        return None

    def worlds(self):
        """Return the directories of worlds."""
        return [path.name for path in self.scratch.iterdir()
                if path.name.startswith("w-")]
