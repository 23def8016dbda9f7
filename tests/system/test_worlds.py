"""Nothing of a job is seen in the next one, beside it, or on the machine."""

import os
import pathlib
import re
import subprocess

import pytest

import leftovers
from desk import PATH
from probes import Planter
from waiting import wait_until

# A sibling shares the network with the job that plants, for as long as it
# runs: a private network is a matter of "network:".
NETWORK = {"listener", "abstract"}


def seen(text):
    """Return the names that a look has seen, and how many it looked for."""
    return (set(re.findall(r"\bseen=(\S+)", text)),
            int(re.search(r"\blooked=(\d+)", text).group(1)))


def look_on_host(planter):
    """Look on the machine itself."""
    return seen(subprocess.run(
        ["bash", "-c", planter.look(on_host=True)], text=True, check=True,
        env={"PATH": PATH, "HOME": "/root"}, stdout=subprocess.PIPE).stdout)


@pytest.mark.parametrize("mode", ["standard", "privileged"])
def test_no_leak_of_any_kind_is_seen(make_desk, host_file, request, mode):
    """Planted and seen in one job; then seen nowhere."""
    desk = make_desk(pools=[{"name": name, "mode": mode}
                            for name in ("one", "two")])
    github = desk.github
    planter = Planter(desk.mark, github.parts.hostname, mode == "privileged")
    host_file(planter.host_file)
    request.addfinalizer(planter.clean)
    desk.start()
    hold = desk.hold()
    first = desk.enqueue([planter.plant(), planter.look(), hold.step],
                         pool="one")
    hold.wait()
    sibling = desk.run_job([planter.look()], pool="two")
    hold.release()
    done = github.wait_job(first)
    log = desk.output(done)
    assert done["conclusion"] == "succeeded", log
    assert not re.findall(r"\bnot-planted=\S+", log)
    assert seen(log)[0] == planter.names()
    following = desk.run_job([planter.look()], pool="one")
    assert following["runner_name"] == desk.slot("one").name
    assert seen(desk.output(following)) == (set(), len(planter.names()))
    assert seen(desk.output(sibling))[0] <= NETWORK
    assert look_on_host(planter)[0] == set()
    for name in ("one", "two"):
        desk.slot(name).wait_clean()
    receipt = desk.slot("one").wait_receipts(2)[0]
    assert receipt["processes"] >= 5
    assert receipt["files"] >= 20
    assert receipt["verdict"] == "clean"
    if mode == "privileged":
        assert receipt["mounts"] >= 3


def test_the_machine_is_not_the_jobs_to_read(desk, host_file):
    """Secrets are masked, hashes replaced, homes empty and one's own."""
    mark = f"{desk.mark}-secret"
    places = [f"/etc/ssh/ssh_host_{mark}_key", f"/root/{mark}",
              f"/home/{mark}/{mark}", f"/etc/ssl/private/{mark}.key",
              f"/etc/wireguard/{mark}.conf", f"/var/spool/cron/{mark}",
              f"/tmp/{mark}", f"/var/tmp/{mark}", f"/run/{mark}"]
    for place in places:
        host_file(place, f"{mark}\n")
    public = host_file(f"/etc/{mark}-public", "all may see this\n", 0o644)
    desk.start()
    script = "\n".join(
        [f"if test -e {place}; then echo visible={place}; fi"
         for place in [*places, public]]
        + ["echo shadow=$(cut -d: -f2 /etc/shadow | sort -u | tr '\\n' ,)",
           "echo gshadow=$(cut -d: -f2 /etc/gshadow | sort -u | tr '\\n' ,)",
           "echo accounts=$(wc -l </etc/shadow)",
           "touch ~/works && echo home=writable"])
    log = desk.output(desk.run_job([script]))
    assert re.findall(r"\bvisible=(\S+)", log) == [str(public)]
    assert re.search(r"\bshadow=(\S*)", log).group(1) == "*,"
    assert re.search(r"\bgshadow=(\S*)", log).group(1) in ("*,", "")
    accounts = pathlib.Path("/etc/shadow").read_text().splitlines()
    assert f"accounts={len(accounts)}" in log
    assert "home=writable" in log


def test_our_own_files_are_masked_wherever_they_are(plain_directory,
                                                    make_desk):
    """Data directory, configuration and token, in a place jobs do see."""
    desk = make_desk(base=plain_directory)
    other = desk.directory / "beside"
    other.write_text("anybody's")
    desk.start()
    log = desk.output(desk.run_job([
        f"if test -s {place}; then echo visible={place}; fi; "
        f"ls -A {place} 2>/dev/null | sed 's/^/inside=/'"
        for place in (desk.config_file, desk.token_file)]
        + [f"ls -A {desk.data} 2>/dev/null | sed 's/^/inside=/'",
           f"test -s {other} && echo other=visible"]))
    assert not re.findall(r"\bvisible=\S+|\binside=\S+", log)
    assert "other=visible" in log
    # nor by the paths that the world's own mounts were made of
    log = desk.output(desk.run_job([
        "find / -xdev -name registration.json -o -xdev -name spec.json "
        "-o -xdev -name receipts.jsonl | sed 's/^/found=/'"]))
    assert "found=" not in log


def test_what_is_exposed_is_seen(make_desk, host_file):
    """host.expose takes a mask away, and that alone."""
    mark = f"{{}}-{os.getpid()}"
    shown = host_file(f"/etc/ssl/private/{mark.format('shown')}.pem", "A\n")
    hidden = host_file(f"/etc/ssl/private/{mark.format('hidden')}.pem")
    desk = make_desk(host={"expose": [str(shown)]})
    desk.start()
    desk.run_job([f"test $(cat {shown}) = A", f"test ! -e {hidden}"])


def test_the_credentials_do_not_exist_in_a_world(desk):
    """.runner does; .credentials and the key do not, nor another _diag."""
    desk.start()
    upper = desk.slot().path / "state/upper"
    assert (upper / ".credentials").exists()
    assert (upper / ".credentials_rsaparams").exists()
    job = desk.run_job([
        "cd $RUNNER_TEMP/../..; test -e .runner; "
        "test ! -e .credentials; test ! -e .credentials_rsaparams; "
        "echo diag=$(ls _diag | grep -c Runner_)",
        "find / -xdev -name '.credentials*' 2>/dev/null | "
        "sed 's/^/found=/'"])
    log = desk.output(job)
    assert "diag=0" in log
    # other tests have desks of their own, in places that jobs see
    assert not re.findall(
        rf"\bfound=\S*(?:{desk.mark}|actions-runner)\S*", log)


def test_worlds_have_namespaces_of_their_own(make_desk):
    """Two at once share none with each other or the machine."""
    desk = make_desk(pools=[{"name": "one"}, {"name": "two"}])
    desk.start()
    kinds = ("mnt", "pid", "ipc", "uts", "cgroup")
    script = (f"for n in {' '.join(kinds)}; do "
              "echo ns=$(readlink /proc/self/ns/$n); done")
    hold = desk.hold()
    first = desk.enqueue([script, hold.step], pool="one")
    hold.wait()
    second = desk.run_job([script], pool="two")
    hold.release()
    first = desk.github.wait_job(first)
    ours = [os.readlink(f"/proc/self/ns/{kind}") for kind in kinds]
    every = [ours, *(re.findall(r"\bns=(\S+)", desk.output(job))
                     for job in (first, second))]
    assert [len(item) for item in every] == [len(kinds)] * 3
    assert len(set().union(*every)) == 3 * len(kinds)


def test_a_world_is_dead_before_the_next_job_begins(desk):
    """Its processes are gone when the runner is asked for the next one."""
    desk.start()
    mark = f"{desk.mark}-many"
    # the runner's own sweep kills those that have its variable still
    desk.run_job([
        "for i in $(seq 50); do env -i setsid bash -c "
        f"'exec -a {mark} sleep 9999' >/dev/null 2>&1 & done; "
        "for i in $(seq 200); do "
        f"n=$(grep -laz '^{mark}' /proc/[0-9]*/cmdline | wc -l) || true; "
        "test $n -ge 50 && break; sleep 0.05; done; test $n -ge 50"])
    desk.run_job(["true"])
    alive = [pid for pid in leftovers.pids()
             if leftovers.read(f"/proc/{pid}/cmdline").startswith(
                 mark.encode())]
    assert not alive
    assert desk.slot().wait_receipts(1)[0]["processes"] >= 50


def test_a_cancelled_job_is_wiped_as_well(desk):
    """By GitHub's message: the world goes with its daemons."""
    desk.start()
    job, _hold = desk.busy()
    desk.github.cancel(job)
    assert desk.github.wait_job(job)["conclusion"] == "canceled"
    receipt, = desk.slot().wait_receipts(1)
    assert receipt["result"] in ("canceled", "cancelled")
    desk.slot().wait_clean()
    wait_until(lambda: not leftovers.cgroups(f"{desk.mark}-std-0/"),
               what="the end of its cgroups")
    desk.run_job(["true"])
