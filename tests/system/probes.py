"""What a job leaves behind, and how to look for it: facts/leaks.md in bash.

Each probe plants something that names MARK, and a test that is true
where it is seen.  The same looks run in the job that planted (all must be
seen, or the probe proves nothing), in later jobs, and on the machine (none).
"""

import socket
import subprocess
from dataclasses import dataclass

IPC = """python3 - <<'E'
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
key, flags = {key}, {flags}
got = [libc.shmget(key, 4096, flags), libc.semget(key, 1, flags),
       libc.msgget(key, flags)]
sys.exit(not {verdict}(number >= 0 for number in got))
E"""
QUEUE = """python3 - <<'E'
import ctypes, os, sys
rt = ctypes.CDLL("librt.so.1", use_errno=True)
sys.exit(rt.mq_open(b"/MARK", {flags}, 0o600, None) < 0)
E"""
CLEAN = """python3 - <<'E'
import ctypes
libc, rt = ctypes.CDLL(None), ctypes.CDLL("librt.so.1")
rt.mq_unlink(b"/MARK")
for kind, ident in (("shm", libc.shmget(KEY, 0, 0)),
                    ("msg", libc.msgget(KEY, 0))):
    if ident >= 0:
        getattr(libc, kind + "ctl")(ident, 0, None)
ident = libc.semget(KEY, 0, 0)
if ident >= 0:
    libc.semctl(ident, 0, 0)
E"""
LISTEN = """python3 - <<'E'
import os, socket
made = [socket.socket(socket.AF_UNIX), socket.socket()]
made[0].bind("\\0MARK-abstract")
made[1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
made[1].bind(("ADDRESS", 7777))
for item in made:
    item.listen()
    item.set_inheritable(True)
if os.fork() == 0:
    os.setsid()
    os.environ.pop("RUNNER_TRACKING_ID", None)
    os.closerange(0, 3)
    os.execve("/usr/bin/python3", ["MARK-listen", "-c",
              "import signal; signal.pause()"], {})
E"""
RUNNING = "grep -qaz '^MARK-{0}' /proc/[0-9]*/cmdline"
# Started, and its new name to be seen
DAEMON = ("env -i setsid bash -c 'exec -a MARK-{0} {1}' >/dev/null 2>&1 & "
          f"for i in $(seq 200); do {RUNNING} && break; sleep 0.05; done")


@dataclass
class Probe:
    """One thing to plant.  `mode`: where it can be had at all."""

    name: str
    plant: str
    look: str
    privileged: bool = False
    job_only: bool = False  # the place exists in jobs only


PROBES = [
    Probe("home", "echo >~/MARK", "test -e ~/MARK"),
    Probe("bashrc", "echo '# MARK' >>~/.bashrc", "grep -qs MARK ~/.bashrc"),
    Probe("profile", "echo '# MARK' >/etc/profile.d/MARK.sh",
          "test -e /etc/profile.d/MARK.sh"),
    Probe("tmp", "echo >/tmp/MARK", "test -e /tmp/MARK"),
    Probe("var-tmp", "echo >/var/tmp/MARK", "test -e /var/tmp/MARK"),
    Probe("etc", "echo >/etc/MARK", "test -e /etc/MARK"),
    Probe("hosts", "echo '127.9.9.9 MARK' >>/etc/hosts",
          "grep -q MARK /etc/hosts"),
    Probe("resolv", "echo '# MARK' >>/etc/resolv.conf",
          "grep -q MARK /etc/resolv.conf"),
    Probe("passwd", "echo 'MARK:x:4711:4711::/:/bin/sh' >>/etc/passwd",
          "grep -q ^MARK: /etc/passwd"),
    Probe("sudoers", "mkdir -p /etc/sudoers.d; "
          "echo '# MARK' >/etc/sudoers.d/MARK",
          "test -e /etc/sudoers.d/MARK"),
    Probe("cron", "mkdir -p /etc/cron.d; echo '# MARK' >/etc/cron.d/MARK",
          "test -e /etc/cron.d/MARK"),
    Probe("unit", "mkdir -p /etc/systemd/system; "
          "echo '# MARK' >/etc/systemd/system/MARK.service",
          "test -e /etc/systemd/system/MARK.service"),
    Probe("setuid", "cp /bin/true /usr/local/bin/MARK-setuid; "
          "chmod 4755 /usr/local/bin/MARK-setuid",
          "test -e /usr/local/bin/MARK-setuid"),
    Probe("path-shim", "printf '#!/bin/sh\\n' >/usr/local/bin/MARK; "
          "chmod 755 /usr/local/bin/MARK", "command -v MARK"),
    Probe("apt", "echo '# MARK' >/etc/apt/sources.list.d/MARK.list",
          "test -e /etc/apt/sources.list.d/MARK.list"),
    Probe("fifo", "mkfifo /var/tmp/MARK.fifo", "test -p /var/tmp/MARK.fifo"),
    Probe("closed-directory", "mkdir -m 0 /var/tmp/MARK.d",
          "test -d /var/tmp/MARK.d"),
    Probe("deletion", "rm /usr/local/share/MARK-host",
          "test ! -e /usr/local/share/MARK-host"),
    Probe("shm", "echo >/dev/shm/MARK", "test -e /dev/shm/MARK"),
    Probe("run", "echo >/run/MARK", "test -e /run/MARK"),
    Probe("sysv", IPC.format(key="KEY", flags="0o1600", verdict="all"),
          IPC.format(key="KEY", flags="0", verdict="any")),
    Probe("mqueue", QUEUE.format(flags="os.O_CREAT | os.O_RDWR"),
          QUEUE.format(flags="os.O_RDWR")),
    Probe("daemon", DAEMON.format("daemon", "sleep 9999"),
          RUNNING.format("daemon")),
    Probe("double-fork", "(" + DAEMON.format("fork", "sleep 9999") + ")",
          RUNNING.format("fork")),
    Probe("stopped", DAEMON.format("stop", 'bash -c "kill -STOP \\$\\$"'),
          RUNNING.format("stop")),
    Probe("deleted-open", "exec 5>/var/tmp/MARK.open; "
          "rm /var/tmp/MARK.open; " + DAEMON.format("open", "sleep 9999"),
          RUNNING.format("open")),
    Probe("listener", LISTEN, "exec 3<>/dev/tcp/ADDRESS/7777"),
    Probe("abstract", "true", "grep -q @MARK-abstract /proc/net/unix"),
    Probe("workspace", "echo >$GITHUB_WORKSPACE/MARK",
          "test -e $GITHUB_WORKSPACE/MARK", job_only=True),
    Probe("temp", "echo >$RUNNER_TEMP/MARK", "test -e $RUNNER_TEMP/MARK",
          job_only=True),
    Probe("diag", "echo >$RUNNER_TEMP/../../_diag/MARK",
          "test -e $RUNNER_TEMP/../../_diag/MARK", job_only=True),
    Probe("hook", "echo '# MARK' >>$ACTIONS_RUNNER_HOOK_JOB_COMPLETED",
          "grep -q MARK $ACTIONS_RUNNER_HOOK_JOB_COMPLETED", job_only=True),
    Probe("runner-env", "echo MARK=1 >>$RUNNER_TEMP/../../.env",
          "grep -qs MARK $RUNNER_TEMP/../../.env", job_only=True),
    Probe("immutable", "echo >/var/tmp/MARK.i; chattr +i /var/tmp/MARK.i",
          "test -e /var/tmp/MARK.i", privileged=True),
    Probe("append-only", "mkdir /var/tmp/MARK.a; chattr +a /var/tmp/MARK.a",
          "test -e /var/tmp/MARK.a", privileged=True),
    Probe("capability", "cp /bin/true /usr/local/bin/MARK-cap; "
          "setcap cap_net_raw+ep /usr/local/bin/MARK-cap",
          "test -e /usr/local/bin/MARK-cap", privileged=True),
    Probe("hostname", "hostname MARK", "test $(hostname) = MARK",
          privileged=True),
    Probe("tmpfs", "mkdir -p /mnt/MARK; mount -t tmpfs MARK-tmpfs /mnt/MARK",
          "grep -q MARK-tmpfs /proc/self/mountinfo", privileged=True),
    Probe("bind", "mkdir -p /mnt/MARK.bind; mount --bind /etc /mnt/MARK.bind",
          "grep -q MARK.bind /proc/self/mountinfo", privileged=True),
    Probe("overlay", "mkdir -p /mnt/MARK.o; cd /mnt/MARK.o; "
          "mount -t tmpfs MARK-o .; cd /mnt/MARK.o; mkdir u w m; "
          "mount -t overlay MARK-overlay -o "
          "lowerdir=/etc,upperdir=u,workdir=w m",
          "grep -q MARK-overlay /proc/self/mountinfo", privileged=True),
]


class Planter:
    """The probes as scripts for one mark."""

    def __init__(self, mark, address, privileged):
        self.mark, self.address = f"{mark}mark", address
        self.hostname = socket.gethostname()
        self.probes = [item for item in PROBES
                       if privileged or not item.privileged]

    def _fill(self, text):
        """Put the mark, the address and a key for SysV in their places."""
        key = sum(map(ord, self.mark)) * 65536 + 0x5bd1
        for old, new in (("MARK", self.mark), ("ADDRESS", self.address),
                         ("KEY", str(key % 0x7fffffff))):
            text = text.replace(old, new)
        return text

    @property
    def host_file(self):
        """A file that the machine has and the job deletes."""
        return f"/usr/local/share/{self.mark}-host"

    def plant(self):
        """Plant all; say what could not be."""
        return "\n".join(
            f"( {self._fill(item.plant)}\n) || echo not-planted={item.name}"
            for item in self.probes)

    def look(self, on_host=False):
        """Look for all; a line `seen=NAME` for each, and the number."""
        looks = [item for item in self.probes
                 if not (on_host and item.job_only)]
        lines = [f"if ( {self._fill(item.look)}\n) >/dev/null 2>&1; then "
                 f"echo seen={item.name}; fi" for item in looks]
        return "\n".join([*lines, f"echo looked={len(looks)}"])

    def clean(self):
        """Undo on the machine what a broken namespace let through."""
        if socket.gethostname() != self.hostname:
            socket.sethostname(self.hostname)
        subprocess.run(["bash", "-c", self._fill(CLEAN)], check=True)

    def names(self):
        """Return the names of all probes."""
        return {item.name for item in self.probes}
