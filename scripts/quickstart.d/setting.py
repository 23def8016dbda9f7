"""What the main job needs around it, and how it is cleared away.

Everything lies in one temporary directory: the stand-in's tarball and log,
the configuration, and the data directory of deskrun-runner.
"""

import contextlib
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

from standins.github.client import GitHub

PREFIX = "deskrun-quickstart."
TOKEN = "ghp_standin"
TARGET = "octo/demo"
POOL = "desk"
RUNNERS = 2
MACHINES = {"x86_64": "x64", "aarch64": "arm64"}
TARBALL = "actions-runner-linux-{}-2.336.0.tar.gz".format(
    MACHINES.get(os.uname().machine, "x64"))

CONFIGURATION = """\
version: 1
github:
  url: {url}
  auth: {{token_env: GITHUB_TOKEN}}
engine: host
data: {data}
pools:
  - name: {pool}
    target: {target}
    labels: [deskrun]
    count: {count}
    mode: standard
"""


class Failure(Exception):
    """Something did not work; the message says what."""


class Interrupted(Exception):
    """A signal asks to end."""

    def __init__(self, number):
        super().__init__(f"signal {number}")
        self.number = number


class Task:
    """Says what is begun, and how long it took.

        with Task("build the runner"):
    """

    def __init__(self, text):
        self.text = text
        self.begun = None

    def __enter__(self):
        print(f"* {self.text} ...", end=" ", flush=True)
        self.begun = time.monotonic()

    def __exit__(self, kind, *_):
        if kind is None:
            print(f"{time.monotonic() - self.begun:.1f} s", flush=True)


def base_directory():
    """Return where temporary directories of ours are made."""
    return pathlib.Path(os.environ.get("TMPDIR") or "/var/tmp")


def wait_until(condition, timeout, what):
    """Return the first true value of `condition()`."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Failure(f"{what} did not come within {timeout} s")
        time.sleep(0.02)
    return value


def end_process(process, patience=10):
    """End a child by SIGTERM, and by SIGKILL when that takes too long."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Setting:
    """A stand-in GitHub and the runners that are registered there."""

    def __init__(self, source, build, directory=None):
        self.standins = source / "tests" / "standins"
        self.program = build / "deskrun-runner"
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(
            prefix=PREFIX, dir=base_directory()))
        self.data = self.directory / "data"
        self.config = self.directory / "deskrun.yaml"
        self.log = self.directory / "github.log"
        self.server = None
        self.github = None
        if not directory:
            self.write("owner", f"{os.getpid()}\n")
            self.write("cgroups", "\n".join(map(str, cgroups())))

    def write(self, name, text):
        """Write a file of the directory."""
        (self.directory / name).write_text(text, encoding="utf-8")

    def read(self, name):
        """Return what a file of the directory holds, or nothing."""
        try:
            return (self.directory / name).read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    # The stand-in

    def start_github(self):
        """Start the stand-in, and have it offer a runner."""
        with Task("Starting a stand-in for GitHub"):
            self.launch()
            tarball = self.directory / TARBALL
            subprocess.run([self.standins / "build-runner-tarball", tarball],
                           check=True, stdout=subprocess.DEVNULL)
            self.github.tarball(tarball)

    def launch(self):
        """Start the server on the first address that it can have."""
        for number in range(2, 40):
            address = f"127.0.0.{number}"
            if self.launch_at(address):
                self.github = GitHub(f"http://{address}")
                return
        raise Failure("the stand-in did not start")

    def launch_at(self, address):
        """Start the server; Ctrl-C in the terminal is not for it."""
        with open(self.log, "ab") as log:
            self.server = subprocess.Popen(
                [self.standins / "github-server", "--listen", address],
                stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        self.write("server", f"{self.server.pid}\n")
        if self.server.stdout.readline().startswith(b"ready"):
            return True
        end_process(self.server)
        return False

    # deskrun-runner

    def command(self, *arguments):
        """Return the command line of the program."""
        return [str(self.program), "--config", str(self.config), *arguments]

    def environment(self):
        """Return what the program finds in its environment."""
        kept = {name: os.environ[name] for name in ("HOME", "PATH", "LANG")
                if name in os.environ}
        return {**kept, "GITHUB_TOKEN": TOKEN}

    def manage(self, *arguments):
        """Run deskrun-runner and show what it says."""
        print("\n$ deskrun-runner", *arguments, flush=True)
        process = subprocess.Popen(
            self.command(*arguments), env=self.environment(), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        try:
            for line in process.stdout:
                print("  " + line, end="", flush=True)
            status = process.wait()
        finally:
            end_process(process)
        if status:
            raise Failure(f"deskrun-runner {arguments[0]} ended with "
                          f"status {status}")

    def start_runners(self):
        """Write the configuration and start the runners."""
        self.write("deskrun.yaml", CONFIGURATION.format(
            url=self.github.url, data=self.data, pool=POOL, target=TARGET,
            count=RUNNERS))
        self.manage("start")

    def stop_runners(self):
        """Stop the runners, as a user does."""
        self.manage("stop")

    def slots(self):
        """Return the directories of the runners."""
        return sorted(self.data.glob("slots/*"))

    def show_logs(self):
        """Show what may tell why something failed."""
        for log in [self.log, *self.data.glob("slots/*/logs/*.log")]:
            text = log.read_text(errors="replace") if log.exists() else ""
            if text.strip():
                print(f"\n--- {log}")
                print(*text.splitlines()[-20:], sep="\n", flush=True)

    # Clearing away

    def supervisors(self):
        """Return the processes that hold the lock of a slot."""
        found = []
        for lock in self.data.glob("slots/*/lock"):
            word = lock.read_text(errors="replace").split()[:1]
            if word and word[0].isdigit() and is_ours(
                    int(word[0]), self.directory):
                found.append(int(word[0]))
        return found

    def stop_quietly(self):
        """Stop what still runs, whatever it does."""
        if not self.supervisors():
            return
        how = ["--now", "--timeout", "30"]
        if not self.github or self.server and self.server.poll() is not None:
            how.append("--local")
        with contextlib.suppress(OSError):
            subprocess.run(
                self.command("stop", *how), env=self.environment(),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, check=False)
        for pid in self.supervisors():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.supervisors(), 10, "the supervisors' end")

    def end_github(self):
        """End the stand-in, be it our child or an earlier run's."""
        if self.server:
            end_process(self.server)
            self.server.stdout.close()
            return
        pid = self.read("server")
        if pid.isdigit() and b"github-server" in command_line(int(pid)):
            os.kill(int(pid), signal.SIGTERM)

    def clean(self):
        """Clear everything away; return what could not be."""
        self.stop_quietly()
        self.end_github()
        before = self.read("cgroups").splitlines()
        for path in new_cgroups(before):
            if path.name == "deskrun":
                with contextlib.suppress(OSError):  # others work there, too
                    path.rmdir()
        shutil.rmtree(self.directory, ignore_errors=True)
        return leftovers(self.directory) + [
            f"cgroup {path}" for path in new_cgroups(before)
            if path.name in runner_names()]

    def keep(self):
        """Leave all of it, and say how it is used."""
        self.write("kept", "")
        print(KEPT.format(program=self.program, config=self.config,
                          client=self.standins / "github-client",
                          url=self.github.url, target=TARGET, token=TOKEN))


KEPT = """
The runners and the stand-in go on. To look at them and to give them work:

  export GITHUB_TOKEN={token} DESKRUN_CONFIG={config}
  {program} status
  {client} --url {url} enqueue --repo {target} --labels self-hosted,deskrun \\
      --run 'echo hello'
  {program} logs --receipts

To end them: scripts/quickstart --stop
"""


# What a process or the kernel still has

def command_line(pid):
    """Return the arguments of a process, or nothing."""
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def is_ours(pid, directory):
    """Whether a process was started for this directory."""
    return os.fsencode(directory) in command_line(pid)


def leftovers(directory):
    """Return what has outlasted the cleaning, in words."""
    found = []
    if directory.exists():
        found.append(f"directory {directory}")
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        if pid != os.getpid() and is_ours(pid, directory):
            found.append(f"process {pid}: " + shlex.join(
                command_line(pid).decode(errors="replace").split("\0")[:-1]))
    mounts = pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    found += [f"mount {line.split()[4]}" for line in mounts.splitlines()
              if str(directory) in line]
    return found


def runner_names():
    """Return what our runners are called."""
    host = os.uname().nodename.partition(".")[0]
    return {f"{host}-{POOL}-{number}" for number in range(RUNNERS)}


def cgroups():
    """Return the cgroups of supervisors, and those that they are in."""
    root = pathlib.Path("/sys/fs/cgroup")
    parents = [*root.glob("deskrun"), *root.glob("*/deskrun")]
    return [path for parent in parents for path in [*parent.iterdir(), parent]
            if path.is_dir()]


def new_cgroups(before):
    """Return those that there are, and were not before."""
    return [path for path in cgroups() if str(path) not in before]


def recover(source, build, everything=False):
    """Clear away what a run that was killed left behind."""
    for directory in base_directory().glob(PREFIX + "*"):
        setting = Setting(source, build, directory)
        owner = setting.read("owner")
        if directory.stat().st_uid != os.getuid() or (
                owner.isdigit() and b"demo.py" in command_line(int(owner))):
            continue
        if not everything and (directory / "kept").exists():
            print(f"note: {directory} is of an earlier run with --keep; "
                  "end it by: scripts/quickstart --stop", flush=True)
            continue
        with Task(f"Clearing away {directory}, of an earlier run"):
            left = setting.clean()
        for what in left:
            print(f"left behind: {what}", flush=True)
