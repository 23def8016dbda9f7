"""What standard denies and privileged allows, as the job itself finds it."""

import re

import pytest

# capabilities(7): what reaches the kernel or other namespaces
REACHING = {"SYS_ADMIN": 21, "SYS_MODULE": 16, "SYS_RAWIO": 17,
            "SYS_PTRACE": 19, "SYS_BOOT": 22, "SYS_TIME": 25, "NET_ADMIN": 12,
            "MKNOD": 27, "MAC_ADMIN": 33, "SYSLOG": 34, "BPF": 39}
NEVER = ("SYS_MODULE", "SYS_RAWIO", "SYS_TIME")
FORKS = """
import os, signal
children = []
try:
    while len(children) < 500:
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
except BlockingIOError:
    pass
print(f"forks={len(children)}", flush=True)
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""
STATUS = "grep -E '^(Cap|NoNewPrivs)' /proc/self/status"


@pytest.fixture(name="both")
def fixture_both(make_desk):
    """A pool a mode."""
    desk = make_desk(pools=[{"name": "std", "mode": "standard"},
                            {"name": "priv", "mode": "privileged"}])
    desk.start()
    return desk


def log_of(desk, pool, *steps):
    """Run a job in a pool and return its log."""
    return desk.output(desk.run_job(list(steps), pool=pool))


def capabilities(log, kind):
    """Return a set of capabilities out of /proc/self/status."""
    return int(re.search(rf"Cap{kind}:\s*([0-9a-f]+)", log).group(1), 16)


def test_standard_has_no_capability_that_reaches_out(both):
    """Neither effective nor in the bounding set; and cannot gain any."""
    log = log_of(both, "std", STATUS)
    assert re.search(r"NoNewPrivs:\s*1", log)
    for kind in ("Eff", "Prm", "Bnd", "Inh", "Amb"):
        held = capabilities(log, kind)
        assert not [name for name, bit in REACHING.items()
                    if held >> bit & 1], kind


def test_privileged_may_mount_but_not_touch_kernel_and_clock(both):
    """SYS_ADMIN is there; modules, raw I/O and the clock are not."""
    log = log_of(both, "priv", STATUS)
    held = capabilities(log, "Bnd")
    assert held >> REACHING["SYS_ADMIN"] & 1
    assert not [name for name in NEVER if held >> REACHING[name] & 1]


def test_standard_denies_what_changes_the_machine(both):
    """Mounts, host names, modules, /sys, /proc/sys, raw devices."""
    attempts = {
        "mount": "mount -t tmpfs x /mnt",
        "umount": "umount /proc",
        "remount": "mount -o remount,rw /sys",
        "hostname": "hostname changed",
        "sysctl": "echo 1 >/proc/sys/kernel/panic",
        "sysrq": "echo h >/proc/sysrq-trigger",
        "sys": "f=$(find /sys -maxdepth 4 -type f -perm -200 | head -n 1); "
               "test -n \"$f\" && cat $f >$f",
        "mknod": "mknod /tmp/disk b 8 0",
        "immutable": "touch /tmp/i; chattr +i /tmp/i",
        "unshare": "unshare -m true",
        "user-namespace": "unshare -U -r -m true",
        "chroot-out": "nsenter -t 1 -m true",
        "clock": "date -s '2001-01-01'",
    }
    script = "\n".join(
        f"if ( {attempt} ) >/dev/null 2>&1; then echo allowed={name}; fi"
        for name, attempt in attempts.items())
    log = log_of(both, "std", script + "\necho tried")
    assert "tried" in log
    assert set(re.findall(r"\ballowed=(\S+)", log)) <= {"user-namespace"}


def test_privileged_allows_mounts_and_names_inside_its_world(both):
    """And the machine keeps its own."""
    log = log_of(both, "priv",
                 "mount -t tmpfs x /mnt; hostname changed; "
                 "touch /tmp/i; chattr +i /tmp/i; unshare -m true; "
                 "echo name=$(hostname)")
    assert "name=changed" in log


@pytest.mark.parametrize("pool", ["std", "priv"])
def test_the_disks_of_the_machine_are_out_of_reach(both, pool):
    """/dev has the standard nodes; a block device that was made is denied."""
    log = log_of(both, pool,
                 "echo blocks=$(find /dev -type b | wc -l); "
                 "echo >/dev/null; head -c 4 /dev/urandom | wc -c; "
                 "test -c /dev/tty && test -d /dev/pts && test -d /dev/shm; "
                 "dev=$(awk '$3==\"/\"{print $1}' /proc/self/mountinfo); "
                 "while read -r major minor _ name; do case $name in "
                 "[a-z]*) if mknod /tmp/$name b $major $minor 2>/dev/null "
                 "&& head -c 1 /tmp/$name >/dev/null 2>&1; then "
                 "echo readable=$name; fi; esac; done </proc/partitions")
    assert "blocks=0" in log
    assert not re.findall(r"\breadable=\S+", log)


def test_limits_hold_in_the_world(make_desk):
    """pids: forks fail beyond it, and the next job has all of it again."""
    desk = make_desk(pools=[{"name": "std", "limits": {"pids": 100}}])
    desk.start()
    for _ in range(2):
        log = log_of(desk, "std", {"shell": "python3 {0}", "run": FORKS})
        assert 50 < int(re.search(r"forks=(\d+)", log).group(1)) < 100


def test_the_pools_env_reaches_the_job(make_desk):
    """And nothing of the manager's own environment does."""
    desk = make_desk(pools=[{"name": "std", "env": {"GREETING": "he llo"}}])
    desk.start(env={"LEAKED_FROM_MANAGER": "x", "GITHUB_TOKEN": "ghp_x"})
    log = log_of(desk, "std", "echo greeting=$GREETING; env | sort")
    assert "greeting=he llo" in log
    assert "LEAKED_FROM_MANAGER" not in log
    assert "ghp_x" not in log
