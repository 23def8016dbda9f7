"""github-client: enqueue jobs on the stand-in GitHub, watch and control it.

Exit statuses: 0 fine (of `wait`: every job has succeeded, or has come as far
as --for says), 1 a job did not succeed, 2 wrong usage, 3 the stand-in refused
or is not there, 4 `wait` ran out of time.
"""

import argparse
import json
import os
import sys

from .client import DEFAULT_URL, ControlError, GitHub, WaitTimeout
from .faults import PRESETS

FAILED, REFUSED, TIMEOUT = 1, 3, 4


def pairs(items, what):
    """Return KEY=VALUE arguments as a dictionary."""
    found = {}
    for item in items or []:
        key, equals, value = item.partition("=")
        if not equals:
            raise ControlError(f"{what} takes KEY=VALUE, not {item}")
        found[key] = value
    return found


def show(value):
    """Print JSON."""
    print(json.dumps(value, indent=2))


def table(rows):
    """Print rows in columns."""
    rows = [[str("-" if cell is None else cell) for cell in row]
            for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width
                        in zip(row, widths)).rstrip())


def enqueue(github, options):
    """Enqueue jobs and print their ids."""
    spec = {"labels": options.labels.split(","), "name": options.name,
            "count": options.count, "env": pairs(options.env, "--env"),
            "timeout_minutes": options.timeout_minutes,
            "container": options.container, "group": options.group}
    steps = list(options.run)
    if options.job:
        with open(options.job, encoding="utf-8") as stream:
            told = json.load(stream)
        steps = told.pop("steps", []) + steps
        spec.update(told)
    spec = {key: value for key, value in spec.items() if value is not None}
    for number in github.enqueue(options.repo, steps, **spec):
        print(number)


def wait(github, options):
    """Wait for jobs; print `ID conclusion runner` for each."""
    status = 0
    for number in options.ids:
        job = github.wait_job(number, options.wanted, options.timeout)
        print(job["id"], job["conclusion"] or job["status"],
              job["runner_name"] or "-", flush=True)
        if job["status"] == "completed" and job["conclusion"] != "succeeded":
            status = FAILED
    return status


def log(github, options):
    """Print a job's log."""
    if options.live:
        print(*github.feed(options.id), sep="\n")
    else:
        sys.stdout.write(github.log(options.id))


def jobs(github, options):
    """List the jobs."""
    found = github.jobs()
    if options.json:
        show(found)
        return
    table([["ID", "REPO", "NAME", "STATUS", "CONCLUSION", "RUNNER"]] + [
        [job["id"], job["repo"], job["name"], job["status"],
         job["conclusion"], job["runner_name"]] for job in found])


def runners(github, options):
    """List the runners."""
    found = github.runners()
    if options.json:
        show(found)
        return
    table([["ID", "NAME", "SCOPE", "STATUS", "BUSY", "JOB", "LABELS"]] + [
        [item["id"], item["name"], item["scope"], item["status"],
         str(item["busy"]).lower(), item["job"],
         ",".join(label["name"] for label in item["labels"])]
        for item in found])


def sessions(github, _options):
    """List the sessions, as JSON."""
    show(github.sessions())


def cancel(github, options):
    """Cancel a job."""
    github.cancel(options.id)


def fault(github, options):
    """Add, list or clear fault rules."""
    if options.clear:
        github.clear_faults()
        return
    if not options.path:
        show(github.faults())
        return
    rule = {"method": options.method, "preset": options.preset,
            "status": options.status, "delay": options.delay,
            "cut": options.cut, "skip": options.skip,
            "headers": pairs(options.header, "--header") or None,
            "times": options.times, "body": options.body}
    rule = {key: value for key, value in rule.items() if value is not None}
    if options.always:
        rule["times"] = None
    print(github.fault(options.path, close=options.close,
                       after=options.after, **rule))


def repo(github, options):
    """Add or alter a repository."""
    attributes = {"visibility": options.visibility}
    if options.archived is not None:
        attributes["archived"] = options.archived
    found = github.repo(options.name, **{
        key: value for key, value in attributes.items() if value is not None})
    print(found["full_name"], found["visibility"],
          "archived" if found["archived"] else "active")


def account(github, options):
    """Add or alter an account."""
    github.account(options.login, kind=options.kind,
                   enterprise=options.enterprise)


def token(github, options):
    """Add or alter a token, named by an environment variable."""
    value = os.environ.get(options.variable)
    if not value:
        raise ControlError(f"{options.variable} is not set")
    attributes = {"kind": options.kind, "reads": options.reads,
                  "administers": options.administers,
                  "remaining": options.remaining}
    github.token(value, **{key: item for key, item in attributes.items()
                           if item is not None})


def tarball(github, options):
    """Offer a tarball of the runner."""
    asset = github.tarball(options.file, version=options.version,
                           os=options.os, architecture=options.architecture,
                           listed=not options.unlisted)
    print(asset["filename"], asset["sha256"])


def requests(github, options):
    """Print the log of requests."""
    found = github.requests(options.method, options.path)
    if options.json:
        show(found)
    else:
        for entry in found:
            print(entry["method"], entry["path"], entry["status"] or "-")
    if options.clear:
        github.clear_requests()


def settings(github, options):
    """Show or alter settings."""
    values = {key.replace("-", "_"): text if ":" in text else float(text)
              for key, text in pairs(options.values, "settings").items()}
    show(github.settings(**values))


def shutdown(github, _options):
    """End the stand-in."""
    github.shutdown()


def option(*names, **keywords):
    """Return the description of one argument."""
    return names, keywords


JSON = option("--json", action="store_true", help="print JSON")

COMMANDS = {
    enqueue: [
        option("--repo", required=True, metavar="OWNER/NAME"),
        option("--labels", default="self-hosted", metavar="A,B"),
        option("--group", help="a runner group's name"),
        option("--name"),
        option("--env", action="append", metavar="K=V"),
        option("--timeout-minutes", type=float, metavar="N"),
        option("--container", metavar="IMAGE"),
        option("--job", metavar="FILE", help="more of the job, in JSON"),
        option("--run", action="append", default=[], metavar="SCRIPT",
               help="a step; may be repeated"),
        option("--count", type=int, default=1)],
    wait: [
        option("ids", nargs="+", metavar="ID"),
        option("--timeout", type=float, default=300, metavar="S"),
        option("--for", dest="wanted", default="completed",
               choices=("queued", "running", "completed"))],
    log: [option("id", metavar="ID"),
          option("--live", action="store_true",
                 help="what came over the live feed")],
    jobs: [JSON],
    runners: [JSON],
    sessions: [],
    cancel: [option("id", metavar="ID")],
    fault: [
        option("path", nargs="?", help="pattern over path and query; "
                                       "without it the rules are listed"),
        option("--method"),
        option("--preset", choices=sorted(PRESETS)),
        option("--status", type=int), option("--body"),
        option("--header", action="append", metavar="NAME=VALUE"),
        option("--delay", type=float, metavar="S"),
        option("--close", action="store_true",
               help="close the connection instead of answering"),
        option("--cut", type=int, metavar="BYTES",
               help="close after so many bytes of the body"),
        option("--after", action="store_true",
               help="spoil the answer only: the request is carried out"),
        option("--times", type=int, help="how often (default 1)"),
        option("--always", action="store_true"),
        option("--skip", type=int, help="let so many pass first"),
        option("--clear", action="store_true", help="remove all rules")],
    repo: [
        option("name", metavar="OWNER/NAME"),
        option("--visibility", choices=("public", "private", "internal")),
        option("--archived", action="store_true", default=None),
        option("--unarchived", dest="archived", action="store_false")],
    account: [
        option("login"),
        option("--kind", default="Organization",
               choices=("Organization", "User", "Enterprise")),
        option("--enterprise", help="the enterprise that it belongs to")],
    token: [
        option("variable", help="the environment variable that holds it"),
        option("--kind", choices=("classic", "fine-grained", "app")),
        option("--reads", action="append", metavar="PATTERN"),
        option("--administers", action="append", metavar="PATTERN"),
        option("--remaining", type=int, help="calls left in this hour")],
    tarball: [
        option("file", metavar="FILE"), option("--version"),
        option("--os"), option("--architecture"),
        option("--unlisted", action="store_true",
               help="released, not yet in downloads")],
    requests: [
        option("--method"), option("--path", help="a part of the path"),
        option("--clear", action="store_true"), JSON],
    settings: [option("values", nargs="*", metavar="KEY=VALUE")],
    shutdown: [],
}


def parser():
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="github-client", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--url", default=DEFAULT_URL,
                      help="default %(default)s")
    made.add_argument("--cafile", help="the authority of an https URL")
    below = made.add_subparsers(dest="command", required=True,
                                metavar="COMMAND")
    for function, arguments in COMMANDS.items():
        command = below.add_parser(function.__name__,
                                   help=function.__doc__.rstrip("."))
        command.set_defaults(function=function)
        for names, keywords in arguments:
            command.add_argument(*names, **keywords)
    return made


def main(arguments=None):
    """Run the program."""
    options = parser().parse_args(arguments)
    github = GitHub(options.url, options.cafile)
    try:
        return options.function(github, options) or 0
    except WaitTimeout as error:
        print(f"github-client: {error}", file=sys.stderr)
        return TIMEOUT
    except (ControlError, OSError, ValueError) as error:
        print(f"github-client: {error}", file=sys.stderr)
        return REFUSED
