"""https under a certificate authority of one's own: ca_file."""

import pytest

from desk import CONFIG, NETWORK, Server

FETCH = ("/usr/bin/python3 -c 'import urllib.request as r, os; "
         "print(r.urlopen(os.environ[\"GITHUB_SERVER_URL\"] + "
         "\"/api/v3/repos/actions/runner/releases/latest\").status)'")


@pytest.fixture(name="secure")
def fixture_secure(address, tarball, tmp_path):
    """A GitHub on https; also http, for its control interface."""
    with Server(address, session_seconds=4,
                tls_dir=tmp_path / "tls") as server:
        server.tarball(tarball)
        yield server


@pytest.fixture(name="github")
def fixture_github(secure):
    """The one GitHub of these tests."""
    return secure


def use_https(desk, tmp_path, ca_file=True):
    """Have a desk use https."""
    desk.config["github"]["url"] = desk.github.https_url
    if ca_file:
        desk.config["github"]["ca_file"] = str(tmp_path / "tls/ca.pem")
    desk.write_config()


def test_the_ca_reaches_manager_listener_worker_and_job(desk, tmp_path):
    """Every request is made by https, the job's own included."""
    use_https(desk, tmp_path)
    desk.start()
    job = desk.run_job([f"echo status=$({FETCH})"])
    assert "status=200" in desk.output(job)
    assert job["feed_lines"]
    desk.stop()
    requests = desk.github.requests()
    assert {entry["scheme"] for entry in requests} == {"https"}
    agents = " ".join(entry["agent"] or "" for entry in requests)
    assert "deskrun-runner/" in agents
    assert "Python-urllib" in agents
    assert desk.github.runners() == []


def test_an_unknown_authority_is_refused(desk, tmp_path):
    """Without ca_file: the certificate is the reason, and ca_file the cure."""
    use_https(desk, tmp_path, ca_file=False)
    said = desk.refused("start", status=NETWORK, said="certificate")
    assert "ca_file" in said
    assert not desk.github.requests()


def test_a_ca_file_that_is_none(desk, tmp_path):
    """Absent, or without a certificate in it."""
    use_https(desk, tmp_path)
    desk.config["github"]["ca_file"] = str(tmp_path / "absent.pem")
    desk.write_config()
    done = desk.run("start")
    assert done.returncode in (CONFIG, NETWORK), done.stderr
    assert "absent.pem" in done.stderr
