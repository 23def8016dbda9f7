"""The supervisor by itself: one slot, no manager.

The runner is the stand-in; DESKRUN_REAL_RUNNER names an unpacked release with
which the same tests are run instead.
"""

import json
import os
import pathlib
import select
import signal
import socket
import struct
import subprocess
import tarfile
import tempfile
import time

import pytest

from desk import BUILDER, INIT, Server
from supervisor import Supervised, alive, children, command
from waiting import wait_until

REAL = os.environ.get("DESKRUN_REAL_RUNNER")
REPO = "octo/demo"
SUCCEEDED, FAILED = "succeeded", "failed"


@pytest.fixture(name="tree", scope="module")
def fixture_tree(tmp_path_factory):
    """An unpacked runner."""
    if REAL:
        return pathlib.Path(REAL)
    base = tmp_path_factory.mktemp("runner")
    subprocess.run([BUILDER, base / "r.tar.gz"], check=True,
                   stdout=subprocess.DEVNULL)
    with tarfile.open(base / "r.tar.gz") as archive:
        archive.extractall(base / "tree")
    return base / "tree"


@pytest.fixture(name="hub")
def fixture_hub(address):
    """A GitHub that soon takes a silent session for dead."""
    with Server(address, session_seconds=4) as server:
        yield server


@pytest.fixture(name="make")
def fixture_make(hub, tree):
    """Return a function that makes slots; they end with the test."""
    made = []

    def make(**spec):
        base = pathlib.Path(tempfile.mkdtemp(prefix="deskrun-sup-"))
        made.append(Supervised(INIT, spec.pop("tree", tree), base, hub,
                               **spec))
        return made[-1]

    yield make
    for slot in made:
        slot.clean()


@pytest.fixture(name="slot")
def fixture_slot(make):
    """A slot whose Listener listens."""
    return listening(make())


def listening(slot):
    """Start a supervisor and register."""
    slot.start().give_token()
    slot.wait("listening")
    return slot


def running(slot, script="sleep 60", **spec):
    """Enqueue a job; return it once its step runs."""
    (job,) = slot.github.enqueue(REPO, [f"echo its step runs\n{script}"],
                                 **spec)
    slot.wait("job_identified")
    wait_until(lambda: "its step runs" in slot.github.feed(job), 30,
               "the job's step")
    return job


def gone(slot, *pids):
    """Wait until nothing is left of processes and worlds."""
    wait_until(lambda: not any(alive(pid) for pid in pids), 30,
               f"the end of {pids}")
    wait_until(lambda: not slot.worlds(), 30, "the end of the worlds")


# The main thing

def test_jobs_run_in_worlds_and_are_wiped(slot):
    """Three jobs in a row, a world each; receipts say what they were."""
    jobs = slot.github.enqueue(
        REPO, ["test ! -e /tmp/mark; touch /tmp/mark; echo all well"],
        count=3)
    for job in jobs:
        assert slot.github.wait_job(job)["conclusion"] == SUCCEEDED
        assert "all well" in slot.github.log(job)
    slot.wait("wiped", 3)
    receipts = slot.receipts()
    assert [receipt["result"] for receipt in receipts] == [SUCCEEDED] * 3
    assert {receipt["verdict"] for receipt in receipts} == {"clean"}
    assert {receipt["repository"] for receipt in receipts} == {REPO}
    worlds = [event["world"] for event in slot.events("job_started")]
    assert [receipt["world"] for receipt in receipts] == worlds
    assert len(set(worlds)) == 3
    for event in slot.events("job_completed"):
        assert 0 <= event["waited_us"] < 100000
    assert not slot.worlds()


def test_the_receipt_is_in_the_jobs_log(slot):
    """Both hooks speak; the receipt is aligned."""
    (job,) = slot.github.enqueue(REPO, ["true"])
    slot.github.wait_job(job)
    log = slot.github.log(job)
    world = slot.events("job_started")[0]["world"]
    assert "deskrun: this job has a world of its own" in log
    assert "deskrun: wipe receipt" in log
    assert f"  world      {world}\n" in log
    assert "receipts.jsonl" in log


def test_a_job_fails_as_itself(slot):
    """The Worker's exit code comes through."""
    (job,) = slot.github.enqueue(REPO, ["exit 3"])
    assert slot.github.wait_job(job)["conclusion"] == FAILED
    assert slot.wait("job_completed")["code"] == 102
    slot.wait("wiped")
    assert slot.receipts()[0]["result"] == FAILED


def test_a_large_job_message_comes_through(slot):
    """More than the pipes hold."""
    (job,) = slot.github.enqueue(
        REPO, ["echo " + "x" * 100000 + " | wc -c", "echo whole"] * 3)
    assert slot.github.wait_job(job)["conclusion"] == SUCCEEDED
    assert "whole" in slot.github.log(job)


def test_a_cancellation_reaches_the_worker(slot):
    """It takes the way over the relay; the wipe follows."""
    job = running(slot)
    slot.github.cancel(job)
    done = slot.github.wait_job(job)
    assert done["conclusion"] == "canceled", done
    assert slot.wait("job_completed")["code"] == 103
    slot.wait("wiped")
    assert slot.receipts()[0]["result"] == "cancelled"


def test_a_job_without_a_world_fails_at_once_and_says_why(slot):
    """The Listener gets rid of its message, and takes the next job."""
    for path in slot.scratch.iterdir():
        path.rename(slot.base / f"{path.name}.aside")
    slot.scratch.rmdir()
    (job,) = slot.github.enqueue(REPO, ["true"])
    done = slot.github.wait_job(job, timeout=15)
    assert done["conclusion"] == FAILED
    assert "deskrun: no world for this job" in json.dumps(done)
    (job,) = slot.github.enqueue(REPO, ["true"])
    assert slot.github.wait_job(job, timeout=15)["conclusion"] == FAILED
    assert not slot.events("job_started")


def test_a_standard_world_has_its_hooks_too(make):
    """The way to the supervisor does not need privileges."""
    slot = listening(make(mode="standard"))
    (job,) = slot.github.enqueue(REPO, ["grep Sig /proc/self/status"])
    assert slot.github.wait_job(job)["conclusion"] == SUCCEEDED
    log = slot.github.log(job)
    assert "  mode       standard\n" in log
    assert "SigBlk:\t0000000000000000" in log
    slot.wait("wiped")


# Registration

def test_registering_waits_for_a_token_and_forgets_it(make):
    """The token is consumed, and stands nowhere."""
    slot = make().start()
    slot.wait("unregistered")
    token = slot.github.registration_token()
    slot.give_token(token)
    event = slot.wait("registered")
    assert event["id"] == slot.github.runner(slot.name)["id"]
    told = json.loads((slot.slot / "registration.json").read_text())
    assert told["id"] == event["id"] and told["name"] == slot.name
    assert not (slot.slot / "registration-token").exists()
    slot.wait("listening")
    for path in slot.slot.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes(), path
    for pid in (slot.pid, slot.listener()):
        environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
        assert token.encode() not in environment


def test_a_bad_token_is_told_and_another_is_taken(make):
    """The reason is the runner's own; nothing is tried again by itself."""
    slot = make().start()
    slot.give_token("AWRONGTOKEN")
    event = slot.wait("registration_failed", timeout=60)
    assert "404" in event["reason"] or "NotFound" in event["reason"]
    assert "AWRONGTOKEN" not in slot.log("config")
    assert not slot.events("unregistered")[1:]
    slot.give_token()
    slot.wait("listening")


def test_a_registered_slot_is_not_registered_again(slot):
    """A second life of the supervisor starts its Listener at once."""
    slot.desire("stop")
    assert slot.end() == 0
    slot.desire("run")
    slot.start()
    slot.wait("listening", 2)
    assert len(slot.events("registering")) == 1
    assert len({event["epoch"] for event in slot.events()}) == 2


def test_a_deleted_registration_ends_it(slot):
    """GitHub let go of the runner: its Listener is not started again."""
    runner = slot.github.runner(slot.name)
    status, _, _ = slot.github.rest(
        "DELETE", f"/repos/{REPO}/actions/runners/{runner['id']}")
    assert status == 204
    slot.wait("deregistered")
    event = slot.wait("listener_exited")
    assert event["retry_ms"] == -1
    slot.desire("stop")
    assert slot.end() == 0
    assert len(slot.events("listener_started")) == 1


# Deaths

def test_a_killed_worker_fails_its_job(slot):
    """The world ends with 137, and the next job runs."""
    job = running(slot)
    worker = next(pid for child in children(slot.pid)
                  for pid in children(child)
                  if "spawnclient" in command(pid)
                  and child != slot.listener())
    os.kill(worker, signal.SIGKILL)
    assert slot.github.wait_job(job)["conclusion"] == FAILED
    assert slot.wait("job_completed")["code"] == 137
    (job,) = slot.github.enqueue(REPO, ["true"])
    assert slot.github.wait_job(job)["conclusion"] == SUCCEEDED
    gone(slot)


def test_a_killed_shim_takes_its_world_with_it(slot):
    """The Listener kills the shim when a cancelled job hangs."""
    job = running(slot)
    os.kill(slot.shim(), signal.SIGKILL)
    slot.wait("job_completed")
    assert slot.github.wait_job(job)["conclusion"] == FAILED
    (job,) = slot.github.enqueue(REPO, ["true"])
    assert slot.github.wait_job(job)["conclusion"] == SUCCEEDED
    gone(slot)


def test_a_killed_listener_takes_world_and_shim_with_it(slot):
    """The next one waits for the world's end, and out the conflict."""
    # nobody completes the job: GitHub gives the runner none until it expires
    slot.github.settings(lock_seconds=30)
    running(slot)
    listener, shim = slot.listener(), slot.shim()
    os.kill(listener, signal.SIGKILL)
    event = slot.wait("listener_exited")
    assert event["code"] == 137 and event["retry_ms"] >= 0
    slot.wait("job_completed")
    gone(slot, listener, shim)
    slot.wait("listening", 2, timeout=90)
    kinds = [event["event"] for event in slot.events()]
    assert kinds.index("job_completed") < len(kinds) - 1 - kinds[
        ::-1].index("listener_started")
    (job,) = slot.github.enqueue(REPO, ["true"])
    assert slot.github.wait_job(job)["conclusion"] == SUCCEEDED


def test_a_killed_supervisor_leaves_nothing_alive(slot):
    """Listener, shim and world die with it; the next one cleans up."""
    slot.github.settings(lock_seconds=30)
    job = running(slot, "touch /left; sleep 60")
    listener, shim = slot.listener(), slot.shim()
    world = [pid for pid in children(slot.pid) if pid != listener]
    assert world and slot.worlds()
    os.kill(slot.pid, signal.SIGKILL)
    slot.process.wait()
    wait_until(lambda: not any(map(alive, [listener, shim, *world])), 10,
               "the end of all processes")
    assert slot.worlds()
    slot.start()
    slot.wait("wiped")
    assert not slot.worlds()
    receipt = slot.receipts()[0]
    assert receipt["recovered"] is True
    assert receipt["world"] == slot.events("job_started")[0]["world"]
    slot.wait("session_conflict")
    slot.wait("listening", 2, timeout=90)
    assert slot.github.wait_job(job, timeout=60)["conclusion"] == FAILED
    (job,) = slot.github.enqueue(REPO, ["true"])
    assert slot.github.wait_job(job)["conclusion"] == SUCCEEDED


@pytest.mark.skipif(bool(REAL), reason="a tree that is not the runner's")
def test_a_listener_that_dies_is_started_again_more_and_more_slowly(make):
    """Back-off, with the reason that the Listener gave."""
    slot = make()
    (slot.slot / "state/upper/bin").mkdir(parents=True)
    (slot.slot / "state/work").mkdir()
    runner = {"agentId": 1, "agentName": slot.name,
              "gitHubUrl": "http://127.0.0.1/octo/demo"}
    (slot.slot / "state/upper/.runner").write_text(
        "\ufeff" + json.dumps(runner))
    fake = slot.slot / "state/upper/bin/Runner.Listener"
    fake.write_text("#!/bin/sh\necho 'An error occurred: out of order'\n"
                    "exit 2\n")
    fake.chmod(0o755)
    slot.start()
    slot.wait("listener_exited", 3)
    events = slot.events("listener_exited")[:3]
    assert [event["retry_ms"] for event in events] == [1000, 2000, 4000]
    assert all("out of order" in event["reason"] for event in events)
    slot.desire("drain")
    slot.wait("drained")
    slot.desire("stop")
    assert slot.end() == 0


@pytest.mark.slow
def test_a_github_that_cannot_be_reached_is_told(slot):
    """The state has the reason; afterwards the Listener listens again."""
    slot.desire("stop")
    assert slot.end() == 0
    slot.github.fault("/broker/session", close=True, times=None)
    slot.desire("run")
    slot.start()
    event = slot.wait("connect_error", timeout=120)
    assert "Runner connect error" in event["reason"]
    slot.github.clear_faults()
    slot.wait("listening", 2, timeout=120)


# What is desired

def test_a_drain_leaves_an_idle_listener_alone(slot):
    """It is not signalled; the generation is echoed."""
    slot.desire("drain")
    wait_until(lambda: slot.events()[-1]["generation"] == 1)
    (job,) = slot.github.enqueue(REPO, ["true"])
    assert slot.github.wait_job(job)["conclusion"] == SUCCEEDED
    slot.wait("gated")
    slot.wait("listener_exited")
    slot.desire("run")
    slot.wait("listening", 2)


def test_the_gate_loses_nothing_under_a_full_queue(slot):
    """Thirty jobs wait: those that ran succeeded, the others were not even
    offered; all of them run in the next life."""
    jobs = slot.github.enqueue(REPO, ["true"], count=30)
    for count in range(1, 4):
        slot.wait("job_identified", 3 * count)
        slot.desire("drain")
        slot.wait("listener_exited", count)
        seen = [slot.github.job(job) for job in jobs]
        assert {job["status"] for job in seen} == {"queued", "completed"}
        assert all(job["conclusion"] == SUCCEEDED for job in seen
                   if job["status"] == "completed")
        assert not any(job["offers"] for job in seen
                       if job["status"] == "queued")
        slot.desire("run")
    for job in jobs:
        done = slot.github.wait_job(job, timeout=120)
        assert done["conclusion"] == SUCCEEDED
        assert done["offers"] == 1
    assert len(slot.events("gated")) == 3
    assert not slot.github.wait_runner(slot.name)["busy"]


def test_a_stop_waits_for_the_running_job(slot):
    """It ends well, it is wiped, and then the supervisor ends."""
    job = running(slot, "sleep 2; echo done")
    slot.desire("stop")
    assert slot.end() == 0
    assert slot.github.job(job)["conclusion"] == SUCCEEDED
    kinds = [event["event"] for event in slot.events()]
    assert kinds[-1] == "stopped" and "wiped" in kinds
    assert not slot.worlds()
    assert (slot.slot / "registration.json").exists()
    assert not slot.github.sessions()


def test_now_cancels_the_running_job(slot):
    """It is reported, not left to its lock."""
    job = running(slot)
    slot.desire("now")
    assert slot.end() == 0
    assert slot.github.job(job)["conclusion"] in ("canceled", FAILED)
    assert not slot.worlds()


@pytest.mark.slow
def test_now_kills_a_job_that_does_not_end(slot):
    """After twenty seconds."""
    job = running(slot, "trap '' INT TERM; while :; do sleep 1; done")
    pid = slot.listener()
    os.kill(pid, signal.SIGSTOP)
    slot.desire("now")
    began = time.monotonic()
    assert slot.end() == 0
    assert 19 < time.monotonic() - began < 40
    assert not slot.worlds()
    assert job


def test_sigterm_is_a_stop_and_a_second_one_means_now(slot):
    """As an engine ends a container."""
    job = running(slot)
    os.kill(slot.pid, signal.SIGTERM)
    time.sleep(0.5)
    assert slot.process.poll() is None
    assert slot.github.job(job)["status"] == "in_progress"
    os.kill(slot.pid, signal.SIGTERM)
    assert slot.end() == 0
    assert slot.github.job(job)["conclusion"] in ("canceled", FAILED)


def test_what_was_desired_before_the_start_is_obeyed(slot):
    """Level-triggered: a drained slot starts no Listener."""
    slot.desire("stop")
    assert slot.end() == 0
    slot.desire("drain")
    slot.start()
    slot.wait("drained")
    assert len(slot.events("listener_started")) == 1
    slot.desire("run")
    slot.wait("listening", 2)


def test_there_is_one_supervisor_a_slot(slot):
    """The second one names the first, and harms nothing."""
    reader, writer = os.pipe()
    done = subprocess.run(
        [INIT, "supervise", "--slot", slot.slot, "--ready-fd", str(writer)],
        pass_fds=[writer], capture_output=True, check=False, timeout=20)
    os.close(writer)
    with os.fdopen(reader) as told:
        line = told.read()
    assert done.returncode == 1
    assert line.startswith("error: ") and str(slot.pid) in line
    (job,) = slot.github.enqueue(REPO, ["true"])
    assert slot.github.wait_job(job)["conclusion"] == SUCCEEDED


# Who may say what

def test_only_the_listeners_children_get_worlds(slot):
    """A stranger is refused, and no world is made."""
    head = struct.pack("=5I5i", 0x64727231, 8, 1, 0, 0, 0, 1, 2, 3, 4)
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(str(slot.slot / "shim.sock"))
        stranger.sendall(head + b"/\0w\0\0\0\0\0")
        answer = b""
        while chunk := stranger.recv(4096):
            answer += chunk
    assert b"only the Listener" in answer
    assert not slot.events("job_started")


def test_a_job_cannot_hold_the_supervisor_by_its_socket(slot):
    """Silent, talkative and lying connections; the real hooks still work."""
    script = """
import array, json, os, socket
path = "/run/deskrun.sock"
def connect():
    s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(path)
    return s
def said(s):
    try:
        return s.recv(4096)
    except OSError:
        return b""
silent = [connect() for _ in range(3)]
long = connect(); long.sendall(b"x" * 5000)
assert said(long) == b""
bad = connect(); bad.sendall(b'{"hook":"wipe"}\\n')
assert said(bad) == b""
fds = connect()
fds.sendmsg([b'{"hook":"started"}\\n'], [(socket.SOL_SOCKET,
    socket.SCM_RIGHTS, array.array("i", [0]))])
assert said(fds) == b""
liar = connect()
liar.sendall(json.dumps({"hook": "started", "repository": "o/liar"}
             ).encode() + b"\\n")
assert b"world of its own" in said(liar)
more = []
for _ in range(30):
    try:
        more.append(connect())
    except OSError:
        break
print("survived")
"""
    (job,) = slot.github.enqueue(
        REPO, [f"python3 - <<'END'\n{script}\nEND\n"])
    done = slot.github.wait_job(job)
    log = slot.github.log(job)
    assert done["conclusion"] == SUCCEEDED, log
    assert "survived" in log
    assert slot.events("job_identified")[0]["repository"] == REPO
    assert len(slot.events("job_identified")) == 1
    slot.wait("wiped")
    assert slot.receipts()[0]["repository"] == REPO


def test_a_job_cannot_write_to_the_supervisors_program(slot):
    """/proc/1/exe of a privileged world is a sealed file."""
    (job,) = slot.github.enqueue(REPO, [
        "ls -l /proc/1/exe; ! (echo x >>/proc/1/exe) 2>/dev/null"])
    done = slot.github.wait_job(job)
    assert done["conclusion"] == SUCCEEDED, slot.github.log(job)


def test_the_listener_has_no_capabilities(slot):
    """Nor can it get any; its signals are as they should be."""
    text = pathlib.Path(f"/proc/{slot.listener()}/status").read_text()
    status = dict(line.split(":\t", 1) for line in text.splitlines()
                  if ":\t" in line)
    assert int(status["CapEff"], 16) == 0
    assert int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert int(status["SigBlk"], 16) == 0


# Being small and quiet

def test_it_is_small(slot):
    """Resident size, and the file."""
    jobs = slot.github.enqueue(REPO, ["true"], count=3)
    for job in jobs:
        slot.github.wait_job(job)
    text = pathlib.Path(f"/proc/{slot.pid}/status").read_text()
    status = dict(line.split(":\t", 1) for line in text.splitlines()
                  if ":\t" in line)
    assert int(status["VmRSS"].split()[0]) <= 1536
    assert INIT.stat().st_size < 1000000


def test_jobs_leave_nothing_in_the_supervisor(slot):
    """Descriptors, zombies and memory after many jobs are as before."""
    def held():
        text = pathlib.Path(f"/proc/{slot.pid}/status").read_text()
        rss = int(text.partition("VmRSS:")[2].split()[0])
        return (len(os.listdir(f"/proc/{slot.pid}/fd")),
                len(children(slot.pid)), rss)

    def run(count):
        done = len(slot.events("wiped"))
        for job in slot.github.enqueue(REPO, ["true"], count=count):
            slot.github.wait_job(job, timeout=120)
        slot.wait("wiped", done + count)

    run(3)
    before = held()
    run(20)
    after = held()
    assert after[:2] == before[:2]
    assert after[2] - before[2] < 200


def test_events_are_copied_to_stdout_without_blocking_on_it(make):
    """Nobody reads; the file has all of them."""
    slot = make()
    slot.start("--events-to-stdout")
    slot.give_token()
    slot.wait("listening")
    jobs = slot.github.enqueue(REPO, ["true"], count=2)
    for job in jobs:
        assert slot.github.wait_job(job)["conclusion"] == SUCCEEDED
    slot.wait("wiped", 2)
    slot.desire("stop")
    assert slot.end() == 0
    copied = slot.process.stdout.read().decode().splitlines()
    assert [json.loads(line) for line in copied] == slot.events()


def test_it_does_not_turn_while_nothing_happens(slot):
    """An idle supervisor costs nothing."""
    def ticks():
        stat = pathlib.Path(f"/proc/{slot.pid}/stat").read_bytes()
        return sum(map(int, stat.rpartition(b")")[2].split()[11:13]))

    def switches():
        text = pathlib.Path(f"/proc/{slot.pid}/status").read_text()
        return int(text.rpartition("nonvoluntary")[0].rpartition(
            "voluntary_ctxt_switches:")[2].split()[0])

    before = ticks(), switches()
    select.select([], [], [], 2)
    assert ticks() - before[0] <= 1
    assert switches() - before[1] < 20


# Other faces

@pytest.mark.parametrize("arguments", [
    [], ["nothing"], ["supervise"], ["supervise", "--slot"],
    ["hook"], ["hook", "wipe"], ["install"], ["probe", "--slots", "/"],
    ["supervise", "--slot", "/", "--ready-fd", "1", "--events-to-stdout"]])
def test_usage_errors_are_told(arguments):
    """Exit 2, and a line that helps."""
    done = subprocess.run([INIT, *arguments], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 2
    assert "usage: deskrun-init" in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("verb", ["started", "completed"])
def test_a_hook_without_a_supervisor_fails_no_job(verb):
    """It says so, at once."""
    done = subprocess.run([INIT, "hook", verb], capture_output=True,
                          text=True, check=False, timeout=5)
    assert done.returncode == 0
    assert done.stdout.startswith("deskrun: ")


def test_a_shim_without_a_supervisor_takes_the_message_and_says_why(tmp_path):
    """A Listener that cannot deliver its message would never let go."""
    shim = tmp_path / "Runner.Worker"
    shim.symlink_to(INIT)
    job_in, job_out = os.pipe()
    back_in, back_out = os.pipe()
    body = b"x\0" * 200000
    shim = subprocess.Popen(
        [shim, "spawnclient", str(job_in), str(back_out)],
        pass_fds=[job_in, back_out], stderr=subprocess.PIPE, text=True,
        env={"DESKRUN_SLOT": str(tmp_path)})
    with os.fdopen(job_out, "wb") as stream:
        stream.write(struct.pack("=2i", 1, len(body)) + body)
    assert shim.wait(10) == 1
    said = shim.stderr.read()
    shim.stderr.close()
    assert "deskrun: no world for this job: connect" in said
    for fd in (job_in, back_in, back_out):
        os.close(fd)


def test_install_writes_layers_that_are_read_only(tmp_path):
    """One file by three names, and the two scripts."""
    layers = tmp_path / "layers"
    subprocess.run([INIT, "install", layers], check=True)
    names = {str(path.relative_to(layers)): path.stat()
             for path in layers.rglob("*") if path.is_file()}
    assert set(names) == {
        "deskrun-init", "listener/bin/Runner.Worker",
        "world/.deskrun/deskrun-init", "world/.deskrun/job-started.sh",
        "world/.deskrun/job-completed.sh"}
    assert len({stat.st_ino for stat in names.values()}) == 3
    assert all(stat.st_mode & 0o777 == 0o555 for stat in names.values())
    script = (layers / "world/.deskrun/job-started.sh").read_text()
    assert script == ("#!/bin/bash\nexec /opt/actions-runner/.deskrun/"
                      "deskrun-init hook started\n")
    again = subprocess.run([INIT, "install", layers], capture_output=True,
                           text=True, check=False)
    assert again.returncode == 1 and "exists" in again.stderr
