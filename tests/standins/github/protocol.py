"""The services that Listener and Worker talk to: OAuth, broker, run service.

The registration itself is REST with `Authorization: RemoteAuth` and is found
in rest.py.  Section numbers are those of docs on the runner protocol: 3
Listener start, 4 a job, 5 Listener stop.
"""

import asyncio
import datetime
import json

from . import credentials, jobmessage
from .dispatch import Conflict, Gone
from .httpd import Response
from .routing import Router
from .state import Missing

routes = Router()

CONCLUSIONS = ("succeeded", "failed", "canceled", "skipped")


def bearer(request):
    """Return the bearer token of a request, or ""."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def broker_error(status, kind, message):
    """Answer as the broker refuses."""
    return Response.json({"source": "actions-broker-listener",
                          "errorKind": kind, "message": message}, status)


def run_error(status, message):
    """Answer as the run service refuses."""
    return Response.json({"source": "actions-run-service",
                          "statusCode": status, "errorMessage": message},
                         status)


def utc(seconds):
    """Return a time as the run service writes it."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@routes.add("POST", "/oauth/token")
async def oauth_token(app, request):
    """3.1: a client assertion against a bearer token."""
    form = request.form()
    assertion = form.get("client_assertion", "")
    try:
        runner = app.state.client(credentials.client_id(assertion))
        credentials.verify_client(assertion, runner.public_key,
                                  app.state.clock())
    except (Missing, credentials.Refused) as error:
        return Response.json({"error": "invalid_client",
                              "error_description": str(error)}, 400)
    if form.get("grant_type") != "client_credentials":
        return Response.json({"error": "unsupported_grant_type"}, 400)
    return Response.json({
        "access_token": app.state.issue_access_token(runner),
        "expires_in": 3600, "token_type": "Bearer"})


@routes.add("POST", "/broker/session")
async def create_session(app, request):
    """3.2: one session a runner; 409 while one lives."""
    runner = app.state.listener(bearer(request))
    if runner is None:
        return Response(401)
    if runner.deleted:
        return broker_error(403, "RunnerNotFound", "Runner not found")
    wanted = request.data()
    agent = wanted.get("agent") or {}
    try:
        session = app.dispatcher.open_session(
            runner, wanted.get("ownerName", ""))
    except Conflict as error:
        return broker_error(409, "RunnerSessionConflict", str(error))
    runner.version = agent.get("version") or runner.version
    return Response.json({
        "sessionId": session.id, "ownerName": session.owner_name,
        "agent": {**agent, "id": runner.id, "name": runner.name},
        "encryptionKey": None})


@routes.add("DELETE", "/broker/session")
async def delete_session(app, request):
    """5: the Listener stops."""
    runner = app.state.listener(bearer(request))
    if runner is None:
        return Response(401)
    if runner.session:
        app.dispatcher.end_session(runner.session)
    return Response(204)


@routes.add("GET", "/broker/message")
async def get_message(app, request):
    """3.3: the long poll.

    A poll whose connection was closed is taken off before anything is handed
    to it, and one that closes while its answer is decided gives that back.
    """
    runner = app.state.listener(bearer(request))
    if runner is None:
        return Response(401)
    if runner.deleted:
        return broker_error(404, "RunnerNotFound", "Runner not found")
    session = runner.session
    if session is None or session.id != request.query.get("sessionId"):
        return broker_error(404, "RunnerSessionInvalid",
                            "The session is not known")
    runner.os = request.query.get("os") or runner.os
    woken = asyncio.Event()
    poll = app.dispatcher.open_poll(
        session, request.query.get("status", "Online"), woken.set)
    alive = True
    try:
        alive = await wait_unless_gone(request, woken,
                                       app.state.settings.poll_seconds)
    finally:
        app.dispatcher.close_poll(poll, alive and woken.is_set())
    if not alive:
        return None
    if poll.message is None:
        if runner.deleted:
            return broker_error(404, "RunnerNotFound", "Runner not found")
        return Response(202)
    message = dict(poll.message)
    if message["messageType"] == "RunnerJobRequest":
        message["body"] = json.dumps({
            "id": str(poll.job.id),
            "runner_request_id": poll.job.request_id,
            "should_acknowledge": True,
            "run_service_url": f"{request.base}/run/",
            "billing_owner_id": "1"})
    return Response.json(message)


async def wait_unless_gone(request, event, seconds):
    """Wait for `event`; False when the client closed meanwhile."""
    happens = asyncio.ensure_future(event.wait())
    leaves = asyncio.ensure_future(request.gone())
    try:
        await asyncio.wait({happens, leaves}, timeout=seconds,
                           return_when=asyncio.FIRST_COMPLETED)
        return not leaves.done()
    finally:
        happens.cancel()
        leaves.cancel()
        await asyncio.gather(happens, leaves, return_exceptions=True)


@routes.add("POST", "/broker/acknowledge")
async def acknowledge(app, request):
    """4.2: the message has arrived."""
    runner = app.state.listener(bearer(request))
    if runner is None:
        return Response(401)
    try:
        app.dispatcher.acknowledge(runner,
                                   request.data().get("runnerRequestId"))
    except Gone as error:
        return broker_error(404, "AcknowledgeJobNotFound", str(error))
    return Response(200)


@routes.add("POST", "/run/acquirejob")
async def acquire_job(app, request):
    """4.3: the Listener takes the job."""
    runner = app.state.listener(bearer(request))
    if runner is None or runner.deleted:
        return Response(401)
    try:
        job = app.dispatcher.acquire(runner,
                                     request.data().get("jobMessageId"))
    except Gone as error:
        return run_error(404, str(error))
    except Conflict as error:
        return run_error(409, str(error))
    account = app.state.account(job.repository.owner)
    return Response.json(jobmessage.build(job, account, request.base))


def job_of(app, request):
    """Return the job of a request by its token, or None."""
    job = app.state.job_of_token(bearer(request))
    wanted = request.data().get("jobId")
    return job if job and job.uuid == wanted else None


@routes.add("POST", "/run/renewjob")
async def renew_job(app, request):
    """4.4: every minute, by the Listener."""
    job = job_of(app, request)
    if job is None:
        return Response(401)
    try:
        app.dispatcher.renew(job)
    except Gone as error:
        return run_error(404, str(error))
    return Response.json({"planId": job.plan_id, "jobId": job.uuid,
                          "lockedUntil": utc(job.locked_until)})


@routes.add("POST", "/run/completejob")
async def complete_job(app, request):
    """4.8: by the Worker; by the Listener when the Worker crashed."""
    job = job_of(app, request)
    if job is None:
        return Response(401)
    report = request.data()
    conclusion = str(report.get("conclusion", "")).lower()
    if conclusion not in CONCLUSIONS:
        return run_error(400, f"no such conclusion: {conclusion}")
    if job.status == "completed":
        return run_error(404, "the job was not found")
    job.step_results = report.get("stepResults") or []
    job.annotations = report.get("annotations") or []
    job.outputs = {key: value.get("value") if isinstance(value, dict)
                   else value
                   for key, value in (report.get("outputs") or {}).items()}
    for step in job.step_results:
        known = job.steps.setdefault(step["external_id"], {})
        known.update(number=step.get("number", 0), name=step.get("name"),
                     status=step.get("status"),
                     conclusion=step.get("conclusion"))
    app.dispatcher.complete(job, conclusion,
                            job.cancel_reason if conclusion == "canceled"
                            else None)
    return Response(200)
