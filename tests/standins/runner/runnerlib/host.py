"""Where a program of the runner lives, and how it speaks and keeps a diary.

The root is the parent of the directory that `bin` resolves to; no variable
moves it, and state goes where the links lead, as with the real one.
"""

import os
import time

from . import build


def now_u():
    """UTC in .NET's "u" format, which the console lines begin with."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())


def now_o():
    """UTC with seven decimals, .NET's "O" format, used in logs and steps."""
    ns = time.time_ns()
    return "%s.%07dZ" % (time.strftime("%Y-%m-%dT%H:%M:%S",
                                       time.gmtime(ns // 10**9)),
                         ns % 10**9 // 100)


def new_uuid():
    """A random UUID; the uuid module costs more than the Worker can spare."""
    data = bytearray(os.urandom(16))
    data[6] = data[6] & 0x0F | 0x40
    data[8] = data[8] & 0x3F | 0x80
    text = data.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20],
                     text[20:]))


def as_bool(text):
    return (text or "").strip().lower() in ("1", "true", "$true")


def architecture():
    return {"x86_64": "X64", "aarch64": "ARM64",
            "armv7l": "ARM"}.get(os.uname().machine, "X64")


class Directories:
    """The runner's well-known directories."""

    def __init__(self, bin_directory):
        self.bin = os.path.realpath(bin_directory)
        self.root = os.path.dirname(self.bin)
        self.diag = os.path.join(self.root, "_diag")
        self.externals = os.path.join(self.root, "externals")

    def work(self, settings):
        """`workFolder` may be absolute, and then it replaces the root."""
        return os.path.join(self.root, settings.get("workFolder") or "_work")

    def tools(self, settings):
        for name in ("RUNNER_TOOL_CACHE", "RUNNER_TOOLSDIRECTORY",
                     "AGENT_TOOLSDIRECTORY"):
            if os.environ.get(name):
                return os.environ[name]
        return os.path.join(self.work(settings), "_tool")


class Trace:
    """_diag/<kind>_<start>-utc.log; also stdout when asked to.

    Secrets are masked by `mask`, which the Worker replaces once it knows any.
    """

    def __init__(self, directories, kind):
        os.makedirs(directories.diag, exist_ok=True)
        name = "%s_%s-utc.log" % (kind, time.strftime("%Y%m%d-%H%M%S",
                                                      time.gmtime()))
        self.path = os.path.join(directories.diag, name)
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND
                           | os.O_CLOEXEC, 0o644)
        self._kind = kind
        self._stdout = as_bool(
            os.environ.get("ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT"))
        self.mask = lambda text: text

    def _write(self, level, source, text):
        text = self.mask(text)
        os.write(self._fd, ("[%s %s %s] %s\n" % (
            now_u(), level, source, text)).encode("utf-8", "replace"))
        if self._stdout:
            os.write(1, ("[%s %s %s %s] %s\n" % (
                self._kind.upper(), now_u(), level, source,
                text)).encode("utf-8", "replace"))

    def info(self, source, text):
        self._write("INFO", source, text)

    def error(self, source, text):
        self._write("ERR ", source, text)


class Terminal:
    """The console.  Lines go out with one write each, whichever thread or
    signal handler says them; colours only on a terminal, as in .NET."""

    def __init__(self, trace):
        self._trace = trace

    def line(self, text=""):
        self._trace.info("Terminal", "WRITE LINE: " + text)
        self._out(1, text + "\n")

    def raw_line(self, text):
        self._out(1, text + "\n")

    def error(self, text):
        self._trace.error("Terminal", "WRITE ERROR: " + text)
        if os.isatty(2):
            text = "\x1b[31m%s\x1b[0m" % text
        self._out(2, text + "\n")

    def success(self, text):
        mark = "\x1b[32m\u221a\x1b[0m " if os.isatty(1) else "\u221a "
        self._out(1, mark + text + "\n")

    def section(self, text):
        self._out(1, "\n# %s\n\n" % text)

    def prompt(self, text):
        self._out(1, text)

    @staticmethod
    def _out(fd, text):
        view = memoryview(text.encode("utf-8", "replace"))
        try:
            while view:
                view = view[os.write(fd, view):]
        except OSError:
            pass    # a console that went away does not stop the runner


def undo_locale_coercion():
    """Takes back the LC_CTYPE that Python sets in the C locale (PEP 538):
    the environment is what jobs inherit."""
    with open("/proc/self/environ", "rb") as file:
        if not any(item.startswith(b"LC_CTYPE=")
                   for item in file.read().split(b"\0")):
            os.environ.pop("LC_CTYPE", None)


class Host:
    """What every program of the runner has: places, console and diary."""

    def __init__(self, bin_directory, kind):
        undo_locale_coercion()
        self.directories = Directories(bin_directory)
        self.kind = kind
        self.trace = Trace(self.directories, kind)
        self.terminal = Terminal(self.trace)
        self._agents = []
        self.channel = ()           # the Worker's pipes
        self.session = new_uuid()   # X-Actions-Session of this process
        self.trace.info(kind, "Version: %s" % build.VERSION)
        self.trace.info(kind, "Commit: %s" % build.COMMIT)

    def path(self, name):
        return os.path.join(self.directories.root, name)

    def add_agent(self, product, value):
        self._agents.append("%s/%s" % (product, value))

    def user_agent(self, vss=True):
        """`vss` marks the calls that the old client library makes."""
        products = list(self._agents)
        if vss:
            products.insert(0, "VSServices/%s.0 (NetStandard; Linux)"
                            % build.VERSION)
        products += ["GitHubActionsRunner-linux-%s/%s" % (
            architecture().lower(), build.VERSION),
            "CommitSHA/" + build.COMMIT, "Pid/%d" % os.getpid(),
            "CreationTime/" + now_o().replace(":", "%3A"),
            "(%s)" % self.kind]
        return " ".join(products)

    def headers(self, bearer=None, vss=True, **more):
        headers = {"User-Agent": self.user_agent(vss),
                   "X-Actions-Session": self.session,
                   "Accept": "application/json"}
        if bearer:
            headers["Authorization"] = "Bearer " + bearer
        headers.update(more)
        return headers


def load_dotenv(root):
    """.env of the root becomes part of the environment, values as they stand.

    The Listener alone does this; the Worker inherits the result.
    """
    try:
        with open(os.path.join(root, ".env"), encoding="utf-8-sig") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        name, equals, value = line.partition("=")
        if name and equals:
            if value:
                os.environ[name] = value
            else:
                os.environ.pop(name, None)
