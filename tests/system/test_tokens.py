"""Tokens are nowhere but where they are needed, and only while they are."""

import os
import resource
import signal
import subprocess

import pytest

import leftovers
import tarballs

VARIABLE = b"ACTIONS_RUNNER_INPUT_TOKEN="


def holders(secret):
    """Return {pid: command} of processes with the secret in argv or env."""
    found = {}
    for pid in leftovers.pids():
        command = leftovers.read(f"/proc/{pid}/cmdline")
        if pid != os.getpid() and (
                secret in command
                or secret in leftovers.read(f"/proc/{pid}/environ")):
            found[pid] = command
    return found


def in_arguments(secret):
    """Return the commands that have the secret in an argument."""
    return [command for command in map(
        lambda pid: leftovers.read(f"/proc/{pid}/cmdline"), leftovers.pids())
            if secret in command]


def in_files(directory, secret):
    """Return the files below a directory that have the secret in them."""
    return [path for path in directory.rglob("*")
            if path.is_file() and not path.is_symlink()
            and secret in path.read_bytes()]


@pytest.fixture(name="registering")
def fixture_registering(make_desk, tarball, tmp_path):
    """A start that is held while config.sh runs: (desk, process, hold)."""
    desk = make_desk()
    hold = desk.hold()
    desk.github.tarball(tarballs.held(tarball, tmp_path / tarball.name, hold))
    process = desk.spawn("start")
    hold.wait()
    yield desk, process, hold


def registration_token(desk):
    """Return the token out of config.sh's own environment."""
    slot = desk.slot()
    pid = slot.find("config.sh")
    for entry in leftovers.read(f"/proc/{pid}/environ").split(b"\0"):
        if entry.startswith(VARIABLE):
            return entry[len(VARIABLE):]
    raise AssertionError("config.sh has no registration token")


def test_the_registration_token_is_config_sh_s_alone(registering):
    """In its environment; in no argument, no other process, no file."""
    desk, process, hold = registering
    secret = registration_token(desk)
    assert len(secret) > 20
    assert not in_arguments(secret)
    others = [command for command in holders(secret).values()
              if b"config.sh" not in command]
    assert not others
    assert not in_files(desk.data, secret)
    hold.release()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert secret.decode() not in said
    assert not holders(secret)
    assert not in_files(desk.data, secret)


def test_the_github_token_never_leaves_the_manager(registering):
    """Neither supervisor, config.sh, Listener nor any file has it."""
    desk, process, hold = registering
    secret = desk.token.encode()
    assert not holders(secret)
    assert not in_files(desk.data, secret)
    hold.release()
    out, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert desk.token not in out + said
    job, hold = desk.busy()
    assert not holders(secret)
    hold.release()
    desk.github.wait_job(job)
    desk.slot().wait_receipts(1)
    assert not in_files(desk.data, secret)
    verbose = desk.done("-v", "start")
    assert desk.token not in verbose.stdout + verbose.stderr


def test_a_job_finds_no_token_of_ours(desk):
    """In its environment, its processes', or the files it can read."""
    desk.start(env={"GITHUB_TOKEN": desk.token})
    job = desk.run_job([
        "tr '\\0' '\\n' </proc/self/environ; "
        "cat /proc/[0-9]*/environ | tr '\\0' '\\n' || true; "
        "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' || true; echo all",
        f"grep -rlsF {desk.token[:-2]}''{desk.token[-2:]} / "
        "--exclude-dir=proc --exclude-dir=sys --exclude-dir=usr "
        "--exclude-dir=dev --exclude-dir=opt --exclude-dir=mnt | "
        "sed 's/^/found=/' || true"])
    log = desk.output(job)
    assert "all" in log
    assert desk.token not in log
    assert "ACTIONS_RUNNER_INPUT_TOKEN" not in log
    assert "found=" not in log


def test_a_token_from_the_environment_is_not_inherited(make_desk):
    """token_env: the supervisor that outlives start does not have it."""
    desk = make_desk()
    desk.config["github"]["auth"] = {"token_env": "MY_TOKEN"}
    desk.write_config()
    desk.start(env={"MY_TOKEN": desk.token})
    assert desk.slot().supervisor()
    assert not holders(desk.token.encode())


def dumps_core(pid):
    """Send SIGQUIT to a child; tell whether it left a core."""
    os.kill(pid, signal.SIGQUIT)
    status = os.waitpid(pid, 0)[1]
    assert os.WIFSIGNALED(status)
    return os.WCOREDUMP(status)


def test_a_crash_of_the_manager_leaves_no_token_in_a_core(registering,
                                                          tmp_path):
    """It is not dumpable, whatever the limit on core files."""
    desk, process, _ = registering
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(process.pid, resource.RLIMIT_CORE, unlimited)
    with subprocess.Popen(["sleep", "99"], cwd=tmp_path) as other:
        resource.prlimit(other.pid, resource.RLIMIT_CORE, unlimited)
        if not dumps_core(other.pid):
            pytest.skip("no program leaves a core on this machine")
    assert not dumps_core(process.pid)
    assert desk.token not in process.args
