"""What a test could leave on the machine, and who looks for it.

Everything that belongs to one test names its directory (in a command line, an
environment, or a mount) or its runners (cgroups): so tests can run side by
side, and each finds its own leftovers only.
"""

import os
import pathlib
import signal

CGROUPS = "/sys/fs/cgroup"


def read(path):
    """Return the bytes of a file of /proc; b"" of a process that is gone."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return b""


def pids():
    """Return the ids of all processes."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def is_zombie(pid):
    """Tell whether a process is dead and not yet waited for."""
    stat = read(f"/proc/{pid}/stat")
    return not stat or stat.rpartition(b")")[2].split()[0] in (b"Z", b"X")


def own_ancestors():
    """Return this process and those that it came from."""
    found, pid = set(), os.getpid()
    while pid > 1:
        found.add(pid)
        stat = read(f"/proc/{pid}/stat")
        pid = int(stat.rpartition(b")")[2].split()[1]) if stat else 0
    return found


def processes(directory):
    """Return {pid: command} of the processes that name the directory.

    Also those that merely live in a mount namespace in which it is part of a
    mount: a daemon that got away from its world still does.
    """
    mark = os.fsencode(str(directory))
    found, skip = {}, own_ancestors()
    for pid in pids():
        if pid in skip or is_zombie(pid):
            continue
        command = read(f"/proc/{pid}/cmdline")
        if (mark in command or mark in read(f"/proc/{pid}/environ")
                or mark in read(f"/proc/{pid}/mountinfo")):
            found[pid] = command.replace(b"\0", b" ").decode(
                errors="replace").strip()
    return found


def mounts(directory):
    """Return the lines of our own mount table that name the directory."""
    mark = str(directory)
    table = pathlib.Path("/proc/self/mountinfo").read_text()
    return [line for line in table.splitlines() if mark in line]


def cgroups(prefix):
    """Return the cgroups of runners whose names begin with `prefix`."""
    found = []
    for top, directories, _ in os.walk(CGROUPS):
        here = [os.path.join(top, name) for name in directories
                if os.path.basename(top) == "deskrun"
                and name.startswith(prefix)]
        found += here
    return found


def all_of(directory, prefix):
    """Return descriptions of whatever is left."""
    found = [f"process {pid}: {command}"
             for pid, command in processes(directory).items()]
    found += [f"mount: {line}" for line in mounts(directory)]
    found += [f"cgroup: {path}" for path in cgroups(prefix)]
    return found


def kill(directory):
    """Kill what is left of processes."""
    for pid in processes(directory):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
