"""The stand-in GitHub against the real runner: its yardstick.

DESKRUN_RUNNER_TREE names a directory that holds an unpacked runner, or its
tarball.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from standins.github.client import Server, free_address

TREE = os.environ.get("DESKRUN_RUNNER_TREE")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(
    not TREE, reason="DESKRUN_RUNNER_TREE is not set")]


class RealRunner:
    """A copy of the runner in a directory of its own."""

    def __init__(self, github, root, name="plain", url=None, **environment):
        self.github, self.root, self.name = github, root, name
        self.url = url or github.url
        self.process = None
        self.output = None
        names = ("PATH", "HOME", "LANG")
        self.environment = {
            **{key: os.environ[key] for key in names if key in os.environ},
            "RUNNER_ALLOW_RUNASROOT": "1", **environment}

    def config(self, *arguments):
        """Run config.sh."""
        return subprocess.run(
            ["./config.sh", *arguments], cwd=self.root, text=True,
            env=self.environment, capture_output=True, check=False)

    def configure(self, *arguments, path="octo/demo", token=None):
        """Register; fail the test when that fails."""
        scope = f"repos/{path}" if "/" in path else f"orgs/{path}"
        if path.startswith("enterprises/"):
            scope = path
        done = self.config(
            "--unattended", "--url", f"{self.url}/{path}", "--name",
            self.name, "--labels", "deskrun", "--disableupdate", "--token",
            token or self.github.registration_token(scope), *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return self

    def start(self, *arguments, online=True):
        """Start the Listener, and wait until it polls.

        One that is signalled between its session and its first poll exits
        0 without deleting the session.
        """
        with open(self.root / "listener.out", "ab") as output:
            self.process = subprocess.Popen(
                ["bin/Runner.Listener", "run", *arguments], cwd=self.root,
                env=self.environment, stdout=output, stderr=output,
                stdin=subprocess.DEVNULL, start_new_session=True)
        if online:
            self.github.wait_until(
                lambda: any(session["runner"] == self.name
                            and session["polling"]
                            for session in self.github.sessions()),
                what=f"a poll of {self.name}")
        return self

    def said(self):
        """Return what the Listener has printed."""
        return (self.root / "listener.out").read_text()

    def end(self, number=signal.SIGINT, timeout=30):
        """Signal the Listener; return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout)

    def workers(self):
        """Return the process ids of this runner's Workers."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    target = os.readlink(entry / "exe")
                except OSError:
                    continue
                if target == str(self.root / "bin/Runner.Worker"):
                    found.append(int(entry.name))
        return found

    def clean(self):
        """Kill what is left of this runner."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for pid in self.workers():
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(name="github")
def fixture_github(tmp_path):
    """A stand-in with short times, on http and https."""
    with Server(free_address(), session_seconds=4, tls_dir=tmp_path) as server:
        yield server


@pytest.fixture(name="tree", scope="module")
def fixture_tree():
    """One copy of the runner, on the file system of the tests."""
    with tempfile.TemporaryDirectory(prefix="real-runner-") as base:
        if os.path.isdir(TREE):
            shutil.copytree(TREE, f"{base}/tree", symlinks=True)
        else:
            shutil.unpack_archive(TREE, f"{base}/tree", "gztar")
        yield f"{base}/tree"


@pytest.fixture(name="make")
def fixture_make(github, tree):
    """Return a function that makes runners; they end with the test.

    Their files are links to the one copy: the runner writes new ones only.
    """
    made = []
    base = pathlib.Path(tempfile.mkdtemp(dir=pathlib.Path(tree).parent))

    def make(**options):
        root = base / f"r{len(made)}"
        shutil.copytree(tree, root, symlinks=True, copy_function=os.link)
        runner = RealRunner(github, root, **options)
        made.append(runner)
        return runner

    yield make
    for runner in made:
        runner.clean()
    shutil.rmtree(base)


def test_jobs_succeed_and_fail_with_their_logs(github, make):
    """Two jobs in a row; the second one fails, with its annotation."""
    make().configure().start()
    good, bad = (
        github.enqueue("octo/demo", ["echo one", step],
                       env={"WORD": "value"})[0]
        for step in ("echo WORD=$WORD", "exit 3"))
    done = github.wait_job(good)
    assert done["conclusion"] == "succeeded"
    assert "WORD=value" in github.log(good)
    assert "\ufeff" not in github.log(good)
    assert len(done["step_results"]) == 4
    done = github.wait_job(bad)
    assert done["conclusion"] == "failed"
    assert "exit code 3" in github.log(bad)


def test_steps_outputs_secrets_and_expressions_work(github, make):
    """A job with most of what a workflow can say."""
    make().configure().start()
    job, = github.enqueue("octo/demo", [
        {"id": "first", "name": "Say ${{ github.repository }}",
         "run": "echo word=hello >> $GITHUB_OUTPUT"},
        {"run": "echo 'got ${{ steps.first.outputs.word }} {x}'; "
                "echo $TOP ${{ secrets.KEY }}; exit 1",
         "continue-on-error": True, "env": {"TOP": "${{ vars.TOP }}"}},
        {"run": "echo never", "if": "github.actor == 'nobody'"},
        {"run": "echo summary >> $GITHUB_STEP_SUMMARY", "if": "always()",
         "shell": "sh", "timeout-minutes": 1}],
        vars={"TOP": "mountain"}, secrets={"KEY": "hush-hush"},
        outputs={"word": "${{ steps.first.outputs.word }}"},
        name="rich", matrix={"os": "linux"})
    done = github.wait_job(job)
    log = github.log(job)
    assert done["conclusion"] == "succeeded", log
    assert "got hello {x}" in log and "mountain ***" in log
    assert "hush-hush" not in log
    assert done["outputs"] == {"word": "hello"}
    assert done["summaries"] == ["summary\n"]
    names = {step["name"]: step["conclusion"] for step in done["steps"]}
    assert names["Say octo/demo"] == "succeeded"
    assert "skipped" in names.values()


def test_long_log_comes_as_an_append_blob(github, make):
    """More than a block of the runner's uploads, and the live feed."""
    make().configure().start()
    job, = github.enqueue("octo/demo", [
        "seq -f 'line %.0f of a log that has to be longer than a block' "
        "120000"])
    done = github.wait_job(job, timeout=120)
    assert done["conclusion"] == "succeeded"
    assert "line 120000 of" in github.log(job)
    assert done["feed_lines"] > 100
    assert any(log["kind"] == "AppendBlob"
               for log in done["step_logs"].values())


def test_actions_are_resolved_and_downloaded(github, make):
    """A JavaScript action with a post step; and one that is missing."""
    github.action("octo/hello", "v1", {
        "action.yml": "name: hello\ninputs: {who: {required: true}}\n"
                      "runs: {using: node20, main: main.js, post: post.js}\n",
        "main.js": "console.log('hello ' + process.env.INPUT_WHO)\n",
        "post.js": "console.log('goodbye')\n"})
    make().configure().start()
    good, = github.enqueue("octo/demo", [
        {"uses": "octo/hello@v1", "with": {"who": "world"}}])
    bad, = github.enqueue("octo/demo", [{"uses": "octo/none@v9"}])
    assert github.wait_job(good)["conclusion"] == "succeeded"
    assert "hello world" in github.log(good)
    assert "goodbye" in github.log(good)
    assert github.wait_job(bad)["conclusion"] == "failed"
    assert "Unable to resolve action" in github.log(bad)


def test_cancel_and_time_out_stop_a_job(github, make):
    """By request, and by the job's own limit."""
    make().configure().start()
    cancelled, = github.enqueue("octo/demo", ["echo here; sleep 300"])
    limited, = github.enqueue("octo/demo", ["sleep 300"],
                              timeout_minutes=0.05)
    github.wait_until(lambda: any("here" == line.split(" ")[-1] for line
                                  in github.feed(cancelled)),
                      what="the step")
    github.cancel(cancelled)
    assert github.wait_job(cancelled)["conclusion"] == "canceled"
    done = github.wait_job(limited)
    assert done["conclusion"] == "canceled"
    assert "maximum execution time" in done["reason"]


def test_worker_killed_fails_the_job(github, make):
    """The Listener completes it."""
    runner = make().configure().start()
    job, = github.enqueue("octo/demo", ["sleep 300"])
    worker, = github.wait_until(
        lambda: github.job(job)["feed_lines"] and runner.workers())
    os.kill(worker, signal.SIGKILL)
    assert github.wait_job(job)["conclusion"] == "failed"


def test_config_remove_unregisters(github, make):
    """With a removal token; files of the registration are gone."""
    runner = make().configure()
    done = runner.config("remove", "--token",
                         github.registration_token(event="remove"))
    assert done.returncode == 0, done.stdout
    assert not (runner.root / ".runner").exists()
    assert github.runners() == []


def test_wrong_token_is_refused(github, make):
    """404, exit 1; a removal token does not register either."""
    runner = make()
    for token in ("AWRONG", github.registration_token(event="remove")):
        done = runner.config("--unattended", "--url",
                             f"{github.url}/octo/demo", "--token", token)
        assert done.returncode == 1
    assert github.runners() == []


def test_delete_while_idle_and_busy(github, make):
    """422 while it runs a job; idle, the Listener ends by itself."""
    runner = make().configure().start()
    path = f"/repos/octo/demo/actions/runners/{github.runners()[0]['id']}"
    job, = github.enqueue("octo/demo", ["sleep 2"])
    github.wait_job(job, "running")
    status, _, body = github.rest("DELETE", path)
    assert status == 422 and "is still running a job" in body["message"]
    assert github.wait_job(job)["conclusion"] == "succeeded"
    assert github.rest("DELETE", path)[0] == 204
    assert runner.process.wait(20) == 0
    assert not (runner.root / ".runner").exists()


def test_deleted_while_offline_is_told_at_the_start(github, make):
    """The OAuth request is refused; files stay."""
    runner = make().configure()
    github.forget(github.runners()[0]["id"])
    runner.start(online=False)
    assert runner.process.wait(60) == 1
    assert (runner.root / ".runner").exists()


def test_signals_end_the_session(github, make):
    """SIGINT 0, SIGTERM 143; the registration stays."""
    runner = make().configure()
    for number, status in ((signal.SIGINT, 0), (signal.SIGTERM, 143)):
        runner.start()
        assert runner.end(number) == status
        assert github.sessions() == []
        assert github.runner("plain")["status"] == "offline"


def test_killed_listener_meets_a_conflict_then_is_online(github, make):
    """The old session has to run out first."""
    runner = make().configure().start()
    runner.end(signal.SIGKILL)
    runner.start(online=False)
    github.wait_until(
        lambda: [entry for entry in github.requests("POST", "/session")
                 if entry["status"] == 409], what="a conflict")
    github.wait_runner("plain", status="offline")
    github.wait_runner("plain", timeout=60)
    job, = github.enqueue("octo/demo", ["true"])
    assert github.wait_job(job)["conclusion"] == "succeeded"


def test_job_of_a_killed_listener_is_lost(github, make):
    """Nobody renews the lock: failed, and the runner is idle again."""
    github.settings(lock_seconds=5)
    runner = make().configure().start()
    job, = github.enqueue("octo/demo", ["sleep 300"])
    github.wait_job(job, "running")
    runner.end(signal.SIGKILL)
    done = github.wait_job(job)
    assert done["conclusion"] == "failed"
    assert "lost communication" in done["reason"]


def test_once_and_ephemeral_runners_take_one_job(github, make):
    """And lose none of the others."""
    once = make(name="once").configure().start("--once")
    first, second, third = github.enqueue("octo/demo", ["true"], count=3)
    assert github.wait_job(first)["conclusion"] == "succeeded"
    assert once.process.wait(30) == 0
    brief = make(name="brief").configure("--ephemeral").start()
    assert github.wait_job(second)["conclusion"] == "succeeded"
    assert brief.process.wait(30) == 0
    github.wait_no_runner("brief")
    assert github.job(third)["status"] == "queued"
    once.start()
    assert github.wait_job(third)["runner_name"] == "once"


def test_replace_takes_over_a_name(github, make):
    """Without --replace it is refused; the former Listener is shut out."""
    former = make().configure().start()
    other = make()
    with pytest.raises(AssertionError, match="exists with the same name"):
        other.configure()
    other.configure("--replace")
    assert former.process.wait(30) == 0
    other.start()
    assert len(github.runners()) == 1


@pytest.mark.parametrize("path", ["octo", "enterprises/acme"])
def test_organisation_and_enterprise_runners(github, make, path):
    """Registered above, they serve the repositories below."""
    github.account("acme", kind="Enterprise")
    github.account("octo", enterprise="acme")
    make().configure(path=path).start()
    job, = github.enqueue("octo/demo", ["true"])
    assert github.wait_job(job)["conclusion"] == "succeeded"


def test_everything_over_https(github, make, tmp_path):
    """Every URL handed out is https then."""
    runner = make(url=github.https_url,
                  SSL_CERT_FILE=str(tmp_path / "ca.pem"),
                  NODE_EXTRA_CA_CERTS=str(tmp_path / "ca.pem"))
    runner.configure().start()
    github.clear_requests()
    job, = github.enqueue("octo/demo", ["echo hello; sleep 1"])
    assert github.wait_job(job)["conclusion"] == "succeeded"
    assert github.job(job)["feed_lines"]
    assert "hello" in github.log(job)
    assert {entry["scheme"] for entry in github.requests()} == {"https"}
    assert runner.config("remove", "--token", github.registration_token(
        event="remove")).returncode == 0
    assert runner.process.wait(30) == 0


def test_many_jobs_back_to_back(github, make):
    """None is lost, none runs twice."""
    make().configure().start()
    begun = time.monotonic()
    jobs = github.enqueue("octo/demo", ["true"], count=20)
    for job in jobs:
        assert github.wait_job(job, timeout=120)["conclusion"] == "succeeded"
    assert time.monotonic() - begun < 120
