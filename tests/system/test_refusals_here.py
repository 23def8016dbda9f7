"""What this machine does not allow, and who is told what."""

import os
import shutil
import subprocess
import tempfile

import pytest

import tarballs
from desk import (BUSY, CONFIG, ENGINE, FAILED, NOT_FOUND, OK, PROGRAM,
                  USAGE)

STRANGER = 12345


def test_root_is_needed(desk):
    """6, before anything is asked or made."""
    with tempfile.TemporaryDirectory() as public:
        os.chmod(public, 0o755)
        program = shutil.copy(PROGRAM, public)
        config = shutil.copy(desk.config_file, public)
        os.chmod(config, 0o644)
        done = subprocess.run(
            ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}",
             "--clear-groups", program, "--config", config, "start"],
            capture_output=True, text=True, env=desk.environment,
            check=False)
    assert done.returncode == ENGINE
    assert "needs root" in done.stderr
    assert not desk.data.exists()
    assert not desk.github.requests()


def test_a_data_directory_of_another_user(desk):
    """Whose it is, and whose it should be."""
    desk.data.mkdir()
    os.chown(desk.data, STRANGER, STRANGER)
    desk.refused("start", status=CONFIG,
                 said=[str(desk.data), f"belongs to user {STRANGER}"])
    assert list(desk.data.iterdir()) == []


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
def test_a_data_directory_that_others_can_write(desk, mode):
    """What lies there is executed as root."""
    desk.data.mkdir()
    desk.data.chmod(mode)
    desk.refused("start", status=CONFIG,
                 said=["writable by others", f"chmod go-w {desk.data}"])
    assert list(desk.data.iterdir()) == []


def on_mount(desk, options):
    """Return a wrapper that mounts something on the data directory."""
    desk.data.mkdir()
    for name in ("lower", "upper", "work"):
        (desk.directory / name).mkdir()
    return ["unshare", "-m", "--propagation", "private", "sh", "-c",
            f"cd {desk.directory} && mount {options} x {desk.data} && "
            "exec \"$@\"", "sh"]


def test_a_file_system_that_cannot_be_an_upper_layer(desk):
    """An overlay cannot: said before anything is fetched or started."""
    wrapper = on_mount(desk, "-t overlay -o lowerdir=lower,upperdir=upper,"
                       "workdir=work")
    desk.refused("start", wrapper=wrapper, status=ENGINE,
                 said=["worlds cannot be had", "overlay", "upper"])
    assert desk.github.requests() == []


def test_a_data_directory_without_write_permission(desk):
    """Mounted read-only: the error of the kernel is told."""
    wrapper = on_mount(desk, "-t tmpfs -o ro,mode=755")
    done = desk.run("start", wrapper=wrapper)
    assert done.returncode in (CONFIG, ENGINE, FAILED)
    assert "Read-only file system" in done.stderr


def test_two_starts_at_once(make_desk, tarball, tmp_path):
    """The second names the first; the first is not disturbed."""
    desk = make_desk()
    hold = desk.hold()
    desk.github.tarball(tarballs.held(tarball, tmp_path / tarball.name, hold))
    first = desk.spawn("start")
    hold.wait()
    desk.refused("start", status=BUSY, said=[
        str(desk.data),
        rf"held by process {first.pid} \(deskrun-runner start\)"])
    assert desk.slot().name in desk.done("status").stdout
    hold.release()
    _, said = first.communicate(timeout=60)
    assert first.returncode == OK, said
    assert len(desk.github.runners()) == 1


def test_status_while_a_runner_starts_does_not_disturb_it(desk):
    """A look at the locks is no lock: many looks beside a start."""
    process = desk.spawn("start")
    while process.poll() is None:
        desk.done("status", "--local")
    _, said = process.communicate()
    assert process.returncode == OK, said


@pytest.mark.parametrize("command", ["start", "stop", "status", "logs"])
def test_an_unknown_runner_is_named_with_the_nearest(desk, command):
    """7, and what was meant perhaps."""
    desk.start()
    desk.refused(command, desk.slot().name[:-1] + "9", status=NOT_FOUND,
                 said=["no runner or pool", desk.slot().name])


def test_wrong_usage_and_absent_configuration(desk):
    """2 and 3."""
    desk.refused("start", "--tarbal", status=USAGE, said="tarbal")
    desk.refused("strat", status=USAGE, said="start")
    desk.refused("logs", "--events", "--receipts", status=USAGE,
                 said="exclude")
    desk.config_file.unlink()
    desk.refused("start", status=CONFIG, said=str(desk.config_file))


def test_before_the_first_start_there_is_nothing_to_see(desk):
    """status and list work, logs says why not; nothing is made."""
    assert desk.status()[desk.slot().name]["state"] == "stopped"
    assert desk.slot().name in desk.done("list").stdout
    desk.refused("logs", status=NOT_FOUND, said="nothing was started")
    desk.stop()
    row = desk.status()[desk.slot().name]
    assert (row["github"], row["id"]) == ("absent", None)


# The tarball


def nothing_unpacked(desk):
    """Assert that nothing of an archive is left, nor anything started."""
    base = desk.data / "runner"
    assert not base.exists() or list(base.iterdir()) == []
    assert desk.github.runners() == []


def test_a_tarball_with_the_wrong_hash(desk, tarball):
    """It is not used, not kept, and fetched anew the next time."""
    desk.github.tarball(tarball, sha256_checksum="0" * 64)
    desk.refused("start", status=FAILED, said=["SHA-256", tarball.name])
    nothing_unpacked(desk)
    desk.github.tarball(tarball)
    desk.start()


def test_a_download_that_breaks_off(desk):
    """Cut short every time: told, and nothing is left."""
    desk.github.fault("/_releases/", cut=5000, times=None)
    done = desk.run("start")
    assert done.returncode not in (OK, 70), done.stderr
    assert "download" in done.stderr
    nothing_unpacked(desk)


HOSTILE = {
    "parent": {"name": "../canary", "data": b"x"},
    "deep-parent": {"name": "bin/../../../canary", "data": b"x"},
    "absolute": {"name": "{canary}", "data": b"x"},
    "link-out": {"name": "bin/out", "type": b"2", "linkname": "/etc"},
    "hard-link-out": {"name": "bin/passwd", "type": b"1",
                      "linkname": "/etc/passwd"},
    "device": {"name": "bin/sda", "type": b"4", "devmajor": 8},
    "fifo": {"name": "bin/fifo", "type": b"6"},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_tarball_has_no_way_out(desk, tarball, tmp_path, kind):
    """Refused as a whole, and the archive is named."""
    canary = tmp_path / "canary"
    member = {key: value.format(canary=canary) if key == "name" else value
              for key, value in HOSTILE[kind].items()}
    bad = tarballs.extended(tarball, tmp_path / tarball.name, **member)
    desk.refused("start", "--tarball", str(bad), status=FAILED,
                 said=tarball.name)
    nothing_unpacked(desk)
    assert not canary.exists()
    assert not list(desk.directory.rglob("canary"))


def test_a_runner_of_another_layout(desk, tarball, tmp_path):
    """What is missing is named: we could not drive it."""
    bad = tarballs.without(tarball, tmp_path / tarball.name,
                           "bin/Runner.Worker")
    desk.refused("start", "--tarball", str(bad), status=FAILED,
                 said="Runner.Worker")
    assert desk.github.runners() == []


def test_a_tarball_is_used_instead_of_a_download(desk, tarball, tmp_path):
    """Its name has to tell the version."""
    odd = shutil.copy(tarball, tmp_path / "runner.tar.gz")
    desk.refused("start", "--tarball", odd, status=USAGE, said="version")
    desk.start("--tarball", str(tarball))
    assert not desk.github.requests(path="/_releases/")
    desk.run_job(["true"])
