"""The stand-in GitHub keeps the runner's protocol, traps included."""

import pytest

from standins.github.client import GitHub, Server, free_address
from standins.github_listener import Listener


@pytest.fixture(name="github")
def fixture_github():
    """A stand-in with times that a test can wait for."""
    with Server(free_address(), session_seconds=1, poll_seconds=0.4,
                redeliver_seconds=0.3) as server:
        yield server


def opened(github, **options):
    """Return a Listener with a session."""
    listener = Listener(github, **options)
    assert listener.open() == 200
    return listener


def enqueue(github, **spec):
    """Enqueue one trivial job; return its id."""
    return github.enqueue(spec.pop("repo", "octo/demo"), ["true"], **spec)[0]


# Registration and credentials

def test_registration_needs_a_living_token_of_its_scope(github):
    """404 for a wrong token, for a removal token, and for another scope."""
    path = "/api/v3/actions/runner-registration"
    body = {"url": f"{github.url}/octo/demo", "runner_event": "register"}
    good = github.registration_token()
    github.repo("octo/other")
    for token, status in (
            (good, 200), ("A" * 29, 404),
            (github.registration_token(event="remove"), 404),
            (github.registration_token("repos/octo/other"), 404)):
        assert github.call("POST", path, body, {
            "Authorization": f"RemoteAuth {token}"})[0] == status


def test_a_name_is_registered_once(github):
    """409 without replace; with it the id is kept, the holder shut out."""
    listener = opened(github)
    assert listener.register("one")[0] == 409
    former = listener.registered
    status, again = listener.register("one", replace=True)
    assert (status, again["id"]) == (201, listener.id)
    assert again["authorization"] != former["authorization"]
    assert listener.authenticate()[0] == 400


def test_old_versions_do_not_register(github):
    """The minimum is 2.329.0."""
    listener = Listener(github)
    assert listener.register("old", version="2.328.0")[0] == 400


def test_assertions_are_verified_with_leeway(github):
    """A second ahead is fine; an hour, or a deleted runner, is not."""
    listener = Listener(github)
    assert listener.authenticate(begins=1)[0] == 200
    assert listener.authenticate(begins=3600)[0] == 400
    github.forget(listener.id)
    status, answer = listener.authenticate()
    assert (status, answer["error"]) == (400, "invalid_client")


# Sessions and polls

def test_a_session_excludes_another_until_it_ends(github):
    """409 while it lives; it ends by DELETE or by silence."""
    listener = opened(github)
    assert listener.open() == 409
    assert listener.close() == 204
    assert listener.open() == 200
    github.wait_runner("one", status="offline")
    assert listener.poll()[1]["errorKind"] == "RunnerSessionInvalid"
    assert listener.open() == 200


def test_an_empty_poll_is_202(github):
    """After its time, with an empty body."""
    assert opened(github).poll() == (202, None)


def test_an_aborted_poll_gets_nothing(github):
    """The job waits for the next poll, and no time-out is spent on it."""
    github.settings(poll_seconds=30, redeliver_seconds=30)
    listener = opened(github)
    listener.begin_poll().close()
    github.wait_until(lambda: not listener.polling())
    job = enqueue(github)
    assert github.job(job)["offers"] == 0
    assert listener.poll()[1]["messageType"] == "RunnerJobRequest"
    assert github.job(job)["offers"] == 1


def test_a_second_poll_ends_the_first(github):
    """As when the Listener's status changes."""
    github.settings(poll_seconds=30)
    listener = opened(github)
    first = listener.begin_poll()
    enqueue_after = listener.begin_poll()
    assert b" 202 " in first.recv(100)
    enqueue(github)
    assert b" 200 " in enqueue_after.recv(100)
    first.close()
    enqueue_after.close()


def test_what_is_not_acknowledged_comes_again(github):
    """And is not given to two at a time."""
    listener = opened(github)
    job = enqueue(github)
    first = listener.poll()[1]["body"]["runner_request_id"]
    github.wait_until(lambda: not github.job(job)["offered"])
    assert listener.poll()[1]["body"]["runner_request_id"] == first
    assert listener.acknowledge(first) == 200
    assert listener.poll("Busy") == (202, None)
    assert github.job(job)["offers"] == 2


def test_offers_of_a_deleted_session_go_back(github):
    """To another runner here."""
    listener, other = opened(github), opened(github, name="two")
    job = enqueue(github)
    request_id = listener.poll()[1]["body"]["runner_request_id"]
    assert listener.acknowledge(request_id) == 200
    assert listener.close() == 204
    other.take()
    assert github.job(job)["runner_name"] == "two"
    assert listener.acquire(request_id)[0] == 409


def test_an_acknowledged_job_must_be_acquired(github):
    """The Listener died in between; its session may live on."""
    github.settings(acquire_seconds=0.2)
    listener = opened(github)
    job = enqueue(github)
    listener.acknowledge(listener.poll()[1]["body"]["runner_request_id"])
    github.wait_until(lambda: not github.job(job)["offered"])


def test_a_deleted_runner_is_told_in_its_poll(github):
    """RunnerNotFound, also in the poll that is open."""
    github.settings(poll_seconds=30)
    listener = opened(github)
    poll = listener.begin_poll()
    github.forget(listener.id)
    assert b"RunnerNotFound" in poll.recv(4000)
    poll.close()
    assert listener.poll()[1]["errorKind"] == "RunnerNotFound"


def test_nonsense_is_answered(github):
    """400 for what is no JSON, 500 for what lacks what is needed."""
    listener = Listener(github)
    assert listener.register("two", labels=[7])[0] == 500
    token = {"Authorization": f"RemoteAuth {listener.token}"}
    connection = github.connect(10)
    connection.request("POST", "/api/v3/actions/runners/register", b"{",
                       token)
    assert connection.getresponse().status == 400


# Jobs

def test_busy_covers_offers_and_forbids_deletion(github):
    """422 from the offer until the completion."""
    listener = opened(github)
    first, second = enqueue(github), enqueue(github)
    path = f"/repos/octo/demo/actions/runners/{listener.id}"
    github.settings(redeliver_seconds=30)
    request_id = listener.poll()[1]["body"]["runner_request_id"]
    assert github.runner("one")["busy"]
    status, _, body = github.rest("DELETE", path)
    assert status == 422
    assert body["message"] == ('Bad request - Runner "one" is still running '
                               'a job"')
    assert listener.poll("Busy") == (202, None)
    listener.acknowledge(request_id)
    job = listener.acquire(request_id)[1]
    assert github.rest("DELETE", path)[0] == 422
    assert listener.complete(job) == 200
    assert github.job(first)["conclusion"] == "succeeded"
    assert listener.poll()[0] == 200
    assert github.job(second)["offered"]


def test_a_lock_that_is_not_renewed_expires(github):
    """The job has failed; later calls about it find nothing."""
    github.settings(lock_seconds=0.5)
    listener = opened(github)
    number = enqueue(github)
    job = listener.take()
    assert listener.for_job("renewjob", job)[0] == 200
    done = github.wait_job(number)
    assert done["conclusion"] == "failed"
    assert "lost communication" in done["reason"]
    assert not github.runner("one")["busy"]
    assert listener.for_job("renewjob", job)[0] == 404
    assert listener.complete(job) == 404


def test_cancelling_depends_on_how_far_a_job_is(github):
    """Queued: over at once.  Running: a message, repeated."""
    github.settings(cancel_repeat_seconds=0.2)
    listener = opened(github)
    waiting = enqueue(github, labels=["nowhere"])
    assert github.cancel(waiting)["conclusion"] == "canceled"
    running = enqueue(github)
    job = listener.take()
    github.cancel(running)
    for _ in range(2):
        message = listener.poll("Busy")[1]
        assert message["messageType"] == "JobCancellation"
        assert message["body"]["jobId"] == job["jobId"]
    assert listener.complete(job, "canceled") == 200
    assert listener.poll() == (202, None)


def test_an_offer_can_be_cancelled(github):
    """acquirejob then finds nothing."""
    listener = opened(github)
    job = enqueue(github)
    request_id = listener.poll()[1]["body"]["runner_request_id"]
    github.cancel(job)
    assert listener.acquire(request_id)[0] == 404
    assert not github.runner("one")["busy"]


def test_a_job_beyond_its_limit_is_cancelled(github):
    """By the server."""
    listener = opened(github)
    enqueue(github, timeout_minutes=0.001)
    listener.take()
    assert listener.poll("Busy")[1]["messageType"] == "JobCancellation"


def test_an_ephemeral_runner_has_one_job(github):
    """And is forgotten when its session ends."""
    listener = opened(github, ephemeral=True)
    first, second = enqueue(github), enqueue(github)
    assert listener.complete(listener.take()) == 200
    assert listener.poll() == (202, None)
    assert listener.close() == 204
    assert github.runner("one") is None
    assert github.job(first)["conclusion"] == "succeeded"
    assert github.job(second)["offers"] == 0


def test_tokens_of_a_job_are_its_own(github):
    """Another job's token does not complete it."""
    one, two = opened(github), opened(github, name="two")
    github.enqueue("octo/demo", ["true"], count=2)
    first, second = one.take(), two.take()
    mixed = {**first, "resources": second["resources"]}
    assert one.complete(mixed) == 401
    assert one.complete(first) == 200
    assert one.complete(first) == 404


# Routing

@pytest.mark.parametrize("labels, fits", [
    (["self-hosted"], True), (["SELF-hosted", "DeskRun"], True),
    (["deskrun", "linux", "x64"], True), (["deskrun", "gpu"], False),
    (["ubuntu-latest"], False)])
def test_every_label_must_be_on_the_runner(github, labels, fits):
    """Ignoring case."""
    listener = opened(github, labels=["deskrun"])
    enqueue(github, labels=labels)
    assert listener.poll()[0] == (200 if fits else 202)


def test_jobs_come_in_order(github):
    """What does not fit does not hold up the rest."""
    listener = opened(github)
    enqueue(github, labels=["nowhere"])
    jobs = github.enqueue("octo/demo", ["true"], count=3)
    for job in jobs:
        taken = listener.take()
        assert github.job(job)["uuid"] == taken["jobId"]
        listener.complete(taken)


def test_a_repository_runner_serves_its_repository_only(github):
    """An organisation's serves all of them, and comes second."""
    github.repo("octo/other")
    above = opened(github, name="above", path="octo")
    below = opened(github, name="below")
    enqueue(github, repo="octo/other")
    assert below.poll() == (202, None)
    assert above.poll()[0] == 200


def test_groups_decide_which_repositories_may_use_them(github):
    """By visibility and by selection; runs-on may name a group."""
    github.repo("octo/open", visibility="public")
    github.group("orgs/octo", "Default", default=True,
                 allows_public_repositories=False)
    listener = opened(github, path="octo")
    enqueue(github, repo="octo/open")
    assert listener.poll() == (202, None)
    enqueue(github, group="none")
    assert listener.poll() == (202, None)
    github.group("orgs/octo", "Default", repositories=["octo/some"])
    enqueue(github)
    assert listener.poll() == (202, None)
    github.group("orgs/octo", "Default", repositories=["octo/demo"])
    assert listener.poll()[0] == 200


def test_enterprise_runners_serve_their_organisations(github):
    """And no others."""
    github.account("acme", kind="Enterprise")
    listener = opened(github, path="enterprises/acme")
    enqueue(github)
    assert listener.poll() == (202, None)
    github.account("octo", enterprise="acme")
    assert listener.poll()[0] == 200


# Results

def test_logs_are_taken_as_azure_takes_them(github):
    """Block blobs at once, append blobs in order, with signed URLs only."""
    listener = opened(github)
    number = enqueue(github)
    job = listener.take()
    token = job["resources"]["endpoints"][0]["authorization"]["parameters"][
        "AccessToken"]
    ids = {"workflow_job_run_backend_id": job["jobId"],
           "workflow_run_backend_id": job["plan"]["planId"]}
    receiver = "/results/twirp/results.services.receiver.Receiver/"

    def url_of(call, **more):
        status, answer = listener.call("POST", receiver + call,
                                       {**ids, **more}, token)
        assert status == 200
        return answer["logs_url"].removeprefix(github.url)

    def put(path, text, kind=None):
        headers = {"x-ms-blob-type": kind} if kind else {}
        connection = github.connect(10)
        connection.request("PUT", path, text, headers)
        return connection.getresponse().status

    step = url_of("GetStepLogsSignedBlobURL", step_backend_id="s")
    assert put(step, "\ufeffone\n".encode(), "BlockBlob") == 201
    assert github.log(number) == "one\n"
    whole = url_of("GetJobLogsSignedBlobURL")
    assert put(whole + "&comp=appendblock", b"x") == 404
    assert put(whole, b"", "AppendBlob") == 201
    assert put(whole + "&comp=appendblock", b"two\n") == 201
    assert put(whole + "&comp=appendblock&seal=true", b"three\n") == 201
    assert put(whole + "&comp=appendblock", b"four\n") == 409
    assert github.log(number) == "two\nthree\n"
    assert put(whole.replace("sig=", "sig=x"), b"", "BlockBlob") == 403


# Control

def test_the_log_of_requests_holds_no_secrets(github):
    """Methods, paths and statuses; not what authorises."""
    listener = opened(github)
    entries = github.requests()
    assert [(entry["method"], entry["status"]) for entry in entries] == [
        ("POST", 201), ("POST", 201), ("POST", 200), ("POST", 200)]
    text = str(entries)
    assert listener.token not in text and listener.bearer not in text
    assert "ghp_standin" not in text


def test_shutdown_ends_the_server(github):
    """As a signal does."""
    GitHub(github.url).shutdown()
    assert github.process.wait(10) == 0
