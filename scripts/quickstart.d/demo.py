#!/usr/bin/python3
"""The main job, without GitHub: two runners, three jobs, a stand-in.

One job leaves behind all that it can (plant), two look for it (look), one on
each runner, and then this program looks on the machine itself.
"""

import signal

# Until there is something to be cleared away.
signal.signal(signal.SIGINT, signal.SIG_DFL)

# pylint: disable=wrong-import-position
import argparse  # noqa: E402
import os  # noqa: E402
import pathlib  # noqa: E402
import sys  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(SOURCE / "tests"))

from standins.github.client import ControlError, WaitTimeout  # noqa: E402

import jobs  # noqa: E402
from setting import Failure, Interrupted, Setting, Task, recover  # noqa: E402


def options():
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", help="the build directory",
                        type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--keep", action="store_true",
                        help="leave runners and stand-in running")
    parser.add_argument("--stop", action="store_true",
                        help="only end what an earlier --keep left")
    return parser.parse_args()


def interrupt(number, _frame):
    """End what is under way; what was started is cleared away."""
    raise Interrupted(number)


def say(text):
    """Print, also when nobody reads any more (Ctrl-C ends a pipe's end)."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def catch_signals(handler):
    """Have one handler for everything that asks to end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def run(setting, keep):
    """Run the three jobs; return the verdict."""
    setting.start_github()
    setting.start_runners()
    marks = jobs.Marks()
    planter = jobs.plant(setting, marks)
    lookers = jobs.look(setting, marks)
    here = jobs.look_here(setting, marks)
    verdict = jobs.Verdict(setting, planter, lookers, here)
    if keep:
        setting.keep()
    else:
        setting.stop_runners()
    return verdict


def clear_away(setting):
    """Clear away what was started; return what could not be."""
    say("")
    with Task(f"Clearing away {setting.directory}"):
        return setting.clean()


def demonstrate(setting, keep):
    """Run the jobs and clear away; return (verdict, exit status)."""
    verdict = None
    try:
        verdict = run(setting, keep)
        status = 0 if verdict.good else 1
    except Interrupted as signalled:
        say("\n\ninterrupted")
        status = 128 + signalled.number
    except (Failure, ControlError, WaitTimeout, OSError) as failure:
        say(f"\nfailed: {failure}")
        setting.show_logs()
        status = 1
    finally:
        catch_signals(signal.SIG_IGN)
        left = [] if keep and verdict else clear_away(setting)
    for what in left:
        say(f"left behind: {what}")
        status = status or 1
    return verdict, status


def main():
    """Run the program."""
    arguments = options()
    catch_signals(interrupt)
    try:
        recover(SOURCE, arguments.build, arguments.stop)
    except Interrupted as signalled:
        return 128 + signalled.number
    if arguments.stop:
        return 0
    verdict, status = demonstrate(Setting(SOURCE, arguments.build),
                                  arguments.keep)
    if verdict:
        say(f"\n{verdict}")
    return status


if __name__ == "__main__":
    sys.exit(main())
