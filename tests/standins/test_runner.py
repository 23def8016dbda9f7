"""The stand-in runner behaves as the real one in all that it touches.

Most tests let it register with the stand-in GitHub and run jobs; those of
the Worker alone speak to it over two pipes, as the Listener does.  With
DESKRUN_RUNNER_TREE naming an unpacked release the same tests try the real
one, but for the few that are about the stand-in itself.
"""

import contextlib
import http.server
import json
import os
import pathlib
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tarfile
import threading
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from standins.github.client import Server, free_address  # noqa: E402

BUILDER = HERE / "build-runner-tarball"
REPOSITORY = "octo/demo"
REAL_TREE = os.environ.get("DESKRUN_RUNNER_TREE")
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/root",
               "RUNNER_ALLOW_RUNASROOT": "1"}


standin_only = pytest.mark.skipif(
    bool(REAL_TREE), reason="about the stand-in itself")


def unpack(tarball, root):
    """A tree of its own; of a real release with hard links, for its size."""
    if REAL_TREE:
        subprocess.run(["cp", "-al", REAL_TREE, root], check=True)
        return
    with tarfile.open(tarball) as archive:
        archive.extractall(root)


def build(output, *arguments):
    done = subprocess.run([BUILDER, output, *arguments], check=True,
                          capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="session")
def tarball(tmp_path_factory):
    path = tmp_path_factory.mktemp("tarball") / "runner.tar.gz"
    build(path)
    return path


@pytest.fixture(scope="module")
def github():
    with Server(free_address(40, 59)) as server:
        yield server


def wait_until(condition, timeout=20):
    """For what has no descriptor to wait for: files and lists in memory."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        select.select([], [], [], 0.02)


class Runner:
    """One extracted tree, registered or not, with at most one Listener."""

    def __init__(self, root, tarball, github):
        self.root = root
        self.github = github
        self.name = "r-" + root.name
        self.process = None
        self.lines = []
        self._reader = None
        unpack(tarball, root)

    def script(self, *arguments, **environment):
        return subprocess.run(
            [self.root / "config.sh", *arguments], capture_output=True,
            text=True, env={**ENVIRONMENT, **environment}, timeout=60,
            stdin=subprocess.DEVNULL)

    def configure(self, *more, scope="repos/octo/demo", **environment):
        environment.setdefault("ACTIONS_RUNNER_INPUT_TOKEN",
                               self.github.registration_token(scope))
        return self.script(
            "--unattended", "--url", self.github.url + "/" + REPOSITORY,
            "--name", self.name, "--labels", self.name, "--work", "_work",
            "--disableupdate", *more, **environment)

    def start(self, *arguments, online=True, **environment):
        self.process = subprocess.Popen(
            [self.root / "bin/Runner.Listener", "run", *arguments],
            env={**ENVIRONMENT, **environment}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.lines = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        if online:
            self.github.wait_runner(self.name)
        return self

    def _read(self):
        with self.process.stdout as stream:
            for line in stream:
                self.lines.append(line.rstrip("\n"))

    def wait(self, timeout=30):
        code = self.process.wait(timeout)
        self._reader.join(5)
        self.process = None
        return code

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.wait()

    def said(self, text):
        return any(text in line for line in self.lines)

    def enqueue(self, *steps, **spec):
        (job,) = self.github.enqueue(REPOSITORY, list(steps),
                                     labels=[self.name], **spec)
        return job

    def run_job(self, *steps, timeout=40, **spec):
        return self.github.wait_job(self.enqueue(*steps, **spec),
                                    timeout=timeout)

    def log(self, job):
        return self.github.log(job["id"])

    def worker_pid(self):
        """The Worker's process, once there is one."""
        def find():
            path = "/proc/%d/task" % self.process.pid
            for task in os.listdir(path):
                with open("%s/%s/children" % (path, task)) as file:
                    found.extend(map(int, file.read().split()))
            return found
        found = []
        wait_until(find)
        return found[0]

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.wait()


@pytest.fixture
def runner(tmp_path, tarball, github):
    made = Runner(tmp_path / tmp_path.name.replace("_", "-"), tarball,
                  github)
    yield made
    made.close()


@pytest.fixture
def registered(runner):
    done = runner.configure()
    assert done.returncode == 0, done.stdout + done.stderr
    return runner


def hook(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    return str(path)


# The tarball

@standin_only
def test_the_tarball_is_reproducible(tmp_path, tarball):
    again = build(tmp_path / "again.tar.gz")
    assert (tmp_path / "again.tar.gz").read_bytes() == tarball.read_bytes()
    assert again == subprocess.run(["sha256sum", tarball], check=True,
                                   capture_output=True,
                                   text=True).stdout.split()[0]


@standin_only
def test_the_tarball_has_the_layout_of_the_release(tarball):
    with tarfile.open(tarball) as archive:
        members = {m.name.removeprefix("./"): m for m in archive}
    top = {name.split("/")[0] for name in members}
    assert top == {"config.sh", "env.sh", "run.sh", "run-helper.sh.template",
                   "safe_sleep.sh", "bin", "externals"}
    for name in ("config.sh", "bin/Runner.Listener", "bin/Runner.Worker",
                 "bin/Runner.PluginHost", "externals/node20/bin/node",
                 "externals/node24/bin/node"):
        assert members[name].mode & 0o111, name
    assert members["externals/node20/bin/npm"].issym()


@standin_only
def test_the_tarball_takes_a_version_and_ballast(tmp_path):
    build(tmp_path / "r.tar.gz", "--version", "2.999.1", "--extra-files",
          "7", "--extra-bytes", "1001")
    with tarfile.open(tmp_path / "r.tar.gz") as archive:
        archive.extractall(tmp_path / "r")
    extra = [p for p in (tmp_path / "r/externals/extra").rglob("*")
             if p.is_file()]
    assert len(extra) == 7
    assert sum(p.stat().st_size for p in extra) == 1001
    said = subprocess.run([tmp_path / "r/bin/Runner.Listener", "--version"],
                          capture_output=True, text=True)
    assert said.stdout == "2.999.1\n"


# Configuring

def test_configuring_writes_the_registration(registered):
    root = registered.root
    raw = (root / ".runner").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf{\n  \"")
    settings = json.loads(raw.decode("utf-8-sig"))
    assert settings["agentName"] == registered.name
    assert settings["disableUpdate"] is True
    assert settings["isHostedServer"] is False
    assert settings["useV2Flow"] is True
    assert (root / ".credentials_rsaparams").stat().st_mode & 0o777 == 0o600
    for name in (".credentials", ".env", ".path", "svc.sh", "_diag"):
        assert (root / name).exists(), name
    labels = [label["name"] for label in registered.github.runner(
        registered.name)["labels"]]
    assert labels[:3] == ["self-hosted", "Linux", "X64"]
    assert registered.name in labels


def test_every_flag_can_come_from_the_environment(runner):
    token = runner.github.registration_token()
    done = runner.script(
        ACTIONS_RUNNER_INPUT_UNATTENDED="true",
        ACTIONS_RUNNER_INPUT_URL=runner.github.url + "/" + REPOSITORY,
        ACTIONS_RUNNER_INPUT_TOKEN=token,
        ACTIONS_RUNNER_INPUT_NAME=runner.name,
        ACTIONS_RUNNER_INPUT_DISABLEUPDATE="true")
    assert done.returncode == 0, done.stderr
    assert runner.github.runner(runner.name)


def test_a_name_that_is_taken_needs_replace(registered, tmp_path, tarball):
    other = Runner(tmp_path / "other", tarball, registered.github)
    other.name = registered.name
    refused = other.configure()
    assert refused.returncode == 1
    assert ("A runner exists with the same name %s." % other.name
            in refused.stderr)
    assert not (other.root / ".runner").exists()
    replaced = other.configure("--replace")
    assert replaced.returncode == 0, replaced.stderr
    assert "√ Successfully replaced the runner" in replaced.stdout


def test_configuring_twice_fails(registered):
    again = registered.configure()
    assert again.returncode == 1
    assert "because it is already configured" in again.stderr


def test_a_wrong_token_is_a_404(runner):
    done = runner.configure(ACTIONS_RUNNER_INPUT_TOKEN="wrong")
    assert done.returncode == 1
    assert "Http response code: NotFound from 'POST " in done.stderr
    assert ("Response status code does not indicate success: 404 (Not Found)."
            in done.stderr)


def test_a_missing_group_fails(runner):
    done = runner.configure("--runnergroup", "nowhere")
    assert done.returncode == 1
    assert ("Could not find any self-hosted runner group named \"nowhere\"."
            in done.stderr)


def test_root_must_say_that_it_means_it(runner):
    done = runner.script("--unattended", RUNNER_ALLOW_RUNASROOT="")
    assert done.returncode == 1
    assert done.stdout == "Must not run with sudo\n"


def test_unattended_without_a_url_fails(runner):
    done = runner.script("--unattended")
    assert done.returncode == 1
    assert "Invalid configuration provided for url." in done.stderr


def test_remove_takes_the_runner_off(registered):
    token = registered.github.registration_token(event="remove")
    done = registered.script("remove", "--token", token)
    assert done.returncode == 0, done.stderr
    assert registered.github.runner(registered.name) is None
    for name in (".runner", ".credentials", ".credentials_rsaparams"):
        assert not (registered.root / name).exists(), name
    assert (registered.root / ".env").exists()


def test_state_goes_where_a_linked_bin_leads(runner, tmp_path):
    place = tmp_path / "linked"
    place.mkdir()
    (place / "bin").symlink_to(runner.root / "bin")
    subprocess.run([place / "bin/Runner.Listener", "--version"], check=True,
                   stdout=subprocess.DEVNULL)
    assert (runner.root / "_diag").is_dir()
    assert not (place / "_diag").exists()


# The Listener's life

def test_the_console_speaks_as_the_real_one(registered):
    registered.start()
    job = registered.run_job("true", name="first")
    assert job["conclusion"] == "succeeded"
    wait_until(lambda: registered.said("completed with result"))
    assert registered.stop() == 0
    text = "\n".join(registered.lines)
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ: "
    assert re.search(
        r"\A\n√ Connected to GitHub\n\nCurrent runner version: '2\.336\.0'\n"
        + stamp + "Listening for Jobs\n" + stamp + "Running job: first\n"
        + stamp + "Job first completed with result: Succeeded\nExiting...",
        text)


@pytest.mark.parametrize("number,codes", [
    (signal.SIGINT, (0,)),
    (signal.SIGTERM, (143, 0) if REAL_TREE else (143,))])
def test_a_signal_to_an_idle_listener_ends_its_session(registered, number,
                                                       codes):
    """After SIGTERM the real one was seen to end with 0, too."""
    registered.start()
    registered.github.wait_until(
        lambda: any(s["polling"] for s in registered.github.sessions()
                    if s["runner"] == registered.name), 20, "a poll")
    begun = time.monotonic()
    assert registered.stop(number) in codes
    assert time.monotonic() - begun < 2
    assert not [s for s in registered.github.sessions()
                if s["runner"] == registered.name]


def test_a_signal_to_a_busy_listener_fails_its_job(registered):
    registered.start()
    job = registered.enqueue("trap 'exit 9' INT; echo up; sleep 60 & wait")
    registered.github.wait_job(job, "running")
    wait_for_feed(registered.github, job, "up")
    assert registered.stop() == 0
    job = registered.github.job(job)
    assert job["conclusion"] == "failed"
    assert "The runner has received a shutdown signal." in registered.log(job)


def test_once_runs_one_job(registered):
    jobs = [registered.enqueue("true"), registered.enqueue("true")]
    registered.start("--once", online=False)
    assert registered.wait() == 0
    registered.github.wait_job(jobs[0])
    states = sorted(registered.github.job(job)["status"] for job in jobs)
    assert states == ["completed", "queued"]


def test_a_forgotten_runner_cleans_up_and_ends_with_0(registered):
    registered.start()
    registered.github.forget(
        registered.github.runner(registered.name)["id"])
    assert registered.wait() == 0
    assert registered.said("The runner no longer exists on the server. "
                           "Cleaning up local configuration.")
    assert not (registered.root / ".runner").exists()
    assert not (registered.root / ".credentials").exists()


def test_a_runner_forgotten_while_offline_keeps_its_files(registered):
    registered.github.forget(
        registered.github.runner(registered.name)["id"])
    registered.start(online=False)
    assert registered.wait() == 1
    assert registered.said("The runner registration has been deleted from "
                           "the server")
    assert (registered.root / ".runner").exists()


@standin_only
def test_a_session_conflict_is_waited_out(registered):
    registered.start()
    registered.process.kill()
    registered.wait()
    registered.start(online=False, STANDIN_RUNNER_CONFLICT_SECONDS="0.1")
    wait_until(lambda: registered.said(
        "A session for this runner already exists."))
    assert registered.wait() == 5
    assert registered.said("Stop retry on SessionConflictException after "
                           "retried for 240 seconds.")


@pytest.mark.parametrize("value,code", [("", 1), ("1", 7)])
def test_an_outdated_version_ends_it(registered, value, code):
    registered.github.fault(
        "/broker/message", status=403, body=json.dumps({
            "source": "actions-broker-listener", "statusCode": 403,
            "errorKind": "RunnerVersionTooOld", "message": "too old"}))
    registered.start(
        online=False,
        ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE=value)
    assert registered.wait() == code
    assert registered.said("An error occurred: Exception of type "
                           "'GitHub.DistributedTask.WebApi."
                           "AccessDeniedException' was thrown.")
    registered.github.clear_faults()


@standin_only
def test_an_invalid_session_is_made_anew(registered):
    """The old session lives on at the server, so there is a conflict too."""
    github = registered.github
    registered.start(STANDIN_RUNNER_CONFLICT_SECONDS="1")
    first = {s["id"] for s in github.sessions()}
    before = github.settings()["session_seconds"]
    github.settings(session_seconds=0.5)
    github.fault("/broker/message", status=403, body=json.dumps({
        "source": "actions-broker-listener", "statusCode": 403,
        "errorKind": "RunnerSessionInvalid", "message": "gone"}))
    registered.run_job("true")      # ends the open poll
    wait_until(lambda: registered.said("Runner reconnected."))
    github.settings(session_seconds=before)
    assert registered.run_job("true")["conclusion"] == "succeeded"
    assert first.isdisjoint(s["id"] for s in github.sessions())
    assert registered.stop() == 0


def test_dotenv_reaches_the_job(registered):
    with open(registered.root / ".env", "a") as file:
        file.write("FROM_DOTENV=a=b\n")
    registered.start()
    job = registered.run_job("echo \"<$FROM_DOTENV>\"")
    assert "<a=b>" in registered.log(job)


def test_run_sh_runs_the_listener(registered):
    registered.enqueue("true")
    done = subprocess.run([registered.root / "run.sh", "--once"],
                          env=ENVIRONMENT, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0
    assert "completed with result: Succeeded" in done.stdout
    assert "Exiting runner..." in done.stdout


def test_unconfigured_it_does_not_run(runner):
    runner.start(online=False)
    assert runner.wait() == 1


def test_https_trusts_what_ssl_cert_file_names(tmp_path, tarball):
    address = free_address(40, 59)
    with Server(address, tls_dir=tmp_path / "tls") as github:
        runner = Runner(tmp_path / "tree", tarball, github)
        token = github.registration_token()
        url = github.https_url + "/" + REPOSITORY
        given = ("--unattended", "--url", url, "--token", token, "--name",
                 runner.name, "--labels", runner.name)
        assert runner.script(*given).returncode == 1
        trust = {"SSL_CERT_FILE": str(tmp_path / "tls/ca.pem")}
        done = runner.script(*given, **trust)
        assert done.returncode == 0, done.stderr
        runner.start(**trust)
        assert runner.run_job("true")["conclusion"] == "succeeded"
        assert runner.stop() == 0


# Workers that die, hang, or are something else

def replace_worker(runner, text):
    """Puts a program in the Worker's place; it stays beside it, renamed."""
    binary = runner.root / "bin/Runner.Worker"
    os.rename(binary, runner.root / "bin/Runner.Worker.real")
    binary.write_text(text)
    binary.chmod(0o755)


def test_a_killed_worker_fails_its_job_at_once(registered):
    registered.start()
    job = registered.enqueue("echo up; exec sleep 60")
    wait_for_feed(registered.github, job, "up")
    os.kill(registered.worker_pid(), signal.SIGKILL)
    job = registered.github.wait_job(job, timeout=15)
    assert job["conclusion"] == "failed"
    wait_until(lambda: registered.said("completed with result: Failed"))


def test_a_crash_shows_its_stderr_as_an_annotation(registered):
    replace_worker(registered, "#!/usr/bin/python3 -I\n"
                   "import struct, sys\n"
                   "pipe = open(int(sys.argv[2]), 'rb')\n"
                   "_, length = struct.unpack('=ii', pipe.read(8))\n"
                   "pipe.read(length)\n"
                   "sys.exit('no world: disk full')\n")
    registered.start()
    job = registered.run_job("true")
    assert job["conclusion"] == "failed"
    assert "no world: disk full" in json.dumps(job["annotations"])


def test_a_message_that_is_not_taken_leaves_the_job_to_nobody(registered):
    """More than a pipe holds, so that the Listener sees it closed."""
    replace_worker(registered, "#!/bin/sh\necho no >&2\nexit 3\n")
    registered.start()
    job = registered.enqueue("true", env={"BALLAST": "x" * 100000})
    registered.github.wait_job(job, "running")
    registered.github.wait_until(
        lambda: registered.github.job(job)["renewals"], 20, "a renewal")
    registered.github.wait_until(
        lambda: any(s["runner"] == registered.name
                    and s["status"] == "Online"
                    for s in registered.github.sessions()), 20, "Online")
    job = registered.github.job(job)
    assert job["status"] == "in_progress"
    assert not registered.said("completed with result")


def test_a_shim_may_run_the_renamed_worker(registered):
    replace_worker(registered, "#!/bin/bash\n"
                   "exec \"$(dirname \"$0\")/Runner.Worker.real\" \"$@\"\n")
    registered.start()
    assert registered.run_job("true")["conclusion"] == "succeeded"


def test_the_next_job_waits_for_a_shim_that_still_wipes(registered,
                                                        tmp_path):
    """The shim holds the pipes, so the Listener's cancel finds a reader."""
    replace_worker(registered, "#!/bin/bash\n"
                   "here=\"$(dirname \"$0\")\"\n"
                   "\"$here/Runner.Worker.real\" \"$@\"; code=$?\n"
                   f"echo wiping >> {tmp_path}/order\nsleep 1.5\n"
                   f"echo wiped >> {tmp_path}/order\nexit $code\n")
    registered.start()
    step = f"echo job >> {tmp_path}/order"
    jobs = [registered.enqueue(step), registered.enqueue(step)]
    for job in jobs:
        job = registered.github.wait_job(job)
        assert job["conclusion"] == "succeeded"
    assert registered.stop() == 0
    assert (tmp_path / "order").read_text().split() == [
        "job", "wiping", "wiped"] * 2


def test_a_shim_that_closed_its_pipes_is_killed(registered, tmp_path):
    replace_worker(registered, "#!/bin/bash\n"
                   "here=\"$(dirname \"$0\")\"\n"
                   "\"$here/Runner.Worker.real\" \"$@\"; code=$?\n"
                   "eval \"exec $2<&- $3>&-\"\n"
                   f"touch {tmp_path}/closed\n"
                   f"sleep 9; touch {tmp_path}/late\nexit $code\n")
    registered.start()
    first = registered.enqueue("true")
    wait_until((tmp_path / "closed").exists)
    begun = time.monotonic()
    second = registered.enqueue("true")
    for job in (first, second):
        registered.github.wait_job(job)
    # killed, but its sleep still held the output: five seconds of grace
    assert time.monotonic() - begun < 8
    assert not (tmp_path / "late").exists()


def test_a_cancellation_interrupts_the_step(registered, tmp_path):
    registered.start(ACTIONS_RUNNER_HOOK_JOB_COMPLETED=hook(
        tmp_path, "done.sh", "echo the hook ran"))
    job = registered.enqueue(
        "trap 'echo got INT; exit 0' INT; echo up; sleep 60 & wait",
        {"run": "echo not me"}, {"run": "echo me too", "if": "always()"})
    wait_for_feed(registered.github, job, "up")
    registered.github.cancel(job)
    job = registered.github.wait_job(job, timeout=25)
    assert job["conclusion"] == "canceled"
    log = registered.log(job)
    assert "got INT" in log
    assert "the hook ran" in log
    assert "\nme too" in strip(log)
    assert "\nnot me" not in strip(log)


def test_a_stubborn_step_is_killed(registered):
    registered.start()
    job = registered.enqueue(
        "trap '' INT TERM; echo up; while :; do sleep 0.2; done")
    wait_for_feed(registered.github, job, "up")
    begun = time.monotonic()
    registered.github.cancel(job)
    job = registered.github.wait_job(job, timeout=25)
    assert job["conclusion"] == "canceled"
    assert 9.5 < time.monotonic() - begun < 13


# Jobs

def strip(log):
    """A log without its time stamps."""
    return re.sub(r"(?m)^\S+Z ", "", log)


def wait_for_feed(github, job, line):
    github.wait_until(lambda: line in github.feed(job), 20,
                      f"the line {line}")


def test_hooks_surround_the_job(registered, tmp_path):
    script = ("echo \"$HOOK_MARK|$PWD|$GITHUB_JOB|$GITHUB_RUN_ID|"
              "$RUNNER_TEMP|${GITHUB_TOKEN-none}|$0\"\n"
              "test -s \"$GITHUB_EVENT_PATH\"\n"
              "tr '\\0' ' ' < /proc/$$/cmdline; echo\n")
    started = hook(tmp_path, "started.sh", "HOOK_MARK=one\n" + script)
    completed = hook(tmp_path, "completed.sh", "HOOK_MARK=two\n" + script)
    registered.start(ACTIONS_RUNNER_HOOK_JOB_STARTED=started,
                     ACTIONS_RUNNER_HOOK_JOB_COMPLETED=completed)
    job = registered.run_job("echo between")
    assert job["conclusion"] == "succeeded"
    names = [step["name"] for step in job["step_results"]]
    assert names == ["Set up job", "Set up runner", "Run echo between",
                     "Complete runner", "Complete job"]
    log = strip(registered.log(job))
    work = registered.root / "_work"
    assert f"\n/usr/bin/bash -e {started}" in log
    one, two = (re.search(f"(?m)^{mark}\\|(.*)$", log).group(1).split("|")
                for mark in ("one", "two"))
    assert one[0] == two[0] == str(work / "demo/demo")
    assert one[1] and one[2]
    assert one[3] == str(work / "_temp")
    assert one[4] == "none"
    assert one[5] == started and two[5] == completed
    assert ("A job started hook has been configured by the self-hosted "
            "runner administrator") in log
    assert f"##[group]Run '{started}'" in log


def test_a_failing_hook_fails_the_job_but_the_other_runs(registered,
                                                         tmp_path):
    registered.start(
        ACTIONS_RUNNER_HOOK_JOB_STARTED=hook(tmp_path, "a.sh", "exit 3"),
        ACTIONS_RUNNER_HOOK_JOB_COMPLETED=hook(tmp_path, "b.sh",
                                               "echo the end"))
    job = registered.run_job("echo never")
    assert job["conclusion"] == "failed"
    log = strip(registered.log(job))
    assert "##[error]Process completed with exit code 3." in log
    assert "\nthe end" in log
    assert "\nnever" not in log


def test_a_missing_hook_fails_the_job(registered):
    registered.start(ACTIONS_RUNNER_HOOK_JOB_STARTED="/nowhere/hook.sh")
    job = registered.run_job("true")
    assert job["conclusion"] == "failed"
    assert "##[error]File doesn't exist" in registered.log(job)


def test_steps_share_env_path_and_outputs(registered):
    registered.start()
    job = registered.run_job(
        "echo A=1 >> $GITHUB_ENV\nprintf 'B<<X\\nl1\\nl2\\nX\\n'"
        " >> $GITHUB_ENV\nmkdir -p t; printf '#!/bin/sh\\necho mine' > t/tool"
        "\nchmod +x t/tool; echo $PWD/t >> $GITHUB_PATH",
        "echo \"$A-$(echo $B | tr ' ' +)\"; tool",
        {"run": "echo \"$C $JOB_LEVEL\"", "env": {"C": "step"}},
        env={"JOB_LEVEL": "job"})
    log = strip(registered.log(job))
    assert job["conclusion"] == "succeeded", log
    assert "\n1-l1+l2\nmine\n" in log
    assert "\nstep job\n" in log


def test_conditions_and_continue_on_error(registered):
    registered.start()
    job = registered.run_job(
        {"run": "exit 1", "continue-on-error": True},
        {"run": "echo one"},
        {"run": "exit 2"},
        {"run": "echo two"},
        {"run": "echo three", "if": "failure()"},
        {"run": "echo four", "if": "always()"})
    assert job["conclusion"] == "failed"
    results = [s["conclusion"] for s in job["step_results"][1:-1]]
    assert results == ["succeeded", "succeeded", "failed", "skipped",
                       "succeeded", "succeeded"]


def test_secrets_do_not_appear_in_logs(registered):
    registered.start()
    job = registered.run_job("echo ::add-mask::hunter2",
                             "echo the hunter2 word")
    log = registered.log(job)
    assert "the *** word" in log
    assert "hunter2" not in strip(log).split("Run echo the")[1]


def test_commands_in_the_output_become_annotations(registered):
    registered.start()
    job = registered.run_job("echo '::warning file=a.c,line=3::odd'")
    (annotation,) = job["step_results"][1]["annotations"]
    assert annotation["level"] == "warning"
    assert annotation["message"] == "odd"
    assert (annotation["path"], annotation["startLine"]) == ("a.c", 3)


def test_the_sweep_kills_what_still_has_the_tracking_id(registered,
                                                        tmp_path):
    registered.start()
    job = registered.run_job(
        f"(sleep 300 >/dev/null 2>&1 & echo $! > {tmp_path}/kept)\n"
        f"(env -u RUNNER_TRACKING_ID sleep 300 >/dev/null 2>&1 &"
        f" echo $! > {tmp_path}/lost)")
    assert "Terminate orphan process: pid (" in registered.log(job)
    lost = int((tmp_path / "lost").read_text())
    os.kill(lost, 0)
    os.kill(lost, signal.SIGKILL)
    kept = int((tmp_path / "kept").read_text())
    wait_until(lambda: gone(kept))


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@standin_only
def test_steps_time_out(registered):
    """Time-outs count in minutes, so the one of a step is not waited for."""
    sys.path.insert(0, str(HERE / "runner"))
    from runnerlib import events, processes

    class Calm:
        def look(self):
            pass

        def sources(self):
            return []

        def stop_step(self):
            return False

    class Quiet:
        def info(self, *_):
            pass

    program = processes.Program(["sleep", "60"], "/", os.environ, print,
                                Quiet())
    with pytest.raises(processes.Canceled):
        program.run(Calm(), events.Deadline(0.2))


def test_shells(registered):
    registered.start()
    job = registered.run_job(
        {"run": "false | true", "shell": "bash", "continue-on-error": True},
        {"run": "false | true"},
        {"run": "import sys; print(sys.argv[0])",
         "shell": "/usr/bin/python3 {0}"},
        {"run": "pwd", "working-directory": "/tmp"})
    assert job["conclusion"] == "succeeded"
    outcome = job["step_results"][1]
    assert outcome["annotations"]
    log = strip(registered.log(job))
    assert "shell: /usr/bin/bash --noprofile --norc -e -o pipefail {0}" in log
    assert "shell: /usr/bin/bash -e {0}" in log
    assert "\n/tmp\n" in log


@standin_only
def test_actions_are_refused_with_a_reason(registered, tmp_path):
    registered.start(ACTIONS_RUNNER_HOOK_JOB_COMPLETED=hook(
        tmp_path, "done.sh", "echo the hook ran"))
    job = registered.run_job({"uses": "octo/hello@v1"})
    assert job["conclusion"] == "failed"
    log = registered.log(job)
    assert "runs no actions: 'octo/hello'" in log
    assert "the hook ran" not in log


def test_jobs_run_back_to_back(registered):
    registered.start()
    jobs = registered.github.enqueue(REPOSITORY, ["true"], count=15,
                                     labels=[registered.name])
    for job in jobs:
        assert registered.github.wait_job(job)["conclusion"] == "succeeded"
    assert registered.stop() == 0


def test_logs_and_leftovers_are_where_they_belong(registered):
    registered.start()
    job = registered.run_job("echo hi")
    assert registered.stop() == 0
    diag = registered.root / "_diag"
    assert list(diag.glob("Runner_*-utc.log"))
    assert list(diag.glob("Worker_*-utc.log"))
    assert not list((diag / "pages").iterdir())
    assert not list((diag / "blocks").iterdir())
    work = registered.root / "_work"
    assert not list((work / "_temp").iterdir())
    for name in ("_tool", "_PipelineMapping", "demo/demo"):
        assert (work / name).is_dir(), name
    assert job["log_bytes"] > 0


# The Worker by itself

class Service(http.server.BaseHTTPRequestHandler):
    """Takes whatever a Worker reports and remembers it."""

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length) or b"{}")
        self.server.seen.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.server.seen.append((self.path, None))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def service():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def message(service, *scripts):
    url = "http://127.0.0.1:%d/run/" % service.server_port
    def uuid(number):
        return "00000000-0000-4000-8000-%012d" % number

    steps = [{"type": "action", "id": uuid(n),
              "name": "__run", "contextName": "__run",
              "reference": {"type": "script"}, "condition": "success()",
              "inputs": {"type": 2, "map": [
                  {"Key": {"type": 0, "lit": "script"},
                   "Value": {"type": 0, "lit": script}}]}}
             for n, script in enumerate(scripts)]
    return {
        "messageType": "RunnerJobRequest", "jobDisplayName": "solo",
        "plan": {"scopeIdentifier": uuid(90), "planType": "actions",
                 "version": 12, "planId": uuid(91)},
        "timeline": {"id": uuid(92), "changeId": 1}, "jobId": uuid(93),
        "jobName": "__default", "requestId": 0,
        "lockedUntil": "0001-01-01T00:00:00",
        "resources": {"endpoints": [{
            "name": "SystemVssConnection", "url": url, "authorization": {
                "scheme": "OAuth", "parameters": {
                    "AccessToken": "eyJhbGciOiJub25lIn0.e30.c2ln"}},
            "data": {}, "isShared": False, "isReady": True}]},
        "contextData": {"github": {"t": 2, "d": [
            {"k": "repository", "v": "octo/demo"}]}},
        "variables": {}, "mask": [], "steps": steps, "billingOwnerId": "1",
        "environmentVariables": None, "defaults": None, "workspace": None,
        "fileTable": [".github/workflows/ci.yml"]}


class Solo:
    """A Worker in a tree with nothing but what a world holds."""

    def __init__(self, root, tarball):
        self.root = root
        unpack(tarball, root)
        for path in root.iterdir():
            if path.name not in ("bin", "externals"):
                path.unlink()
        (root / ".runner").write_text(
            "\ufeff" + json.dumps({"agentName": "solo", "poolId": 1,
                                   "poolName": "Default",
                                   "workFolder": "_work"}))
        (root / ".env").touch()
        (root / ".path").touch()
        (root / "_diag").mkdir()
        self.process = None
        self.channel = None

    def start(self):
        theirs, self.channel = os.pipe()
        answers, their_answers = os.pipe()
        self.process = subprocess.Popen(
            [self.root / "bin/Runner.Worker", "spawnclient", str(theirs),
             str(their_answers)], cwd=self.root / "bin", env=ENVIRONMENT,
            pass_fds=(theirs, their_answers), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        for fd in (theirs, answers, their_answers):
            os.close(fd)

    def send(self, kind, text):
        body = text.encode("utf-16-le")
        os.write(self.channel, struct.pack("=ii", kind, len(body)) + body)

    def wait(self):
        out, _ = self.process.communicate(timeout=40)
        return self.process.returncode, out

    def close(self):
        with contextlib.suppress(OSError):
            os.close(self.channel)
        if self.process.returncode is None:
            self.process.kill()
            self.process.communicate()


@pytest.fixture
def solo(tmp_path, tarball):
    made = Solo(tmp_path / "world", tarball)
    yield made
    made.close()


def completion(service):
    return next(body for path, body in service.seen
                if path == "/run/completejob")


@pytest.mark.parametrize("script,code,conclusion", [
    ("true", 100, "succeeded"), ("false", 102, "failed")])
def test_the_worker_needs_no_more_than_a_world_holds(solo, service, script,
                                                     code, conclusion):
    solo.start()
    solo.send(1, json.dumps(message(service, script)))
    assert solo.wait() == (code, "")
    assert completion(service)["conclusion"] == conclusion
    assert (solo.root / "_work/demo/demo").is_dir()


@pytest.mark.parametrize("kind,code,conclusion", [
    (2, 103, "canceled"), (3, 102, "failed")])
def test_the_worker_obeys_its_channel(solo, service, kind, code, conclusion):
    solo.start()
    mark = solo.root / "up"
    solo.send(1, json.dumps(message(
        service, f"trap 'exit 0' INT; touch {mark}; sleep 60 & wait")))
    wait_until(mark.exists)
    solo.send(kind, "")
    assert solo.wait()[0] == code
    assert completion(service)["conclusion"] == conclusion


def test_a_cancel_right_behind_the_job_is_not_lost(solo, service):
    solo.start()
    first = json.dumps(message(service, "echo never")).encode("utf-16-le")
    os.write(solo.channel, struct.pack("=ii", 1, len(first)) + first
             + struct.pack("=ii", 2, 0))
    assert solo.wait()[0] == 103


def test_the_worker_outlives_its_listener(solo, service):
    solo.start()
    mark = solo.root / "up"
    solo.send(1, json.dumps(message(
        service, f"touch {mark}; sleep 0.5; echo still here")))
    wait_until(mark.exists)
    os.close(solo.channel)
    assert solo.wait()[0] == 100


def test_steps_inherit_the_channel(solo, service):
    solo.start()
    out = solo.root / "descriptors"
    solo.send(1, json.dumps(message(
        service, f"ls /proc/self/fd > {out}; grep SigIgn /proc/self/status"
        f" >> {out}")))
    assert solo.wait()[0] == 100
    text = out.read_text()
    for number in solo.process.args[2:]:
        assert number in text.split()
    assert int(text.split()[-1], 16) & 1 << signal.SIGPIPE - 1


def test_sigterm_fails_the_job(solo, service):
    solo.start()
    mark = solo.root / "up"
    solo.send(1, json.dumps(message(
        service, f"trap 'exit 0' INT; touch {mark}; sleep 60 & wait")))
    wait_until(mark.exists)
    solo.process.terminate()
    assert solo.wait()[0] in (102, 143)     # the real one races with itself
    assert completion(service)["conclusion"] == "failed"


def test_rubbish_on_the_channel_is_a_crash_with_a_reason(solo):
    solo.start()
    solo.send(7, "what")
    code, out = solo.wait()
    assert code == 1
    assert "Expected 'NewJobRequest'. Actual '7'." in out


def test_the_worker_exits_a_little_after_its_report(solo, service):
    solo.start()
    solo.send(1, json.dumps(message(service, "true")))
    wait_until(lambda: any(path == "/run/completejob"
                           for path, _ in service.seen))
    begun = time.monotonic()
    solo.wait()
    assert time.monotonic() - begun < 0.5


def test_the_worker_without_its_body_does_not_start(solo):
    shutil.move(solo.root / "bin/Runner.Worker.dll", solo.root / "elsewhere")
    solo.start()
    code, out = solo.wait()
    assert code != 0
    assert "does not exist" in out


# The HTTP client

@standin_only
@pytest.mark.parametrize("no_proxy,proxied", [
    ("", True), ("other.test", True), ("example.test", False),
    (".test", False), ("example.test:81", True)])
def test_proxy_variables_are_obeyed(service, monkeypatch, no_proxy, proxied):
    sys.path.insert(0, str(HERE / "runner"))
    from runnerlib import wire
    monkeypatch.setenv("http_proxy",
                       "http://127.0.0.1:%d" % service.server_port)
    monkeypatch.setenv("no_proxy", no_proxy)
    url = wire.Url("http://example.test/path")
    assert (wire.proxy_for(url) is not None) == proxied
    if proxied:
        assert wire.request("GET", "http://example.test/path").ok
        assert service.seen == [("http://example.test/path", None)]
