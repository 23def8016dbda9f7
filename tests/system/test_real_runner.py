"""The real actions/runner, driven unchanged: the main job, gate and stop.

DESKRUN_REAL_RUNNER names its tarball, or a directory that it was unpacked
to.
"""

import os
import pathlib
import subprocess

import pytest

import leftovers
from desk import OK, Desk, Server
from probes import Planter
from test_worlds import NETWORK, look_on_host, seen

REAL = os.environ.get("DESKRUN_REAL_RUNNER")
VERSION = "2.336.0"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not REAL, reason="DESKRUN_REAL_RUNNER is not set"),
    # all tests of one worker: the runner is unpacked once
    pytest.mark.xdist_group("real-runner"),
]


@pytest.fixture(name="real_tarball", scope="module")
def fixture_real_tarball(tmp_path_factory):
    """The tarball; packed from the tree where only that is there."""
    if not pathlib.Path(REAL).is_dir():
        yield pathlib.Path(REAL)
        return
    path = (tmp_path_factory.mktemp("real")
            / f"actions-runner-linux-x64-{VERSION}.tar.gz")
    subprocess.run(["tar", "-C", REAL, "-I", "gzip -1", "-cf", path, "."],
                   check=True)
    yield path
    path.unlink()


@pytest.fixture(name="desk", scope="module")
def fixture_desk(tmp_path_factory, real_tarball):
    """Two runners, one a mode, started once for all tests."""
    with Server("127.0.1.251", session_seconds=4) as github:
        github.tarball(real_tarball, version=VERSION)
        desk = Desk(tmp_path_factory.mktemp("real-desk"), github, "real",
                    pools=[{"name": "std", "mode": "standard"},
                           {"name": "priv", "mode": "privileged"}])
        desk.start(timeout=300)
        yield desk
        complaints = desk.close()
        subprocess.run(["rm", "-rf", desk.data], check=True)
        assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("mode", ["standard", "privileged"])
def test_no_leak_is_seen(desk, host_file, request, mode):
    """As with the stand-in runner."""
    pool = "std" if mode == "standard" else "priv"
    planter = Planter(f"{desk.mark}{pool}", desk.github.parts.hostname,
                      mode == "privileged")
    host_file(planter.host_file)
    request.addfinalizer(planter.clean)
    first = desk.run_job([planter.plant(), planter.look()], pool=pool)
    log = desk.output(first)
    assert seen(log)[0] == planter.names()
    for where in ("std", "priv"):
        log = desk.output(desk.run_job([planter.look()],
                                           pool=where))
        assert seen(log)[0] == set()
    assert look_on_host(planter)[0] == set()
    assert NETWORK <= planter.names()


def test_results_and_receipts(desk):
    """Success, failure, and the receipt in the log."""
    before = len(desk.slot("std").receipts())
    job = desk.run_job(["echo hello"], pool="std")
    assert "hello" in desk.output(job)
    assert "wip" in desk.output(job).lower()
    desk.run_job(["exit 3"], conclusion="failed", pool="std")
    receipts = desk.slot("std").wait_receipts(before + 2)[before:]
    assert [item["result"] for item in receipts] == ["succeeded", "failed"]
    assert {item["verdict"] for item in receipts} == {"clean"}


def test_jobs_back_to_back(desk):
    """Ten on two runners: none is lost or sees another."""
    for job in desk.github.enqueue(
            "octo/demo", ["test ! -e /tmp/x; touch /tmp/x"],
            labels=["deskrun"], count=10):
        assert desk.github.wait_job(
            job, timeout=120)["conclusion"] == "succeeded"


def test_a_busy_runner_is_gated_and_an_idle_one_deleted(desk):
    """stop: the job succeeds, none of the queue is lost; then again."""
    job, hold = desk.busy(pool="std")
    queued = desk.enqueue(["true"], pool="std")
    process = desk.spawn("stop")
    desk.wait_request("DELETE", "/actions/runners/", 422)
    hold.release()
    _, said = process.communicate(timeout=90)
    assert process.returncode == OK, said
    assert desk.github.job(job)["conclusion"] == "succeeded"
    assert desk.github.job(queued)["status"] == "queued"
    assert desk.github.runners() == []
    assert not leftovers.processes(desk.directory)
    desk.start()
    assert desk.github.wait_job(queued)["conclusion"] == "succeeded"
