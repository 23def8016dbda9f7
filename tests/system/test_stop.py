"""stop: idle, busy, at once, without GitHub, interrupted, and undone."""

import signal

import pytest

import leftovers
from desk import BUSY, INTERRUPTED, OK, TIMEOUT
from waiting import wait_until


def gone(desk):
    """Assert that nothing runs and nothing is registered."""
    assert desk.github.runners() == []
    assert desk.github.sessions() == []
    assert not leftovers.processes(desk.directory)
    assert not leftovers.mounts(desk.directory)
    for slot in desk.slots():
        assert not (slot.path / "registration.json").exists()
        assert not (slot.path / "state/upper/.credentials").exists()


def test_an_idle_runner_is_deleted_before_it_is_ended(make_desk):
    """GitHub lets go first: no signal can then lose a job."""
    desk = make_desk(pools=[{"name": "std", "count": 2}])
    desk.start()
    said = desk.stop().stderr
    assert "2 runners stopped" in said
    deletes = desk.github.requests("DELETE", "/actions/runners/")
    assert [entry["status"] for entry in deletes] == [204, 204]
    gone(desk)
    assert desk.slot().log()  # logs stay
    assert "nothing runs" in desk.stop().stderr
    assert desk.status()[desk.slot().name]["state"] == "stopped"


def test_a_busy_runner_ends_after_its_job(desk):
    """The job succeeds, with its receipt, and no next one begins."""
    desk.start()
    job, hold = desk.busy()
    after = desk.enqueue(["true"])
    process = desk.spawn("stop")
    desk.wait_request("DELETE", "/actions/runners/", 422)
    assert desk.status("--local")[desk.slot().name]["state"] == "draining"
    assert desk.github.job(job)["status"] == "in_progress"
    hold.release()
    _, said = process.communicate(timeout=60)
    assert process.returncode == OK, said
    assert "waits for the end of its job" in said
    assert desk.github.job(job)["conclusion"] == "succeeded"
    assert desk.github.job(after)["status"] == "queued"
    receipt, = desk.slot().receipts()
    assert receipt["result"] == "succeeded"
    gone(desk)


@pytest.mark.slow
def test_stop_now_cancels_the_job_and_wipes(desk):
    """It says so; the job is reported, its world is gone."""
    desk.start()
    job, _hold = desk.busy()
    said = desk.stop("--now").stderr
    assert "cancels its job" in said
    done = desk.github.wait_job(job)
    assert done["conclusion"] in ("canceled", "failed")
    receipt, = desk.slot().receipts()
    assert receipt["verdict"] == "clean"
    assert not desk.slot().worlds()
    gone(desk)


def test_stop_local_says_what_remains(desk):
    """GitHub is not asked; the registration stays and is used again."""
    desk.start()
    runner = desk.github.runner(desk.slot().name)
    desk.github.clear_requests()
    desk.config["github"]["auth"] = {"token_file": "/nonexistent"}
    desk.write_config()
    said = desk.stop("--local").stderr
    assert f"(id {runner['id']})" in said
    assert "stays registered" in said
    assert not [entry for entry in desk.github.requests()
                if "deskrun-runner" in (entry["agent"] or "")]
    assert desk.github.runner(desk.slot().name)["id"] == runner["id"]
    assert not leftovers.processes(desk.directory)


def test_stop_local_works_while_github_is_away(desk):
    """With the server gone, the supervisor and its Listener end."""
    desk.start()
    desk.github.stop()
    try:
        desk.stop("--local", timeout=90)
        assert not leftovers.processes(desk.directory)
        desk.refused("stop", status=5, said="--local")
    finally:
        desk.github.start()


@pytest.mark.slow
@pytest.mark.parametrize("busy", [False, True])
def test_no_queued_job_is_lost_by_a_stop(make_desk, busy):
    """30 in the queue: none fails, none runs afterwards; start goes on."""
    desk = make_desk(pools=[{"name": "std", "count": 2}])
    github = desk.github
    desk.start()
    jobs = github.enqueue("octo/demo", ["echo job"], labels=["deskrun"],
                          count=30)
    github.wait_job(jobs[0], "completed" if busy else "running")
    desk.stop()
    states = {job["id"]: job for job in github.jobs()}
    ended = [job for job in states.values() if job["status"] == "completed"]
    assert {job["conclusion"] for job in ended} <= {"succeeded"}
    queued = [job for job in states.values() if job["status"] == "queued"]
    assert len(ended) + len(queued) == 30
    assert queued, "stop came too late to prove anything"
    gone(desk)
    receipts = sum(len(slot.receipts()) for slot in desk.slots())
    assert receipts == len(ended)
    github.clear_requests()
    assert {job["id"] for job in github.jobs()
            if job["status"] == "queued"} == {job["id"] for job in queued}
    desk.start()
    for job in jobs:
        assert github.wait_job(job, timeout=120)["conclusion"] == "succeeded"


def test_an_interrupted_stop_is_continued_by_another(desk):
    """SIGINT while it waits: 130, the job goes on; then stop again."""
    desk.start()
    job, hold = desk.busy()
    process = desk.spawn("stop")
    desk.wait_request("DELETE", "/actions/runners/")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED, said
    assert "run the same command again" in said
    assert desk.github.job(job)["status"] == "in_progress"
    again = desk.spawn("stop")
    hold.release()
    assert desk.github.wait_job(job)["conclusion"] == "succeeded"
    _, said = again.communicate(timeout=60)
    assert again.returncode == OK, said
    gone(desk)


def test_a_stop_interrupted_in_a_request_says_how_to_go_on(make_desk):
    """GitHub takes its time: 130 at once, and no runner is blamed."""
    desk = make_desk(pools=[{"name": "std", "count": 2}])
    desk.start()
    desk.github.fault("/actions/runners/", method="DELETE", delay=60)
    process = desk.spawn("stop")
    desk.wait_request("DELETE", "/actions/runners/")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == INTERRUPTED, said
    assert "run the same command again" in said
    assert "failed" not in said
    desk.stop()
    gone(desk)


def test_a_start_undoes_half_a_stop(desk):
    """Interrupted while busy: start takes the wish to end back."""
    desk.start()
    job, hold = desk.busy()
    process = desk.spawn("stop")
    desk.wait_request("DELETE", "/actions/runners/")
    process.kill()
    process.communicate()
    supervisor = desk.slot().supervisor()
    desk.start()
    hold.release()
    assert desk.github.wait_job(job)["conclusion"] == "succeeded"
    desk.run_job(["true"])
    assert desk.slot().supervisor() == supervisor


def test_a_start_after_a_gated_end_brings_it_back(desk):
    """The stop died once the Listener had ended: drained, then online."""
    desk.start()
    job, hold = desk.busy()
    process = desk.spawn("stop")
    desk.wait_request("DELETE", "/actions/runners/")
    process.kill()
    process.communicate()
    hold.release()
    assert desk.github.wait_job(job)["conclusion"] == "succeeded"
    wait_until(lambda: desk.slot().listener() is None,
               what="the Listener's end at the gate")
    assert desk.slot().supervisor()
    desk.start()
    desk.run_job(["true"])


def test_a_stop_gives_up_after_its_time(desk):
    """--timeout: 9, nothing cancelled."""
    desk.start()
    job, hold = desk.busy()
    said = desk.refused("stop", "--timeout", "1", status=TIMEOUT,
                        said="run the same command again")
    assert said
    assert desk.github.job(job)["status"] == "in_progress"
    hold.release()
    assert desk.github.wait_job(job)["conclusion"] == "succeeded"


def test_one_of_two_is_stopped_by_name(make_desk):
    """The other one goes on."""
    desk = make_desk(pools=[{"name": "one"}, {"name": "two"}])
    desk.start()
    desk.stop(desk.slot("one").name)
    assert [item["name"] for item in desk.github.runners()] == [
        desk.slot("two").name]
    desk.run_job(["true"], pool="two")
    assert desk.slot("one").supervisor() is None


def test_a_stop_and_a_start_exclude_each_other(desk):
    """Who holds the lock is named."""
    desk.start()
    job, hold = desk.busy()
    process = desk.spawn("stop")
    desk.wait_request("DELETE", "/actions/runners/")
    desk.refused("start", status=BUSY,
                 said=rf"held by process {process.pid} \(deskrun-runner stop")
    hold.release()
    desk.github.wait_job(job)
    process.communicate(timeout=60)
    assert process.returncode == OK
