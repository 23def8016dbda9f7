"""The main job: two runners, jobs in worlds, receipts, and the end."""

import json
import re

import pytest

POOLS = [{"name": "std", "mode": "standard"},
         {"name": "priv", "mode": "privileged"}]


@pytest.fixture(name="both")
def fixture_both(make_desk):
    """Two pools of one runner, one a mode."""
    desk = make_desk(pools=[dict(pool) for pool in POOLS])
    desk.start()
    return desk


def test_jobs_run_in_worlds_with_receipts(both):
    """Three jobs on two runners: results, logs, receipts, each a world."""
    worlds = set()
    for pool in ("std", "priv", "std"):
        job = both.run_job(["echo I am $((40 + 2)) of $(cat /proc/1/comm)"],
                           pool=pool)
        assert job["runner_name"] == both.slot(pool).name
        assert "I am 42 of deskrun-" in both.output(job)
    for pool, count in (("std", 2), ("priv", 1)):
        receipts = both.slot(pool).wait_receipts(count)
        assert len(receipts) == count
        for receipt in receipts:
            assert receipt["runner"] == both.slot(pool).name
            assert receipt["repository"] == "octo/demo"
            assert receipt["result"] == "succeeded"
            assert receipt["isolation"] == "world"
            assert receipt["verdict"] == "clean"
            assert 0 <= receipt["waited_ms"] < 10000
            worlds.add(receipt["world"])
    assert len(worlds) == 3


def test_the_job_log_ends_with_a_receipt(both):
    """What is about to be wiped is printed by the completed hook."""
    job = both.run_job(["for i in $(seq 20); do echo $i >/tmp/f$i; done; "
                        "env -u RUNNER_TRACKING_ID setsid sleep 900 "
                        ">/dev/null 2>&1 &"], pool="priv")
    steps = {step["name"]: step["conclusion"] for step
             in job["step_results"]}
    assert steps["Complete runner"] == "succeeded", steps
    told = both.output(job)
    world = re.search(r"deskrun: wipe receipt\n.*world +(\S+)", told,
                      re.DOTALL).group(1)
    assert int(re.search(r"^ *processes +(\d+)", told, re.M).group(1)) >= 1
    receipt, = both.slot("priv").wait_receipts(1)
    assert receipt["files"] >= 20
    assert receipt["bytes"] >= 20
    assert receipt["processes"] >= 1
    assert receipt["world"] == world
    assert receipt["job"] and receipt["run_id"] == str(job["run_id"])


def test_a_failing_job_fails_and_is_wiped(both):
    """Its exit status reaches GitHub, and the receipt."""
    both.run_job(["exit 3"], conclusion="failed", pool="std")
    receipt, = both.slot("std").wait_receipts(1)
    assert receipt["result"] == "failed"
    both.run_job(["true"], pool="std")


def test_the_workspace_of_one_job_is_not_the_next_ones(both):
    """_work, _temp and the tool cache are fresh."""
    places = ("$GITHUB_WORKSPACE", "$RUNNER_TEMP", "$RUNNER_TOOL_CACHE",
              "$RUNNER_WORKSPACE")
    both.run_job([f"mkdir -p {p}; echo x >\"{p}/left\"; chown 1234 "
                  f"\"{p}/left\"" for p in places], pool="priv")
    job = both.run_job([f"! ls -la {p}/left" for p in places], pool="priv")
    assert job["conclusion"] == "succeeded"


def test_labels_decide_which_runner_gets_a_job(both):
    """Each pool's own label; one that nobody has stays queued."""
    for pool in ("priv", "std", "priv"):
        job = both.run_job(["true"], pool=pool)
        assert job["runner_name"] == both.slot(pool).name
    nobody = both.enqueue(["true"], labels=["nobody-has-this"])
    both.run_job(["true"], pool="std")
    assert both.github.job(nobody)["status"] == "queued"
    labels = {label["name"] for label in
              both.github.runner(both.slot("std").name)["labels"]}
    assert {"self-hosted", "deskrun", "std"} <= labels


def test_status_list_and_logs_tell_of_the_runners(both):
    """As a table and as JSON."""
    job, hold = both.busy(pool="std")
    both.slot("std").wait_event("job_identified")
    rows = both.status()
    busy, idle = rows[both.slot("std").name], rows[both.slot("priv").name]
    assert (busy["state"], busy["github"], busy["isolation"]) == (
        "busy", "busy", "world")
    assert busy["job"].startswith("octo/demo ")
    assert (idle["state"], idle["github"], idle["job"]) == (
        "idle", "online", None)
    assert busy["pid"] == both.slot("std").supervisor()
    hold.release()
    assert both.github.wait_job(job)["conclusion"] == "succeeded"
    both.slot("std").wait_receipts(1)
    row = both.status("std")[both.slot("std").name]
    assert (row["jobs"], row["wiped"]) == (1, 1)
    table = both.done("status").stdout
    assert both.slot("std").name in table and "online" in table
    listed = json.loads(both.done("list", "-o", "json").stdout)
    assert [row["mode"] for row in listed] == ["standard", "privileged"]
    logs = both.done("logs", "std").stdout
    assert "completed with result: Succeeded" in logs
    receipts = both.done("logs", "--receipts", "std").stdout
    assert json.loads(receipts)["verdict"] == "clean"
    events = both.done("logs", "--events", "-n", "1", "std").stdout
    assert json.loads(events)["event"]


def test_a_second_start_downloads_nothing_and_asks_little(make_desk):
    """One registration token for all; then a handful of requests."""
    desk = make_desk(pools=[{"name": "std", "count": 3}])
    desk.start()
    requests = desk.github.requests
    ours = [entry for entry in requests()
            if (entry["agent"] or "").startswith("deskrun-runner")]
    assert len(requests("POST", "/registration-token")) == 1
    assert len(requests("GET", "/_releases/")) == 1
    assert len(ours) <= 8, ours
    sessions = {item["id"] for item in desk.github.sessions()}
    desk.github.clear_requests()
    desk.start()
    ours = [entry for entry in requests()
            if (entry["agent"] or "").startswith("deskrun-runner")]
    assert not requests("POST", "/registration-token")
    assert not requests(path="/releases/")
    assert len(ours) <= 3, ours
    assert {item["id"] for item in desk.github.sessions()} == sessions


def test_jobs_back_to_back_are_all_wiped(desk):
    """Ten jobs without a pause: none fails, each has its receipt."""
    desk.start()
    jobs = desk.github.enqueue("octo/demo", [
        "test ! -e /tmp/before; touch /tmp/before"],
        labels=["deskrun"], count=10)
    for job in jobs:
        assert desk.github.wait_job(job)["conclusion"] == "succeeded"
    receipts = desk.slot().wait_receipts(10)
    assert {item["verdict"] for item in receipts} == {"clean"}
    assert len({item["world"] for item in receipts}) == 10
    desk.slot().wait_clean()


def test_the_tree_is_shared_and_read_only(both):
    """One extracted runner; a job changes its own copy only."""
    tree, = (both.data / "runner").iterdir()
    files = {path: path.stat().st_mtime_ns for path in tree.rglob("*")}
    assert not [path for path in files
                if not path.is_symlink() and path.stat().st_mode & 0o222]
    both.run_job([
        "cd $RUNNER_TEMP/../..; chmod -R u+w bin externals; "
        "echo evil >bin/Runner.Worker.dll; rm -rf externals; "
        "echo EVIL=1 >>.env; echo /evil >.path"], pool="priv")
    job = both.run_job(["cd $RUNNER_TEMP/../..; ls externals; "
                        "echo evil=$EVIL; cat .path"], pool="priv")
    assert "/evil" not in both.output(job)
    assert {path: path.stat().st_mtime_ns
            for path in tree.rglob("*")} == files
