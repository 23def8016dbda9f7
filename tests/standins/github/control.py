"""How a test arranges and observes the stand-in: JSON below /_standin.

    GET    /version?since=N&timeout=S    wait until anything has changed
    GET    /state                        counters and settings
    POST   /settings /accounts /repos /groups /tokens /apps /assets /actions
    GET    /repos /runners /sessions /jobs /faults /requests
    POST   /jobs                         enqueue: repo, steps, labels, count
    GET    /jobs/ID  /jobs/ID/log  /jobs/ID/feed
    POST   /jobs/ID/cancel
    POST   /runners/ID/message           put a message into its next poll
    POST   /runners/ID/forget            delete it whatever it does
    POST   /faults ; DELETE /faults[/ID] ; DELETE /requests
    POST   /shutdown

Answers 400 with {"error"} to what makes no sense, 404 to what is absent.
"""

import base64
import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import asdict, fields

from . import credentials
from .entities import App
from .httpd import BadRequest, Response
from .releases import asset_from
from .restauth import token_from
from .routing import Router
from .shapes import runner_json
from .state import Missing

routes = Router()


async def answer(app, request, path):
    """Answer a call of this interface."""
    found = routes.find(request.method, path)
    if found is None:
        return Response.json({"error": f"no {request.method} {path}"}, 404)
    handler, parameters = found
    try:
        value = await handler(app, request, **parameters)
    except Missing as error:
        return Response.json({"error": str(error)}, 404)
    except (BadRequest, KeyError, OSError, TypeError, ValueError) as error:
        return Response.json({"error": f"{type(error).__name__}: {error}"},
                             400)
    return value if isinstance(value, Response) else Response.json(value)


# Observing

@routes.add("GET", "/version")
async def version(app, request):
    """Return the state's version, once it is past `since`."""
    since = int(request.query.get("since", -1))
    timeout = float(request.query.get("timeout", 0))
    return {"version": await app.wait_for_change(since, timeout)}


@routes.add("GET", "/state")
async def state(app, _request):
    """Return an overview."""
    return {"version": app.state.version, "now": app.state.clock(),
            "settings": asdict(app.state.settings),
            "runners": len(app.state.runners),
            "sessions": len(app.state.sessions),
            "jobs": len(app.state.jobs),
            "queued": sum(job.status == "queued"
                          for job in app.state.active.values())}


@routes.add("GET", "/runners")
async def runners(app, _request):
    """List every registration with where it belongs."""
    return [{**runner_json(runner), "scope": runner.scope.path,
             "group": runner.group.name,
             "job": runner.job.id if runner.job else None}
            for runner in app.state.runners.values()]


@routes.add("GET", "/sessions")
async def sessions(app, _request):
    """List the living sessions."""
    return [{"id": session.id, "runner_id": session.runner.id,
             "runner": session.runner.name, "owner": session.owner_name,
             "polling": session.poll is not None,
             "status": session.poll.status if session.poll else None,
             "seen_at": session.seen_at}
            for session in app.state.sessions.values()]


def job_view(job):
    """Return a job with all that tests ask about, tokens excepted."""
    plain = ("id", "run_id", "uuid", "plan_id", "request_id", "name",
             "labels", "group", "status", "conclusion", "reason",
             "runner_name", "offers", "renewals", "created_at", "offered_at",
             "acknowledged_at", "started_at", "completed_at", "locked_until",
             "cancel_reason", "annotations", "outputs", "events",
             "step_results")
    steps = sorted(job.steps.values(), key=lambda step:
                   step.get("number") or 0)
    return {**{name: getattr(job, name) for name in plain},
            "repo": job.repository.full_name, "offered": job.offered,
            "steps": steps, "feed_lines": len(job.feed),
            "runner_id": job.runner.id if job.runner else None,
            "log_kind": job.log.kind, "log_bytes": len(job.log.data),
            "step_logs": {key: {"kind": blob.kind, "bytes": len(blob.data),
                                "appends": blob.appends,
                                "sealed": blob.sealed}
                          for key, blob in job.step_logs.items()},
            "summaries": [blob.text() for blob in job.summaries.values()]}


def find_job(app, key):
    """Find a job by its number or by its uuid."""
    if key.isdigit() and int(key) in app.state.jobs:
        return app.state.jobs[int(key)]
    for job in app.state.jobs.values():
        if key == job.uuid:
            return job
    raise Missing(f"no job {key}")


@routes.add("GET", "/jobs")
async def jobs(app, _request):
    """List the jobs in the order in which they were enqueued."""
    return [job_view(job) for job in app.state.jobs.values()]


@routes.add("GET", "/jobs/{job}")
async def job_state(app, _request, job):
    """Show one job."""
    return job_view(find_job(app, job))


@routes.add("GET", "/jobs/{job}/log")
async def job_log(app, _request, job):
    """Give the log of a job as text."""
    return Response.text(find_job(app, job).text())


@routes.add("GET", "/jobs/{job}/feed")
async def job_feed(app, _request, job):
    """Give the live lines of a job."""
    return find_job(app, job).feed


@routes.add("GET", "/requests")
async def requests(app, _request):
    """Give the log of requests; it holds no secrets."""
    return app.requests


@routes.add("DELETE", "/requests")
async def forget_requests(app, _request):
    """Empty the log of requests."""
    app.requests.clear()
    return {}


# Arranging

@routes.add("POST", "/settings")
async def set_settings(app, request):
    """Alter durations while running."""
    known = {field.name for field in fields(app.state.settings)}
    for key, value in request.data().items():
        if key not in known:
            raise ValueError(f"there is no setting {key}")
        setattr(app.state.settings, key, value)
    app.state.changed()
    return asdict(app.state.settings)


@routes.add("POST", "/accounts")
async def add_account(app, request):
    """Add or alter an account: login, kind, enterprise."""
    account = app.state.add_account(**request.data())
    app.state.changed()
    return asdict(account)


@routes.add("GET", "/repos")
async def repositories(app, _request):
    """List the repositories."""
    return [{"full_name": item.full_name, **asdict(item)}
            for item in app.state.repositories.values()]


@routes.add("POST", "/repos")
async def add_repository(app, request):
    """Add or alter a repository: name, visibility, archived, workflows."""
    data = request.data()
    repository = app.state.add_repository(data.pop("name"), **data)
    app.state.changed()
    return {"full_name": repository.full_name, **asdict(repository)}


@routes.add("POST", "/groups")
async def add_group(app, request):
    """Add or alter a runner group: scope, name, repositories ..."""
    data = request.data()
    scope = app.state.scope(data.pop("scope"))
    group = app.state.add_group(scope, data.pop("name"), **data)
    app.state.changed()
    return {"id": group.id, "name": group.name}


@routes.add("POST", "/tokens")
async def add_token(app, request):
    """Add or alter a token: value, kind, reads, administers, remaining."""
    token = token_from(request.data())
    app.state.tokens[token.value] = token
    return {}


@routes.add("DELETE", "/tokens/{value}")
async def revoke_token(app, _request, value):
    """Revoke a token of whatever kind."""
    found = [table.pop(value, None) for table in
             (app.state.tokens, app.state.runner_tokens,
              app.state.access_tokens)]
    if not any(found):
        raise Missing("no such token")
    return {}


@routes.add("POST", "/apps")
async def add_app(app, request):
    """Add a GitHub App: id, slug, public_key (PEM), installations."""
    data = request.data()
    installations = {
        int(item["id"]): {"account": item["account"], "permissions":
                          item.get("permissions", {
                              "administration": "write", "metadata": "read",
                              "organization_self_hosted_runners": "write"})}
        for item in data.get("installations", [])}
    key = credentials.public_key_from_pem(data["public_key"])
    found = App(int(data["id"]), data.get("slug", "deskrun"), key,
                installations)
    app.state.apps[str(found.id)] = found
    return {"id": found.id}


@routes.add("POST", "/assets")
async def add_asset(app, request):
    """Add a tarball of the runner: path, version, listed ..."""
    data = request.data()
    asset = asset_from(data.pop("path"), **data)
    app.state.assets = [
        item for item in app.state.assets
        if (item.version, item.filename) != (asset.version, asset.filename)]
    app.state.assets.append(asset)
    return {key: value for key, value in asdict(asset).items()
            if key != "path"}


def action_archive(files):
    """Return a tarball of {path: text} in one top directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(f"action/{path}")
            info.size, info.mode = len(text.encode()), 0o755
            archive.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(buffer.getvalue())


@routes.add("POST", "/actions")
async def add_action(app, request):
    """Add an action: name, ref, and files or tarball (base64)."""
    data = request.data()
    archive = (base64.b64decode(data["tarball"]) if "tarball" in data
               else action_archive(data["files"]))
    sha = hashlib.sha1(archive).hexdigest()
    app.state.actions[(data["name"].lower(), data.get("ref", "v1"))] = {
        "sha": sha, "data": archive}
    return {"sha": sha}


@routes.add("POST", "/jobs")
async def enqueue(app, request):
    """Enqueue a job, or `count` jobs alike; see jobmessage for the rest."""
    data = request.data()
    repository = app.state.repository(data.pop("repo"))
    if repository.archived:
        raise ValueError(f"{repository.full_name} is archived")
    count = int(data.pop("count", 1))
    made = [app.dispatcher.enqueue(repository, dict(data))
            for _ in range(count)]
    return {"ids": [job.id for job in made]}


@routes.add("POST", "/jobs/{job}/cancel")
async def cancel(app, _request, job):
    """Cancel a job."""
    found = find_job(app, job)
    app.dispatcher.cancel(found)
    return job_view(found)


@routes.add("POST", "/runners/{runner_id}/message")
async def send_message(app, request, runner_id):
    """Put a message into the next poll: messageType, body."""
    runner = app.state.runner(None, runner_id)
    if runner.session is None:
        raise Missing(f"{runner.name} has no session")
    data = request.data()
    body = data.get("body", "")
    runner.session.outbox.append(
        (data["messageType"], body if isinstance(body, str)
         else json.dumps(body)))
    app.state.changed()
    return {}


@routes.add("POST", "/runners/{runner_id}/forget")
async def forget_runner(app, _request, runner_id):
    """Delete a registration, as GitHub does after 14 days of silence."""
    app.state.forget(app.state.runner(None, runner_id))
    return {}


@routes.add("GET", "/faults")
async def list_faults(app, _request):
    """List the fault rules with their hits."""
    return app.faults.describe()


@routes.add("POST", "/faults")
async def add_fault(app, request):
    """Add a fault rule; see faults.Fault for its attributes."""
    return {"id": app.faults.add(**request.data()).id}


@routes.add("DELETE", "/faults")
async def remove_faults(app, _request):
    """Remove all fault rules."""
    app.faults.remove()
    return {}


@routes.add("DELETE", "/faults/{number}")
async def remove_fault(app, _request, number):
    """Remove one fault rule."""
    app.faults.remove(int(number))
    return {}


@routes.add("POST", "/shutdown")
async def shutdown(app, _request):
    """End the server."""
    app.stopping.set()
    return {}
