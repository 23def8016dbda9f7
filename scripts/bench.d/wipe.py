"""What a job waits for: the end of its world, its set-up, and the hook.

The supervisor is the real one; Listener and Worker are two small C programs
(tests/bench) that start, dirty, end and measure. "gone" is the time from the
Worker's last instruction to the moment at which its parent has the answer.
"""

import json
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

OWN = "/opt/actions-runner/.deskrun/deskrun-init"
GIB = 1 << 30


class Slot:
    """One supervisor over a tree whose Listener is the bench's."""

    def __init__(self, build, base):
        self.build, self.base = build, base
        self.tree = base / "tree"
        self.slot = base / "slots" / "bench"
        self.init = build / "deskrun-init"
        self.make_tree()
        subprocess.run([self.init, "install", base / "layers"], check=True)

    def make_tree(self):
        for name in ("bin", "externals"):
            (self.tree / name).mkdir(parents=True)
        shutil.copy(self.build / "tests/bench/listener", self.tree / "bin/Runner.Listener")
        shutil.copy(self.build / "tests/bench/worker", self.tree / "bin/Runner.Worker")
        config = self.tree / "config.sh"
        config.write_text("#!/bin/sh\nexit 1\n")
        config.chmod(0o755)

    def prepare(self, env):
        for name in ("state/upper", "state/work", "root", "logs/jobs"):
            (self.slot / name).mkdir(parents=True)
        registered = {"agentId": 1, "agentName": "bench", "gitHubUrl": "http://127.0.0.1/o/r"}
        (self.slot / "state/upper/.runner").write_text(json.dumps(registered))
        spec = {
            "runner": "bench", "pool": "bench", "url": "http://127.0.0.1/o/r",
            "labels": [], "version": "0", "tree": str(self.tree),
            "layers": str(self.base / "layers"), "scratch": str(self.base / "scratch"),
            "mode": "standard", "host": True, "masks": [str(self.base)], "expose": [],
            "limits": {}, "env": [f"{k}={v}" for k, v in env.items()],
        }
        (self.base / "scratch").mkdir(exist_ok=True)
        (self.slot / "spec.json").write_text(json.dumps(spec))
        (self.slot / "desired.json").write_text('{"want":"run","generation":1}\n')

    def run(self, count, **env):
        """Rows of (set-up, hook, gone) in ms, and the supervisor's RSS in MB."""
        results = self.base / "results"
        results.unlink(missing_ok=True)
        self.prepare({
            "PATH": "/usr/bin:/bin", "BENCH_COUNT": count, "BENCH_RESULTS": results,
            "BENCH_DIR": "/var/tmp", **env,
        })
        log = (self.slot / "logs/init.log").open("w")
        process = subprocess.Popen(
            [self.init, "supervise", "--slot", self.slot], stdout=subprocess.DEVNULL, stderr=log
        )
        try:
            wait_for(results.exists, process, 600)
            resident = status_kb(process.pid, "VmRSS") / 1024
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(120)
            shutil.rmtree(self.slot)
        return rows_of(results), resident


def wait_for(condition, process, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the bench's runner ended early: {process.args}")
        time.sleep(0.05)


def status_kb(pid, key):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise KeyError(key)


def rows_of(path):
    return [[int(n) / 1e6 for n in line.split()] for line in path.read_text().splitlines()]


def p99(values):
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]


def peer(build, base, count, **env):
    """Milliseconds in which a killed PID namespace of the same load is gone."""
    results, scratch = base / "peer", base / "peer-files"
    subprocess.run(
        [build / "tests/bench/listener", "peer", build / "tests/bench/worker"],
        env={
            "PATH": os.environ["PATH"], "BENCH_COUNT": str(count), "BENCH_RESULTS": str(results),
            "BENCH_DIR": str(scratch), "BENCH_MAKE_DIR": str(scratch),
            **{k: str(v) for k, v in env.items()},
        },
        check=True, stdout=subprocess.DEVNULL,
    )
    return [row[2] for row in rows_of(results)]


def rm_rf(base, files, count):
    """Milliseconds of "rm -rf" over the same files, on the same disk."""
    times = []
    for _ in range(count):
        top = base / "rm"
        for at in range(0, files, 1000):
            (top / str(at)).mkdir(parents=True)
            for i in range(at, min(at + 1000, files)):
                (top / str(at) / str(i)).write_bytes(b"x" * 100)
        top.mkdir(exist_ok=True)
        began = time.monotonic()
        subprocess.run(["rm", "-rf", top], check=True)
        times.append((time.monotonic() - began) * 1000)
    return times


def files(figures, slot, count, many):
    for n, runs in ((0, count), (1000, count), (100000, many)):
        rows, _ = slot.run(runs, BENCH_FILES=n)
        gone = [row[2] for row in rows]
        figures.add(f"gone {n} files p50", statistics.median(gone), "ms", 0.5)
        if n < 100000:
            figures.add(f"gone {n} files p99", p99(gone), "ms", 5)
        else:
            figures.add(f"gone {n} files max", max(gone), "ms", 5)
        if n:
            beside = rm_rf(slot.base, n, 3)
            figures.add(f"peer: rm -rf {n} files", statistics.median(beside), "ms")


def load(figures, slot, name, runs, **env):
    rows, _ = slot.run(runs, **env)
    gone = statistics.median(row[2] for row in rows)
    beside = statistics.median(peer(slot.build, slot.base, runs, **env))
    figures.add(f"gone {name} p50", gone, "ms")
    figures.add(f"peer: SIGKILL of the namespace, {name}", beside, "ms")
    figures.add(f"gone {name} / peer", gone / beside, "", 1.1)


def size(figures, build):
    stripped = build / "deskrun-init.stripped"
    subprocess.run(["strip", "-o", stripped, build / "deskrun-init"], check=True)
    figures.add("deskrun-init, file", stripped.stat().st_size / 1e6, "MB", 1)


def run(figures, build, quick):
    count, many, heavy = (40, 3, 3) if quick else (200, 20, 20)
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="deskrun-bench-") as top:
        slot = Slot(build, Path(top))
        rows, resident = slot.run(count, BENCH_HOOK=OWN)
        figures.add("start of a Worker in a world p50", statistics.median(r[0] for r in rows), "ms")
        figures.add("hook p50", statistics.median(r[1] for r in rows), "ms", 5)
        figures.add("hook p99", p99([r[1] for r in rows]), "ms")
        figures.add("deskrun-init, resident", resident, "MB", 1.5)
        size(figures, build)
        files(figures, slot, count, many)
        load(figures, slot, "100 processes", count, BENCH_PROCESSES=100)
        load(figures, slot, "2000 processes", heavy, BENCH_PROCESSES=2000)
        load(figures, slot, "4 GiB", heavy, BENCH_MEMORY=4 * GIB)
