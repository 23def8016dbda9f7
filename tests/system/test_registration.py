"""Registration: whose names, how many at once, and what changes."""

import select

import pytest

import tarballs
from desk import BUSY, OK


def test_registered_runners_are_not_registered_again(desk):
    """A stop --local and a start use the same registration."""
    desk.start()
    before = desk.github.runner(desk.slot().name)["id"]
    desk.stop("--local")
    desk.github.clear_requests()
    desk.start()
    assert desk.github.runner(desk.slot().name)["id"] == before
    assert not desk.github.requests("POST", "/registration-token")
    assert not desk.github.requests("POST", "/runners/register")
    desk.run_job(["true"])


def test_a_name_taken_by_another_is_refused_never_replaced(make_desk):
    """Another desk's runner stays as it is; the rest gets started."""
    other, mine = make_desk(), make_desk()
    for desk in (other, mine):
        desk.pool()["runner_name"] = f"{mine.mark}-shared-{{n}}"
        desk.write_config()
    other.start()
    theirs = mine.github.runner(f"{mine.mark}-shared-0")
    mine.pool()["count"] = 2
    mine.write_config()
    said = mine.refused("start", status=BUSY, said="not ours")
    assert f"{mine.mark}-shared-0" in said
    assert mine.github.runner(theirs["name"])["id"] == theirs["id"]
    second = mine.github.wait_runner(f"{mine.mark}-shared-1")
    assert second["status"] == "online"
    assert not mine.github.requests("DELETE", "/actions/runners/")


def test_a_runner_that_github_forgot_is_registered_anew(desk):
    """After weeks offline, or removed by hand: start mends it."""
    desk.start()
    first = desk.github.runner(desk.slot().name)["id"]
    desk.github.forget(first)
    desk.slot().wait_event("deregistered")
    desk.start()
    assert desk.github.wait_runner(desk.slot().name)["id"] != first
    desk.run_job(["true"])


def test_a_runner_forgotten_while_stopped_is_registered_anew(desk):
    """The same when no Listener was there to see it."""
    desk.start()
    first = desk.github.runner(desk.slot().name)["id"]
    desk.stop("--local")
    desk.github.forget(first)
    desk.start()
    assert desk.github.wait_runner(desk.slot().name)["id"] != first
    desk.run_job(["true"])


def test_fewer_runners_are_wanted(make_desk):
    """start ends those that the configuration no longer has."""
    desk = make_desk(pools=[{"name": "std", "count": 3}, {"name": "old"}])
    desk.start()
    assert len(desk.github.runners()) == 4
    desk.config["pools"] = desk.config["pools"][:1]
    desk.pool()["count"] = 1
    desk.write_config()
    desk.start()
    assert [item["name"] for item in desk.github.runners()] == [
        desk.slot().name]
    alive = [slot.name for slot in desk.slots() if slot.supervisor()]
    assert alive == [desk.slot().name]
    desk.run_job(["true"])


def test_changed_settings_wait_for_the_running_job(desk):
    """The job goes on; then the runner has its new labels and limits."""
    desk.start()
    job, hold = desk.busy()
    desk.pool()["labels"] = ["deskrun", "fresh"]
    desk.pool()["limits"] = {"pids": 200}
    desk.write_config()
    process = desk.spawn("start")
    desk.wait_request("DELETE", "/actions/runners/")
    assert desk.github.job(job)["status"] == "in_progress"
    hold.release()
    assert desk.github.wait_job(job)["conclusion"] == "succeeded"
    _, said = process.communicate(timeout=90)
    assert process.returncode == OK, said
    labels = {label["name"] for label in
              desk.github.runner(desk.slot().name)["labels"]}
    assert "fresh" in labels and "std" not in labels
    desk.run_job(["true"], labels=["fresh"])


def test_an_idle_runner_with_changed_settings_is_replaced(desk):
    """Nothing to wait for; a start without changes leaves it alone."""
    desk.start()
    pid = desk.slot().supervisor()
    desk.start()
    assert desk.slot().supervisor() == pid
    desk.pool()["env"] = {"CHANGED": "yes"}
    desk.write_config()
    desk.start()
    assert desk.slot().supervisor() != pid
    job = desk.run_job(["echo changed=$CHANGED"])
    assert "changed=yes" in desk.output(job)


@pytest.mark.slow
def test_at_most_eight_register_at_once(make_desk, tarball, tmp_path):
    """A ninth config.sh begins when one of the eight has ended."""
    desk = make_desk(pools=[{"name": "std", "count": 10}])
    hold = desk.hold()
    desk.github.tarball(tarballs.held(tarball, tmp_path / tarball.name, hold))
    process = desk.spawn("start")
    for _ in range(8):
        hold.wait()
    slots = desk.slots()
    registering = [slot for slot in slots if slot.events("registering")]
    waiting = [slot for slot in slots if slot not in registering]
    assert len(registering) == 8
    for slot in waiting:
        slot.wait_event("unregistered")
        assert not (slot.path / "registration-token").exists()
    assert not select.select([hold.socket], [], [], 0)[0]
    first = hold.held.pop(0)
    first.sendall(b"go\n")
    first.close()
    hold.wait()
    assert len(hold.held) == 8
    hold.release()
    hold.wait()
    hold.release()
    _, said = process.communicate(timeout=120)
    assert process.returncode == OK, said
    assert len(desk.github.runners()) == 10
    assert len(desk.github.requests("POST", "/registration-token")) == 1
