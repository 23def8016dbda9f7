"""The stand-in's REST answers, and fails, as GitHub does."""

import hashlib
import http.client
import json
import pathlib
import subprocess
import time
import urllib.parse

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from standins.github.client import GitHub, Server, free_address
from standins.github_listener import KEY, Listener, jwt

RUNNERS = "/repos/octo/demo/actions/runners"
CLIENT = pathlib.Path(__file__).with_name("github-client")


@pytest.fixture(name="server", scope="module")
def fixture_server():
    """One server for the module."""
    with Server(free_address()) as server:
        yield server


@pytest.fixture(name="github")
def fixture_github(server):
    """That server, without what tests before have left."""
    server.clear_faults()
    server.clear_requests()
    for runner in server.runners():
        server.forget(runner["id"])
    return server


def names(body):
    """Return the names of a list of runners."""
    return [runner["name"] for runner in body["runners"]]


# Credentials

def test_credentials_are_judged_as_by_github(github):
    """401 bad, 404 unseen, 403 seen and not allowed."""
    github.token("ghp_reader", administers=[])
    github.token("ghp_blind", administers=[], reads=[])
    github.token("ghp_old", expires_at=1)
    github.token("github_pat_fine", kind="fine-grained",
                 permissions={"administration": "read"})
    for token, status, message in (
            ("ghp_none", 401, "Bad credentials"),
            ("ghp_old", 401, "Bad credentials"),
            ("", 401, "Requires authentication"),
            ("ghp_blind", 404, "Not Found"),
            ("ghp_reader", 403, "Must have admin rights to Repository."),
            ("github_pat_fine", 403,
             "Resource not accessible by personal access token")):
        got, headers, body = github.rest("GET", RUNNERS, token=token)
        assert (got, body["message"]) == (status, message)
        assert body["status"] == str(status) and body["documentation_url"]
    assert headers["X-Accepted-GitHub-Permissions"] == "administration=write"


def test_paths_of_ghes_and_of_github_com(github):
    """/api/v3, or a host called api.*; nothing without either."""
    authorization = {"Authorization": "Bearer ghp_standin"}
    for path, host, status in (("/api/v3" + RUNNERS, None, 200),
                               (RUNNERS, "api.github.localhost", 200),
                               (RUNNERS, None, 404)):
        headers = {**authorization, **({"Host": host} if host else {})}
        assert github.call("GET", path, headers=headers)[0] == status


def test_registration_tokens(github):
    """201, an hour, offset and milliseconds; not for an archive."""
    for kind in ("registration", "remove"):
        status, _, body = github.rest("POST", f"{RUNNERS}/{kind}-token")
        assert status == 201 and body["token"]
        assert body["expires_at"][19] == "."
        assert body["expires_at"].endswith("-08:00")
    github.repo("octo/archive", archived=True)
    status, _, body = github.rest(
        "POST", "/repos/octo/archive/actions/runners/registration-token")
    assert (status, body["message"]) == (
        403, "Repository was archived so is read-only.")


def test_an_app_gets_tokens_for_its_installations(github):
    """Its JWT is verified, and lives ten minutes at most."""
    pem = KEY.public_key().public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    github.app(id=7, public_key=pem,
               installations=[{"id": 70, "account": "octo"}])

    def app_jwt(life):
        now = int(time.time())
        return jwt({"iss": "7", "iat": now - 60, "exp": now + life}, "RS256",
                   lambda data: KEY.sign(data, padding.PKCS1v15(),
                                         hashes.SHA256()))

    status, _, body = github.rest("GET", "/app", token=app_jwt(3600))
    assert status == 401 and "too far in the future" in body["message"]
    good = app_jwt(540)
    assert github.rest("GET", "/app", token=good)[2]["id"] == 7
    number = github.rest("GET", "/repos/octo/demo/installation",
                         token=good)[2]["id"]
    status, _, body = github.rest(
        "POST", f"/app/installations/{number}/access_tokens", token=good)
    assert status == 201 and len(body["token"]) > 100
    for scope in ("repos/octo/demo", "orgs/octo"):
        assert github.registration_token(scope, token=body["token"])


# Runners

def test_runners_are_listed_in_pages(github):
    """30 unless told, 100 at most, with a Link to the next."""
    for number in range(35):
        Listener(github, name=f"r{number}")
    status, headers, body = github.rest("GET", RUNNERS)
    assert (status, body["total_count"], len(names(body))) == (200, 35, 30)
    following = [link.split(";")[0].strip(" <>")
                 for link in headers["Link"].split(",")
                 if 'rel="next"' in link][0]
    parts = urllib.parse.urlsplit(following)
    _, headers, body = github.rest(
        "GET", f"{parts.path.removeprefix('/api/v3')}?{parts.query}")
    assert names(body) == [f"r{number}" for number in range(30, 35)]
    assert 'rel="next"' not in headers["Link"]
    _, headers, body = github.rest("GET", RUNNERS + "?per_page=100")
    assert len(names(body)) == 35 and headers["Link"] is None
    assert names(github.rest("GET", RUNNERS + "?name=r7")[2]) == ["r7"]


def test_one_runner_is_shown_and_deleted(github):
    """Offline until its session; 404 afterwards."""
    listener = Listener(github, labels=["deskrun"])
    path = f"{RUNNERS}/{listener.id}"
    shown = github.rest("GET", path)[2]
    assert (shown["status"], shown["busy"], shown["os"]) == (
        "offline", False, "Linux")
    assert [(label["name"], label["type"]) for label in shown["labels"]] == [
        ("self-hosted", "read-only"), ("Linux", "read-only"),
        ("X64", "read-only"), ("deskrun", "custom")]
    listener.open()
    assert github.rest("GET", path)[2]["status"] == "online"
    assert github.rest("DELETE", path)[0] == 204
    assert github.rest("DELETE", path)[0] == 404
    assert github.rest("GET", path)[0] == 404


def test_config_remove_needs_a_removal_token(github):
    """A registration token does not do."""
    listener = Listener(github)
    path = f"{github.url}/api/v3{RUNNERS}/{listener.id}"
    removal = github.registration_token(event="remove")
    assert listener.call("DELETE", path, None, listener.token,
                         "RemoteAuth")[0] == 404
    assert listener.call("DELETE", path, None, removal,
                         "RemoteAuth")[0] == 204


def test_labels_are_edited(github):
    """Those that are read-only stay."""
    listener = Listener(github, labels=["a"])
    path = f"{RUNNERS}/{listener.id}/labels"

    def custom(answer):
        assert answer[0] == 200
        return [label["name"] for label in answer[2]["labels"]
                if label["type"] == "custom"]

    assert custom(github.rest("POST", path, {"labels": ["b"]})) == ["a", "b"]
    assert custom(github.rest("PUT", path, {"labels": ["c"]})) == ["c"]
    assert github.rest("DELETE", path + "/linux")[0] == 422
    assert github.rest("DELETE", path + "/none")[0] == 404
    assert custom(github.rest("DELETE", path)) == []
    assert github.rest("GET", path)[2]["total_count"] == 3
    assert github.rest("PUT", path, {"labels": "c"})[0] == 422


def test_repositories_tell_who_sees_them(github):
    """Public ones everybody; permissions are the caller's."""
    github.repo("octo/open", visibility="public")
    github.token("ghp_guest", administers=[], reads=[])
    status, _, body = github.rest("GET", "/repos/octo/open", token="")
    assert status == 200 and body["private"] is False
    assert github.rest("GET", "/repos/octo/demo", token="ghp_guest")[0] == 404
    body = github.rest("GET", "/repos/octo/demo")[2]
    assert body["private"] and body["permissions"]["admin"]
    assert github.rest("GET", "/repos/octo/none")[0] == 404
    assert github.rest("GET", "/orgs/octo/actions/runner-groups")[2][
        "runner_groups"][0]["name"] == "Default"


# Limits

def test_limits_are_counted_and_enforced(github):
    """Conditional requests and /rate_limit are free."""
    github.token("ghp_poor", remaining=2)
    _, headers, _ = github.rest("GET", RUNNERS, token="ghp_poor")
    assert headers["x-ratelimit-remaining"] == "1"
    status, _, body = github.call("GET", "/api/v3" + RUNNERS, headers={
        "Authorization": "Bearer ghp_poor",
        "If-None-Match": headers["ETag"]})
    assert (status, body) == (304, b"")
    body = github.rest("GET", "/rate_limit", token="ghp_poor")[2]
    assert body["resources"]["core"]["remaining"] == 1
    assert github.rest("GET", RUNNERS, token="ghp_poor")[0] == 200
    status, headers, body = github.rest("GET", RUNNERS, token="ghp_poor")
    assert status == 403 and "rate limit exceeded" in body["message"]
    assert headers["x-ratelimit-remaining"] == "0"
    assert int(headers["x-ratelimit-reset"]) > time.time()


# Releases

@pytest.fixture(name="asset")
def fixture_asset(github, tmp_path):
    """A small file that is called a tarball of the runner."""
    path = tmp_path / "actions-runner-linux-x64-2.336.0.tar.gz"
    path.write_bytes(b"0123456789" * 1000)
    github.tarball(path)
    return path


def follow(github, url, headers=None):
    """GET a URL and what it redirects to: (status, headers, body)."""
    path = url.removeprefix(github.url)
    status, answer, _ = github.call("GET", path)
    assert status == 302
    return github.call("GET", answer["Location"].removeprefix(github.url),
                       headers=headers)


def test_downloads_are_listed_and_served(github, asset, tmp_path):
    """With the checksum; an unlisted release is not in the list."""
    newer = tmp_path / "actions-runner-linux-x64-2.337.0.tar.gz"
    newer.write_bytes(b"newer")
    github.tarball(newer, listed=False)
    entry, = github.rest("GET", RUNNERS + "/downloads")[2]
    digest = hashlib.sha256(asset.read_bytes()).hexdigest()
    assert (entry["filename"], entry["sha256_checksum"]) == (
        asset.name, digest)
    status, headers, body = follow(github, entry["download_url"])
    assert (status, body) == (200, asset.read_bytes())
    release = github.rest(
        "GET", "/repos/actions/runner/releases/tags/v2.337.0", token="")[2]
    digest = hashlib.sha256(b"newer").hexdigest()
    assert release["assets"][0]["digest"] == f"sha256:{digest}"
    assert f"BEGIN SHA linux-x64 -->{digest}<!-- END" in release["body"]
    assert github.rest(
        "GET", "/repos/actions/runner/releases/tags/v1.0.0")[0] == 404


def test_a_broken_download_is_resumed(github, asset):
    """Range, If-Range, and what does not fit."""
    entry, = github.rest("GET", RUNNERS + "/downloads")[2]
    url = entry["download_url"]
    github.fault("^/_releases/", cut=5000)
    with pytest.raises(http.client.IncompleteRead) as error:
        follow(github, url)
    assert len(error.value.partial) == 5000
    status, headers, body = follow(github, url, {"Range": "bytes=5000-"})
    assert (status, headers["Content-Range"]) == (206,
                                                  "bytes 5000-9999/10000")
    assert error.value.partial + body == asset.read_bytes()
    status, _, body = follow(github, url, {
        "Range": "bytes=5000-", "If-Range": '"other"'})
    assert (status, len(body)) == (200, 10000)
    assert follow(github, url, {"Range": "bytes=10000-"})[0] == 416


# Runs

def test_runs_jobs_and_dispatches(github):
    """From the dispatch to the conclusion."""
    github.repo("octo/flow", workflows={"ci.yml": [
        {"name": "a", "steps": ["true"], "labels": ["deskrun"]}]})
    base = "/repos/octo/flow/actions"
    assert github.rest("POST", base + "/workflows/ci.yml/dispatches",
                       {"ref": "main"})[0] == 204
    assert github.rest("POST", base + "/workflows/no.yml/dispatches",
                       {"ref": "main"})[0] == 404
    run, = github.rest("GET", base + "/runs?status=queued")[2][
        "workflow_runs"]
    job, = github.rest("GET", f"{base}/runs/{run['id']}/jobs")[2]["jobs"]
    assert (job["status"], job["labels"]) == ("queued", ["deskrun"])
    assert job["created_at"].endswith("Z") and job["runner_id"] is None
    assert github.rest("POST", f"{base}/runs/{run['id']}/cancel")[0] == 202
    job = github.rest("GET", f"{base}/jobs/{job['id']}")[2]
    assert (job["status"], job["conclusion"]) == ("completed", "cancelled")


# Faults

def test_faults_answer_in_place_of_github(github):
    """So many times, after so many; the request does not happen."""
    token_path = RUNNERS + "/registration-token"
    github.fault("registration-token", preset="secondary-limit", skip=1,
                 times=2)
    answers = [github.rest("POST", token_path) for _ in range(4)]
    assert [answer[0] for answer in answers] == [201, 429, 429, 201]
    assert answers[1][1]["retry-after"] == "1"
    assert github.faults()[0]["hits"] == 2
    github.fault("registration-token", status=500, body="oops",
                 method="POST")
    assert github.call("POST", "/api/v3" + token_path)[::2] == (500, b"oops")


def test_faults_spoil_answers_whose_requests_happened(github):
    """The outcome that a client cannot know."""
    runner = Listener(github)
    github.fault(RUNNERS, method="DELETE", close=True, after=True)
    with pytest.raises((http.client.HTTPException, OSError)):
        github.rest("DELETE", f"{RUNNERS}/{runner.id}")
    assert github.runners() == []
    github.fault(RUNNERS, delay=0.2)
    begun = time.monotonic()
    assert github.rest("GET", RUNNERS)[0] == 200
    assert time.monotonic() - begun >= 0.2


def test_requests_are_counted(github):
    """By method and path, without secrets of the query."""
    github.rest("GET", RUNNERS + "?name=x&token=hush")
    entry, = github.requests("GET", RUNNERS)
    assert entry["status"] == 200 and "hush" not in entry["path"]


# TLS and the command line

def test_https_hands_out_https(tmp_path):
    """With the authority that it made; http goes on beside it."""
    address = free_address()
    with Server(address, tls_dir=tmp_path) as server:
        secure = GitHub(server.https_url, tmp_path / "ca.pem")
        listener = Listener(secure)
        to = listener.registered["authorization"]
        assert to["server_url"] == f"https://{address}/broker/"
        assert listener.open() == 200
        plain = Listener(server, name="two").registered["authorization"]
        assert plain["server_url"] == f"http://{address}/broker/"


def client(github, *arguments, status=0):
    """Run github-client; return its output."""
    done = subprocess.run([CLIENT, "--url", github.url, *arguments],
                          capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout


def test_the_client_runs_jobs(github):
    """Enqueue, wait, cancel, list; exit statuses as documented."""
    label = "only-here"
    job, other = client(github, "enqueue", "--repo", "octo/demo", "--labels",
                        label, "--run", "true", "--count", "2").split()
    client(github, "wait", job, "--timeout", "0.1", status=4)
    assert client(github, "wait", job, "--for", "queued") == (
        f"{job} queued -\n")
    listener = Listener(github, labels=[label])
    listener.open()
    listener.complete(listener.take())
    assert client(github, "wait", job) == f"{job} succeeded one\n"
    client(github, "cancel", other)
    assert client(github, "wait", job, other, status=1).endswith(
        f"{other} canceled -\n")
    rows = json.loads(client(github, "jobs", "--json"))
    assert {row["id"] for row in rows} >= {int(job), int(other)}
    assert "one" in client(github, "runners")
    assert client(github, "log", job) == ""
    client(github, "log", "nothing", status=3)
    client(github, "enqueue", "--run", "true", status=2)


def test_the_client_arranges(github, asset):
    """Repositories, tarballs, faults, requests, settings."""
    assert client(github, "repo", "octo/new", "--visibility", "public") == (
        "octo/new public active\n")
    assert client(github, "tarball", str(asset)).startswith(asset.name)
    client(github, "fault", RUNNERS, "--status", "503", "--times", "1")
    assert github.call("GET", "/api/v3" + RUNNERS)[0] == 503
    assert client(github, "fault").count('"hits"') == 1
    client(github, "fault", "--clear")
    assert client(github, "fault") == "[]\n"
    client(github, "settings", "lock-seconds=300")
    github.rest("GET", RUNNERS)
    assert f"GET /api/v3{RUNNERS} 200" in client(
        github, "requests", "--method", "GET")
