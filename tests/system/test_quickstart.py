"""scripts/quickstart: what it proves, and that it leaves nothing behind.

Each run has a TMPDIR of its own, by which all that is its own is known.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import textwrap

import pytest

import leftovers
from desk import BUILD, ROOT

pytestmark = pytest.mark.xdist_group("quickstart")

SCRIPT = ROOT / "scripts/quickstart"
PARTS = ROOT / "scripts/quickstart.d"
CLOSING = "jobs run: 3, wiped: 3, leaked: 0"
SECONDS = 120


class Run:
    """One run of the main job, without the build."""

    def __init__(self, directory, *arguments, program=None):
        self.directory = directory
        self.process = subprocess.Popen(
            [sys.executable, *(program or [PARTS / "demo.py"]), BUILD,
             *arguments],
            env={**os.environ, "TMPDIR": str(directory),
                 "PYTHONDONTWRITEBYTECODE": "1"},
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True)
        self.output = ""

    def read_until(self, text):
        """Read lines until one has the text in it."""
        for line in self.process.stdout:
            self.output += line
            if text in line:
                return
        pytest.fail(f"no {text!r} in:\n{self.output}")

    def end(self):
        """Read the rest; return the exit status."""
        self.output += self.process.communicate(timeout=SECONDS)[0]
        return self.process.returncode

    @property
    def closing(self):
        """The last line."""
        return self.output.splitlines()[-1]


@pytest.fixture
def start(tmp_path):
    """Return a function that starts a run; nothing of it may be left."""
    begun = []

    def begin(*arguments, **options):
        begun.append(Run(tmp_path, *arguments, **options))
        return begun[-1]

    yield begin
    for run in begun:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()
    left = leftovers.processes(tmp_path), leftovers.mounts(tmp_path)
    names = [path.name for path in tmp_path.glob("deskrun-quickstart.*")]
    leftovers.kill(tmp_path)
    assert (left, names) == (({}, []), [])


def lines_of(output, word):
    """Return the names in the log lines that begin with a word."""
    return re.findall(rf"^  \| {word} +([a-z-]+)", output, re.MULTILINE)


def test_two_runners_leave_nothing_of_what_a_job_planted(start):
    """The planting job sees all that it planted, and nobody else any."""
    run = start()
    assert run.end() == 0, run.output
    assert run.closing == CLOSING
    planted = lines_of(run.output, "planted")
    assert len(planted) >= 25
    assert lines_of(run.output, "found") == planted
    assert run.output.count("looked for 35, found 0") == 3
    assert {"hostname", "immutable", "mount"} <= set(
        lines_of(run.output, "denied"))
    assert run.output.count("  receipt: clean; ") == 3


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("when", ["vm-desk", 'job "plant"', "looked for 35"])
def test_an_interruption_clears_away_what_was_begun(start, when, number):
    """As when Ctrl-C reaches all of a terminal's processes."""
    run = start()
    run.read_until(when.replace("vm", os.uname().nodename.split(".")[0]))
    os.killpg(run.process.pid, number)
    assert run.end() == 128 + number, run.output
    assert "jobs run" not in run.output


@pytest.mark.slow
def test_the_next_run_clears_away_what_a_killed_one_left(start):
    """Nobody can clean up after SIGKILL but the next one."""
    killed = start()
    killed.read_until('job "plant"')
    killed.process.kill()
    killed.end()
    run = start()
    assert run.end() == 0, run.output
    assert "of an earlier run" in run.output
    assert run.closing == CLOSING


@pytest.mark.slow
def test_keep_leaves_runners_that_stop_ends(start):
    """What --keep says to run works, and --stop ends it."""
    kept = start("--keep")
    assert kept.end() == 0, kept.output
    assert kept.closing == CLOSING
    variables = dict(re.findall(r"(\w+)=(\S+)", kept.output))
    status = subprocess.run(
        [BUILD / "deskrun-runner", "status"], check=True, text=True,
        stdout=subprocess.PIPE, env={**os.environ, **{
            name: variables[name]
            for name in ("GITHUB_TOKEN", "DESKRUN_CONFIG")}}).stdout
    assert status.count("online") == 2
    stopped = start("--stop")
    assert stopped.end() == 0, stopped.output


LEAKING = """
    import pathlib, sys
    sys.path.insert(0, {parts!r})
    import demo, jobs

    plant = jobs.plant

    def leak(setting, marks):
        job = plant(setting, marks)
        pathlib.Path("/dev/shm", marks.env["TAG"]).touch()
        pathlib.Path("/etc/profile.d", marks.env["TAG"] + ".sh").touch()
        return job

    jobs.plant = leak
    sys.exit(demo.main())
"""


def test_what_is_on_the_machine_is_found_and_counted(start):
    """A leak of two files: one of them is seen in all worlds as well."""
    text = textwrap.dedent(LEAKING).format(parts=str(PARTS))
    run = start(program=["-c", text])
    try:
        assert run.end() == 1, run.output
    finally:
        for path in (*pathlib.Path("/dev/shm").glob("dirt-*"),
                     *pathlib.Path("/etc/profile.d").glob("dirt-*")):
            path.unlink()
    assert run.closing == "jobs run: 3, wiped: 3, leaked: 4"


@pytest.mark.parametrize("arguments, status, words", [
    (["--help"], 0, "--repo OWNER/REPO"),
    (["--bogus"], 2, "unknown argument '--bogus'"),
    (["--repo", "nobody"], 2, "OWNER/REPO"),
    (["--repo"], 2, "needs an argument"),
    (["--org=octo", "--keep"], 2, "without a repository"),
    (["--count=many"], 2, "takes a number"),
])
def test_options_are_as_one_expects(arguments, status, words):
    """Neither a build nor a question comes before a usage error."""
    done = subprocess.run(
        [SCRIPT, *arguments], check=False, text=True, timeout=10,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    assert done.returncode == status
    assert words in done.stdout


@pytest.mark.slow
def test_the_script_builds_and_a_second_run_builds_nothing(tmp_path):
    """The script itself, with its build, which is all that it leaves."""
    built = []
    for _ in range(2):
        done = subprocess.run(
            [SCRIPT], check=False, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(tmp_path)})
        assert done.returncode == 0, done.stdout
        assert done.stdout.splitlines()[-1] == CLOSING
        program = SCRIPT.parent.parent / "build/quickstart/deskrun-runner"
        built.append(program.stat().st_mtime_ns)
    assert built[0] == built[1]
    assert not list(tmp_path.iterdir())
