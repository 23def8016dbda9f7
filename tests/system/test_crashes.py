"""Whatever dies, the world goes with it, and the runner works again."""

import os
import signal

import pytest

import leftovers
import tarballs
from desk import OK, TIMEOUT
from waiting import wait_until

LOST = "lost communication"


def end_conflict(desk):
    """Hold sessions of the dead until one was refused for it; then not."""
    desk.wait_request("POST", "/session", 409)
    desk.github.settings(session_seconds=1)


def kill(pid):
    """Kill -9, and return once it is dead."""
    assert pid, "there is no such process"
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: leftovers.is_zombie(pid), what=f"the end of {pid}")


def all_dead(desk):
    """Wait until nothing of a desk runs or is mounted."""
    wait_until(lambda: not leftovers.processes(desk.directory), 10,
               "the end of all processes")
    assert not leftovers.mounts(desk.directory)


def test_the_supervisor_dies_in_a_job(desk):
    """Its world at once; the job when its lock ends; start mends all."""
    github = desk.github
    github.settings(session_seconds=60, lock_seconds=8)
    desk.start()
    job, _hold = desk.busy()
    slot = desk.slot()
    world, = slot.worlds()
    kill(slot.supervisor())
    all_dead(desk)
    assert desk.status()[slot.name]["state"] == "died"
    process = desk.spawn("start")
    end_conflict(desk)
    _, said = process.communicate(timeout=90)
    assert process.returncode == OK, said
    assert "GitHub still holds a session" in said
    done = github.wait_job(job)
    assert done["conclusion"] == "failed" and LOST in done["reason"]
    receipt = slot.wait_receipts(1)[0]
    assert receipt["world"] == world
    assert receipt["recovered"] is True
    slot.wait_clean()
    assert desk.status()[slot.name]["state"] == "idle"
    desk.run_job(["true"])


def test_the_listener_dies_in_a_job(desk):
    """The world is killed; the Listener comes back with its reason."""
    github = desk.github
    github.settings(session_seconds=60, lock_seconds=8)
    desk.start()
    job, _hold = desk.busy()
    slot = desk.slot()
    first = slot.listener()
    worker = slot.worker()
    kill(first)
    wait_until(lambda: leftovers.is_zombie(worker), 10, "the Worker's end")
    event = slot.wait_event("listener_exited")
    assert event["code"] == 128 + signal.SIGKILL
    assert "killed by signal 9" in event["reason"]
    assert event["retry_ms"] > 0
    end_conflict(desk)
    done = github.wait_job(job)
    assert done["conclusion"] == "failed" and LOST in done["reason"]
    desk.run_job(["true"])
    assert len(slot.wait_receipts(2)) == 2
    row = desk.status()[slot.name]
    assert row["restarts"] == 1
    assert row["state"] == "idle"
    assert slot.listener() not in (None, first)


def test_an_idle_listener_that_dies_is_started_again(desk):
    """With growing pauses, and a count."""
    desk.github.settings(session_seconds=1)
    desk.start()
    slot = desk.slot()
    kill(slot.listener())
    slot.wait_event("listening", 2)
    kill(slot.listener())
    slot.wait_event("listening", 3)
    pauses = [event["retry_ms"] for event in slot.events("listener_exited")]
    assert len(pauses) == 2 and 0 < pauses[0] < pauses[1]
    assert desk.status()[slot.name]["restarts"] == 2
    desk.run_job(["true"])


def test_a_listener_that_cannot_run_says_why_in_status(desk):
    """start gives up after its time; the reason is there to be read."""
    desk.start()
    desk.stop("--local")
    slot = desk.slot()
    (slot.path / "state/upper/.credentials").write_text("{}")
    desk.done("start", "--timeout", "4", status=TIMEOUT)

    def shown():
        row = desk.status("--local")[slot.name]
        return row if row["state"] == "back-off" else None

    row = wait_until(shown, what="the pause before the next try")
    told = [event["reason"] for event in slot.events("listener_exited")]
    assert row["reason"] and row["reason"] in told
    assert row["restarts"] >= 1


def test_the_shim_dies(desk):
    """The Listener fails the job at once; its world is gone."""
    desk.start()
    job, _hold = desk.busy()
    worker = desk.slot().worker()
    kill(desk.slot().shim())
    done = desk.github.wait_job(job, timeout=20)
    assert done["conclusion"] == "failed"
    wait_until(lambda: leftovers.is_zombie(worker), 10, "the Worker's end")
    assert desk.slot().wait_receipts(1)
    desk.run_job(["true"])
    assert not desk.slot().events("listener_exited")


def test_the_worker_dies(desk):
    """As with the plain runner: failed, and the next one runs."""
    desk.start()
    job, _hold = desk.busy()
    kill(desk.slot().worker())
    done = desk.github.wait_job(job, timeout=20)
    assert done["conclusion"] == "failed"
    receipt, = desk.slot().wait_receipts(1)
    assert receipt["result"] != "succeeded"
    desk.run_job(["true"])


def test_process_1_of_the_world_dies(desk):
    """The kernel kills the rest of the namespace."""
    desk.start()
    job, _hold = desk.busy()
    worker = desk.slot().worker()
    stat = leftovers.read(f"/proc/{worker}/stat")
    kill(int(stat.rpartition(b")")[2].split()[1]))
    assert leftovers.is_zombie(worker)
    done = desk.github.wait_job(job, timeout=20)
    assert done["conclusion"] == "failed"
    desk.run_job(["true"])


def test_a_job_cannot_end_its_own_process_1(desk):
    """Signals from inside do not reach it; the wipe is not skipped."""
    desk.start()
    desk.run_job(["kill -KILL 1 || true; kill -TERM 1 || true; "
                  "kill -INT 1 || true; echo survived"])
    receipt, = desk.slot().wait_receipts(1)
    assert receipt["result"] == "succeeded"


def test_a_start_killed_while_it_registers(make_desk, tarball, tmp_path):
    """Another start takes over from where the first was."""
    desk = make_desk(pools=[{"name": "std", "count": 2}])
    hold = desk.hold()
    desk.github.tarball(tarballs.held(tarball, tmp_path / tarball.name, hold))
    process = desk.spawn("start")
    hold.wait()
    hold.wait()
    process.kill()
    process.communicate()
    again = desk.spawn("start")
    hold.release()
    _, said = again.communicate(timeout=90)
    assert again.returncode == OK, said
    assert len(desk.github.runners()) == 2
    for slot in desk.slots():
        assert not (slot.path / "registration-token").exists()
    desk.run_job(["true"])


def test_a_start_killed_while_it_downloads(desk):
    """Nothing half is taken for whole, and nothing half is left."""
    desk.github.fault("/_releases/", delay=60)
    process = desk.spawn("start")
    desk.wait_request("GET", "/_releases/")
    process.kill()
    process.communicate()
    desk.start()
    tree, = (desk.data / "runner").iterdir()
    assert tree.name == "2.336.0"
    desk.run_job(["true"])


def test_a_supervisor_killed_while_it_registers(make_desk, tarball, tmp_path):
    """start sees it, starts another, and registers once."""
    desk = make_desk()
    hold = desk.hold()
    desk.github.tarball(tarballs.held(tarball, tmp_path / tarball.name, hold))
    process = desk.spawn("start")
    hold.wait()
    kill(desk.slot().supervisor())
    hold.release()
    hold.wait()
    hold.release()
    _, said = process.communicate(timeout=90)
    assert process.returncode == OK, said
    assert len(desk.github.runners()) == 1
    desk.run_job(["true"])


@pytest.mark.slow
def test_all_is_killed_as_by_a_power_cut(make_desk):
    """Two runners, one busy; files and cgroups stay; start mends all."""
    desk = make_desk(pools=[{"name": "std", "count": 2}])
    desk.github.settings(session_seconds=1, lock_seconds=8)
    desk.start()
    job, _hold = desk.busy()
    leftovers.kill(desk.directory)
    all_dead(desk)
    for slot in desk.slots():
        assert (slot.path / "registration.json").exists()
    desk.start()
    assert desk.github.wait_job(job)["conclusion"] == "failed"
    receipts = wait_until(
        lambda: [item for slot in desk.slots() for item in slot.receipts()],
        what="the receipt of the lost world")
    assert [item.get("recovered") for item in receipts] == [True]
    for item in desk.github.enqueue("octo/demo", ["true"], count=4):
        assert desk.github.wait_job(item)["conclusion"] == "succeeded"
    for slot in desk.slots():
        slot.wait_clean()


def test_a_stop_mends_what_died_as_well(desk):
    """GitHub still believes in the job: stop waits until it does not."""
    desk.github.settings(session_seconds=1, lock_seconds=8)
    desk.start()
    job, _hold = desk.busy()
    kill(desk.slot().supervisor())
    all_dead(desk)
    desk.stop(timeout=90)
    assert desk.github.job(job)["conclusion"] == "failed"
    assert desk.github.runners() == []
    assert not desk.slot().worlds()
    assert not leftovers.cgroups(desk.mark)
