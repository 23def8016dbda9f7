"""What all tests in Python have in common: a skip has to be allowed.

With DESKRUN_TESTS_MUST_RUN=1 a skipped test has failed, unless `allowed-skips`
lists it: what CI cannot run must not look as if it had passed.
"""

import os
import pathlib
import re
import signal

import pytest

# A shell without job control starts background commands with SIGINT ignored,
# which every child inherits; the tests send it to the programs under test.
signal.signal(signal.SIGINT, signal.default_int_handler)

MUST_RUN = os.environ.get("DESKRUN_TESTS_MUST_RUN") == "1"
ALLOWED = pathlib.Path(__file__).with_name("allowed-skips")


def allowed_patterns():
    """Return the patterns of the file as regular expressions."""
    found = []
    for line in ALLOWED.read_text().splitlines():
        pattern, _, reason = line.partition("\t")
        if not pattern or pattern.startswith("#"):
            continue
        if not reason.strip():
            raise pytest.UsageError(f"{ALLOWED.name}: {pattern}: no reason")
        parts = map(re.escape, pattern.split("*"))
        found.append(re.compile(".*".join(parts)))
    return found


def refuse_skip(report):
    """Turn a skip that is not allowed into a failure."""
    if not MUST_RUN or not report.skipped or hasattr(report, "wasxfail"):
        return
    if any(item.fullmatch(report.nodeid) for item in allowed_patterns()):
        return
    reason = report.longrepr
    if isinstance(reason, tuple):
        reason = reason[2]
    report.outcome = "failed"
    report.longrepr = (f"{report.nodeid} was skipped, and is not in "
                       f"{ALLOWED.name}: {reason}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """Look at the outcome of one test."""
    del item
    outcome = yield
    refuse_skip(outcome.get_result())


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    """Look at modules: they can be skipped as a whole."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and not report.nodeid.endswith("*"):
        allowed = any(item.fullmatch(f"{collector.nodeid}::")
                      for item in allowed_patterns())
        if not allowed:
            refuse_skip(report)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep tests together that dispute a name: see --dist loadgroup.

    The stand-ins' own tests take the first free address of a range, those of
    the supervisor alone have runners of one name; all others have their own.
    """
    groups = {"test_runner": "runner", "test_supervisor": "supervisor"}
    for item in items:
        group = groups.get(item.path.stem)
        if item.path.parent.name == "standins":
            group = group or "standins"
        if group:
            item.add_marker(pytest.mark.xdist_group(group))
