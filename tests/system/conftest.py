"""Fixtures of the system tests: a GitHub, a tarball of the runner, a desk.

Each test has an address of its own in 127.0.1.0/24, and its directory; the
end of each asserts that nothing of it is left on the machine.
"""

import os
import pathlib
import socket
import subprocess
import tempfile

import pytest

from desk import BUILD, BUILDER, PROGRAM, Desk, Server

VERSION = "2.336.0"
NAME = f"actions-runner-linux-{{}}-{VERSION}.tar.gz"
ARCHITECTURE = {"x86_64": "x64", "aarch64": "arm64"}[os.uname().machine]
TARBALL = NAME.format(ARCHITECTURE)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Keep the outcome for fixtures: logs are shown when a test failed."""
    del call
    outcome = yield
    report = outcome.get_result()
    setattr(item, f"report_{report.when}", report)


@pytest.fixture(scope="session", autouse=True)
def programs():
    """Refuse to run without the programs, and without root."""
    if not PROGRAM.exists():
        pytest.exit(f"there is no {PROGRAM.name} in {BUILD}; DESKRUN_BUILD "
                    "names the build directory", returncode=4)
    if os.geteuid() != 0:
        pytest.exit("system tests make mounts and namespaces: run them as "
                    "root", returncode=4)


@pytest.fixture(scope="session")
def tarball(tmp_path_factory):
    """A tarball of the stand-in runner."""
    path = tmp_path_factory.mktemp("tarball") / TARBALL
    subprocess.run([BUILDER, path, "--version", VERSION], check=True,
                   stdout=subprocess.DEVNULL)
    return path


@pytest.fixture
def address():
    """An address that no other test has, also none of another run.

    A name in the abstract namespace of sockets is its lock: the kernel drops
    it with the process.  The server of a run that was killed may live on.
    """
    for number in range(1, 251):
        found = f"127.0.1.{number}"
        with socket.socket(socket.AF_UNIX) as lock, socket.socket() as probe:
            try:
                lock.bind(f"\0deskrun-test-{found}")
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((found, 80))
            except OSError:
                continue
            probe.close()
            yield found
            return
    pytest.fail("every address is taken")


@pytest.fixture
def github(address, tarball):
    """A GitHub that offers the runner's tarball."""
    with Server(address, session_seconds=4) as server:
        server.tarball(tarball)
        yield server


@pytest.fixture
def make_desk(request, tmp_path, github):
    """Return a function that makes the desk of a test: one, or several.

    `base` is where its directory lies, `hub` another GitHub than the test's.
    """
    desks = []
    number = github.parts.hostname.rpartition(".")[2]

    def make(hub=None, base=tmp_path, **config):
        mark = f"t{number}{chr(ord('a') + len(desks))}"
        directory = base / mark
        directory.mkdir()
        desks.append(Desk(directory, hub or github, mark, **config))
        return desks[-1]

    yield make
    complaints = []
    failed = getattr(request.node, "report_call", None)
    failed = failed is None or failed.failed
    for desk in desks:
        if failed:
            print(desk.report())
        complaints += desk.close()
    assert not complaints, "left behind:\n" + "\n".join(complaints)


@pytest.fixture
def desk(make_desk):
    """A desk with one pool, std, of one runner."""
    return make_desk()


@pytest.fixture
def plain_directory():
    """A directory in a place that worlds show as it is, unlike /tmp."""
    with tempfile.TemporaryDirectory(prefix="deskrun-", dir="/srv") as path:
        yield pathlib.Path(path)


@pytest.fixture
def host_file(request):
    """Return a function that makes a file on the machine, for this test.

    It refuses a path that exists: nothing of the machine's is touched.
    """
    made = []

    def make(path, text="secret\n", mode=0o600):
        path = pathlib.Path(path)
        for parent in reversed(path.parents):
            if not parent.exists():
                parent.mkdir()
                made.append(parent)
        with open(path, "x", encoding="utf-8") as stream:
            stream.write(text)
        path.chmod(mode)
        made.append(path)
        return path

    def clean():
        for path in reversed(made):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)

    request.addfinalizer(clean)
    return make
