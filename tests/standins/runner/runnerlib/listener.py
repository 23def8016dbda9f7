"""bin/Runner.Listener: configure, remove, run."""

import json
import os
import signal
import sys

from . import build, wire
from .events import Event, wait_any
from .host import Host, as_bool, load_dotenv, now_u
from .options import ConfigurationError, Options
from .store import Store, delete_local

EXIT_OK = 0
EXIT_TERMINATED = 1
EXIT_RETRYABLE = 2
EXIT_CONFLICT = 5
EXIT_DEPRECATED = 7
EXIT_SIGTERM = 143

UNLOAD_SECONDS = 30     # what SIGTERM grants a busy Listener

USAGE = """
Commands:
 ./config.sh         Configures the runner
 ./config.sh remove  Unconfigures the runner
 ./run.sh            Runs the runner interactively. Does not require any options.

Options:
 --help     Prints the help for each command
 --version  Prints the runner version
 --commit   Prints the runner commit

Config Options:
 --unattended           Disable interactive prompts for missing arguments
 --url string           Repository, organization or enterprise of the runner
 --token string         Registration token
 --name string          Name of the runner
 --runnergroup string   Name of the runner group
 --labels string        Custom labels, besides the default ones
 --no-default-labels    Disables the default labels
 --local                With remove: only the local configuration files
 --work string          Work directory (default _work)
 --replace              Replace an existing runner of the same name
 --pat string           Personal access token, to fetch the other token with
 --disableupdate        Disable automatic updates
 --ephemeral            Take one job only"""


class Signals:
    """SIGINT and SIGTERM, wherever the main thread happens to be.

    A disposition that was ignored at the start stays ignored, which is how
    a shell starts its background jobs, and how .NET treats it.
    """

    def __init__(self, terminal):
        self._terminal = terminal
        self.shutdown = Event()
        self.terminated = False
        self.configuring = True
        for number, handler in ((signal.SIGINT, self._interrupt),
                                (signal.SIGTERM, self._terminate)):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, handler)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)   # ignored by Python

    def _interrupt(self, _number, _frame):
        self._terminal.line("Exiting...")
        if self.configuring:
            os._exit(EXIT_TERMINATED)
        self.shutdown.set()

    def _terminate(self, _number, _frame):
        if self.configuring:
            os._exit(EXIT_SIGTERM)
        self.terminated = True
        self.shutdown.set()
        signal.signal(signal.SIGALRM, lambda *_: os._exit(EXIT_SIGTERM))
        signal.setitimer(signal.ITIMER_REAL, UNLOAD_SECONDS)


class AcquireThrottle:
    """Waits longer and longer between refused acquirejobs (none at first)."""

    def __init__(self):
        self._count = 0

    def reset(self):
        self._count = 0

    def refused(self, until):
        self._count += 1
        if self._count > 1:
            wait_any(until, min(2 ** (self._count - 2), 60))


class Session:
    """The life of one session: take messages, hand out jobs, clean up."""

    def __init__(self, host, store, settings, signals):
        from .broker import Broker
        from .dispatcher import Dispatcher
        from .oauth import Credentials
        self._host = host
        self._terminal = host.terminal
        self._store = store
        self._settings = settings
        self._shutdown = signals.shutdown
        self._credentials = Credentials(host, store)
        host.add_agent("ClientId", self._credentials.client_id)
        self._broker = Broker(host, settings, self._credentials,
                              signals.shutdown)
        self._dispatcher = Dispatcher(host, self._broker.set_status,
                                      signals.shutdown)
        self._throttle = AcquireThrottle()
        self._once_taken = False

    def run(self, once):
        from .broker import CONFLICT, FAILURE
        outcome = self._broker.create_session()
        if outcome == CONFLICT:
            return EXIT_CONFLICT
        if outcome == FAILURE:
            return EXIT_TERMINATED
        self._terminal.line("Current runner version: '%s'" % build.VERSION)
        self._terminal.line("%s: Listening for Jobs" % now_u())
        return self._listen(once)

    def _listen(self, once):
        from .broker import RunnerNotFound
        delete_session = True
        forgotten = False
        try:
            self._loop(once)
        except wire.Aborted:
            pass
        except RunnerNotFound:
            self._terminal.error("The runner no longer exists on the server. "
                                 "Cleaning up local configuration.")
            delete_session = False
            forgotten = True
        except HostedShutdown:
            delete_session = False
        finally:
            self._dispatcher.shut_down()
            if delete_session:
                self._delete_session(once)
        if forgotten or self._settings.get("ephemeral") and self._once_taken \
                and self._dispatcher.job_done.is_set():
            delete_local(self._store, self._terminal)
        return EXIT_OK

    def _delete_session(self, once):
        """A server that fails here ends the Listener with 2, unless it was
        to run one job, when the runner may be gone from it already."""
        from .broker import Fatal
        from .oauth import TokenError
        try:
            self._broker.delete_session()
        except (Fatal, wire.WireError, TokenError) as error:
            if not once:
                raise Fatal(str(error), retryable=True)

    def _loop(self, once):
        while not self._shutdown.is_set():
            until = [self._shutdown]
            if self._once_taken:
                until.append(self._dispatcher.job_done)
            message = self._broker.next_message(until)
            kind = message.get("messageType", "").lower()
            if kind == "runnerjobrequest":
                if not self._once_taken:
                    self._once_taken = self._take_job(message) and once
            elif kind == "jobcancellation":
                body = json.loads(message["body"])
                self._dispatcher.cancel(body["jobId"],
                                        span_seconds(body.get("timeout")))
            elif kind == "forcetokenrefresh":
                self._broker.forget_token()
            elif kind == "hostedrunnershutdown":
                raise HostedShutdown()
            else:
                self._host.trace.error("Runner", "Received message with "
                                       "unsupported message type %s." % kind)

    def _take_job(self, message):
        """Acknowledge, acquire with a token of its own, dispatch."""
        from .dispatcher import RunService
        from .oauth import TokenError
        reference = json.loads(message["body"])
        request_id = reference["runner_request_id"]
        until = [self._shutdown]
        if reference.get("should_acknowledge"):
            self._broker.acknowledge(request_id, until)
        try:
            service = RunService(self._host, reference["run_service_url"],
                                 self._credentials.token(until))
            answer = service.post("acquirejob", {
                "jobMessageId": request_id, "runnerOS": "Linux",
                "billingOwnerId": reference.get("billing_owner_id")}, until)
        except (wire.WireError, TokenError) as error:
            self._host.trace.error("Runner", "acquirejob: %s" % error)
            return False
        if not answer.ok:
            self._host.trace.info("Runner", "Skipping message Job. %d %s" % (
                answer.status, answer.text))
            if answer.status in (404, 409, 422):
                self._throttle.refused(until)
            return False
        self._throttle.reset()
        self._dispatcher.run(answer.json())
        return True


class HostedShutdown(Exception):
    """The server ends a runner that it hosts."""


def span_seconds(text):
    """Seconds of .NET's [d.]hh:mm:ss[.fraction]."""
    days, dot, rest = (text or "").partition(".")
    if not dot or ":" in days:
        days, rest = "0", text or "0:0:0"
    hours, minutes, seconds = rest.split(":")
    return (int(days) * 24 + int(hours)) * 3600 + int(minutes) * 60 \
        + float(seconds)


def configure(host, store, options):
    from .configure import Configurator
    configurator = Configurator(host, store, options)
    try:
        if options.is_command("configure"):
            configurator.configure()
        else:
            configurator.remove()
        return EXIT_OK
    except (ConfigurationError, wire.WireError, OSError, KeyError) as error:
        host.trace.error("Runner", repr(error))
        host.terminal.error(str(error))
        return EXIT_TERMINATED


def run(host, store, options, signals):
    from .broker import Fatal, RunnerTooOld
    signals.configuring = False
    if not store.configured():
        host.terminal.error("An error occurred: Not configured. Run "
                            "config.(sh/cmd) to configure the runner.")
        return EXIT_TERMINATED
    settings = store.migrated_settings() or store.settings()
    once = options.flag("once")
    if once:
        host.terminal.line("Warning: '--once' is going to be deprecated in "
                           "the future, please consider using '--ephemeral' "
                           "during runner registration.")
    work = host.directories.work(settings)
    try:
        os.makedirs(work, exist_ok=True)
        os.listdir(work)
    except OSError:
        host.terminal.error("Fail to create and validate runner's work "
                            "directory '%s'." % work)
        return EXIT_TERMINATED
    host.add_agent("RunnerId", settings["agentId"])
    host.add_agent("GroupId", settings.get("poolId", 0))
    try:
        return Session(host, store, settings, signals).run(
            once or bool(settings.get("ephemeral")))
    except RunnerTooOld as error:
        # The server's words do not reach the real one's console either.
        host.trace.error("Runner", str(error))
        host.terminal.error(
            "An error occurred: Exception of type 'GitHub.DistributedTask."
            "WebApi.AccessDeniedException' was thrown.")
        return EXIT_DEPRECATED if as_bool(os.environ.get(
            "ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE")) \
            else EXIT_TERMINATED
    except Fatal as error:
        host.terminal.error("An error occurred: %s" % error)
        return EXIT_RETRYABLE if error.retryable else EXIT_TERMINATED
    except wire.Aborted:
        return EXIT_OK


def main(bin_directory):
    root = os.path.dirname(os.path.realpath(bin_directory))
    load_dotenv(root)
    host = Host(bin_directory, "Runner")
    signals = Signals(host.terminal)
    options = Options(sys.argv[1:], host.terminal)
    unknown = options.unknown()
    if unknown:
        host.terminal.error(
            "Unrecognized command-line input arguments for command %s: '%s'. "
            "For usage refer to: .\\config.cmd --help or ./config.sh --help"
            % ("".join(options.commands[:1]), ", ".join(unknown)))
    store = Store(root)
    if options.flag("help"):
        host.terminal.line(USAGE)
        return EXIT_OK
    if options.flag("version"):
        host.terminal.line(build.VERSION)
        return EXIT_OK
    if options.flag("commit"):
        host.terminal.line(build.COMMIT)
        return EXIT_OK
    if options.is_command("configure") or options.is_command("remove"):
        return configure(host, store, options)
    if not options.is_command("run"):
        host.terminal.line(USAGE)
        return EXIT_OK
    try:
        code = run(host, store, options, signals)
    except OSError as error:
        host.terminal.error("An error occurred: %s" % error)
        code = EXIT_RETRYABLE
    return EXIT_SIGTERM if signals.terminated else code
