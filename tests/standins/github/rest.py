"""REST: runners and their groups, repositories, Apps, runs.

Paths are given without the /api/v3 of GHES.  Shapes and refusals are those of
GitHub's published description and of what it is known to answer.
"""

import hashlib
import re

from . import credentials
from .entities import Account, Scope
from .httpd import Response
from .restauth import (DOCS, REGISTRATION_LIMIT, Caller, Refusal, not_found)
from .routing import Router
from .shapes import (group_json, organisation_json, repository_json,
                     runner_json, timestamp_with_offset, user_json)
from .state import Missing, Taken

routes = Router()

RUNNERS = "/{scope}/actions/runners"
RUNNER_DOCS = DOCS + "/actions/self-hosted-runners"
MINIMUM_VERSION = (2, 329, 0)


async def answer(app, request, path):
    """Answer the REST call `path`; its handlers raise to refuse."""
    try:
        caller = Caller(app, request)
    except Refusal as refusal:
        return refusal.response()
    found = routes.find(request.method, path)
    free = path == "/rate_limit"
    try:
        if not free:
            caller.spend()
        if found is None:
            raise not_found()
        handler, parameters = found
        if "scope" in parameters:
            parameters["scope"] = app.state.scope(parameters["scope"])
        response = await handler(app, request, caller, **parameters)
    except Missing:
        response = not_found().response()
    except Refusal as refusal:
        response = refusal.response()
    if request.method == "GET" and response.status == 200:
        response = conditional(request, response, caller)
    response.headers = {
        **caller.headers(), "X-GitHub-Media-Type": "github.v3; format=json",
        "X-GitHub-Request-Id": app.state.secret()[:16].upper(),
        **response.headers}
    return response


def conditional(request, response, caller):
    """Answer 304 to who has this already; that call is not counted."""
    if not isinstance(response.body, bytes):
        return response
    etag = f'W/"{hashlib.sha256(response.body).hexdigest()}"'
    if request.headers.get("if-none-match") == etag:
        caller.rate.used = max(0, caller.rate.used - 1)
        return Response(304, b"", {"ETag": etag})
    response.headers["ETag"] = etag
    return response


def page_of(request, items):
    """Return the page of `items` that is asked for, and its Link header."""
    def number(name, default):
        text = request.query.get(name, "")
        return int(text) if text.isdigit() and int(text) else default

    size, page = min(number("per_page", 30), 100), number("page", 1)
    last = max(1, -(-len(items) // size))
    others = {"first": 1, "prev": page - 1} if page > 1 else {}
    if page < last:
        others.update(next=page + 1, last=last)
    links = []
    for relation, target in others.items():
        query = {**request.query, "per_page": size, "page": target}
        text = "&".join(f"{key}={value}" for key, value in query.items())
        path = request.target.partition("?")[0]
        links.append(f'<{request.base}{path}?{text}>; rel="{relation}"')
    headers = {"Link": ", ".join(links)} if links else {}
    return items[(page - 1) * size:page * size], headers


# Registration, as config.sh does it (protocol, sections 1 and 2)

@routes.add("POST", "/actions/runner-registration")
async def runner_registration(app, request, caller):
    """1.1: where to register; 404 for a wrong or expired token."""
    data = request.data()
    event = data.get("runner_event", "register")
    scope = app.state.scope_of_url(data.get("url", ""))
    caller.need_runner_token(event, scope)
    now = int(app.state.clock())
    return Response.json({
        "url": f"{request.base}/broker/",
        "token_schema": "OAuthAccessToken", "use_v2_flow": True,
        "token": credentials.make_jwt({"iat": now, "exp": now + 3600})})


@routes.add("POST", "/actions/runners/register")
async def register(app, request, caller):
    """1.4: the registration itself."""
    data = request.data()
    scope = app.state.scope_of_url(data.get("url", ""))
    caller.need_runner_token("register", scope)
    version = re.match(r"(\d+)\.(\d+)\.(\d+)", data.get("version", ""))
    if not version or tuple(map(int, version.groups())) < MINIMUM_VERSION:
        raise Refusal(400, "Runner version is too old to be registered")
    former = next((runner for runner in app.state.runners_of(scope)
                   if runner.id == data.get("runner_id")), None)
    if former and former.busy:
        raise still_running(former, scope)
    try:
        key = credentials.public_key_from_xml(data.get("public_key", ""))
        runner = app.state.register(scope, data, key)
    except credentials.Refused as error:
        raise Refusal(400, f"Invalid public key: {error}") from error
    except Taken as error:
        raise Refusal(409, str(error)) from error
    return Response.json({
        "id": runner.id, "name": runner.name,
        "authorization": {
            "authorization_url": f"{request.base}/oauth/token",
            "server_url": f"{request.base}/broker/",
            "client_id": runner.client_id}}, 201)


async def hand_out(app, caller, scope, event):
    """Answer with a registration or removal token."""
    caller.need_runners(scope)
    if scope.kind == "repos" and app.state.repository(scope.name).archived:
        raise Refusal(403, "Repository was archived so is read-only.")
    token = app.state.grant(scope, event)
    return Response.json({
        "token": token.value,
        "expires_at": timestamp_with_offset(token.expires_at)}, 201)


@routes.add("POST", RUNNERS + "/registration-token")
async def registration_token(app, _request, caller, scope):
    """A token for config.sh, good for an hour and many runners."""
    return await hand_out(app, caller, scope, "register")


@routes.add("POST", RUNNERS + "/remove-token")
async def remove_token(app, _request, caller, scope):
    """A token for config.sh remove."""
    return await hand_out(app, caller, scope, "remove")


# Runners

@routes.add("GET", RUNNERS)
async def list_runners(app, request, caller, scope):
    """List the runners; config.sh asks by name (1.3)."""
    caller.need_runners_or_remote(scope, "register", "remove")
    name = request.query.get("name")
    found = [runner for runner in app.state.runners_of(scope)
             if not name or runner.name == name]
    page, headers = page_of(request, found)
    return Response.json({"total_count": len(found),
                          "runners": [runner_json(item) for item in page]},
                         headers=headers)


@routes.add("GET", RUNNERS + "/{runner_id}")
async def get_runner(app, _request, caller, scope, runner_id):
    """Show one runner."""
    caller.need_runners(scope)
    return Response.json(runner_json(app.state.runner(scope, runner_id)))


def still_running(runner, scope):
    """GitHub's refusal to delete a busy runner, stray quote and all."""
    what = {"repos": "a-repository", "orgs": "an-organization",
            "enterprises": "an-enterprise"}[scope.kind]
    return Refusal(
        422, f'Bad request - Runner "{runner.name}" is still running a job"',
        f"{RUNNER_DOCS}#delete-a-self-hosted-runner-from-{what}")


@routes.add("DELETE", RUNNERS + "/{runner_id}")
async def delete_runner(app, _request, caller, scope, runner_id):
    """Delete a registration; 422 while it is busy, offers included."""
    caller.need_runners_or_remote(scope, "remove")
    runner = app.state.runner(scope, runner_id)
    if runner.busy:
        raise still_running(runner, scope)
    app.state.forget(runner)
    return Response(204)


# Labels

def labels_json(runner):
    """Return the labels of a runner as REST shows them."""
    return Response.json({"total_count": len(runner.labels),
                          "labels": runner.labels})


def read_only(runner):
    """Return the labels that stay."""
    return [label for label in runner.labels if label["type"] == "read-only"]


def wanted_labels(app, request):
    """Return the labels of a request's body."""
    names = request.data().get("labels")
    if not isinstance(names, list) or not all(
            isinstance(name, str) and 0 < len(name) <= 256 for name in names):
        raise Refusal(422, "Invalid request.\n\nFor 'items', nil is not an "
                           "array of labels.")
    return [app.state.label(name, "custom") for name in names]


@routes.add("GET", RUNNERS + "/{runner_id}/labels")
async def list_labels(app, _request, caller, scope, runner_id):
    """List the labels of a runner."""
    caller.need_runners(scope)
    return labels_json(app.state.runner(scope, runner_id))


def set_labels(app, runner, labels):
    """Replace the labels, each name once."""
    by_name = {}
    for label in labels:
        by_name.setdefault(label["name"].lower(), label)
    runner.labels = list(by_name.values())
    app.state.changed()
    return labels_json(runner)


@routes.add("POST", RUNNERS + "/{runner_id}/labels")
async def add_labels(app, request, caller, scope, runner_id):
    """Add custom labels."""
    caller.need_runners(scope)
    runner = app.state.runner(scope, runner_id)
    return set_labels(app, runner,
                      runner.labels + wanted_labels(app, request))


@routes.add("PUT", RUNNERS + "/{runner_id}/labels")
async def put_labels(app, request, caller, scope, runner_id):
    """Replace the custom labels."""
    caller.need_runners(scope)
    runner = app.state.runner(scope, runner_id)
    return set_labels(app, runner,
                      read_only(runner) + wanted_labels(app, request))


@routes.add("DELETE", RUNNERS + "/{runner_id}/labels")
async def delete_labels(app, _request, caller, scope, runner_id):
    """Remove the custom labels."""
    caller.need_runners(scope)
    runner = app.state.runner(scope, runner_id)
    return set_labels(app, runner, read_only(runner))


@routes.add("DELETE", RUNNERS + "/{runner_id}/labels/{name}")
async def delete_label(app, _request, caller, scope, runner_id, name):
    """Remove one custom label."""
    caller.need_runners(scope)
    runner = app.state.runner(scope, runner_id)
    found = [label for label in runner.labels
             if label["name"].lower() == name.lower()]
    if not found:
        raise not_found()
    if found[0]["type"] == "read-only":
        raise Refusal(422, "Cannot delete a read-only label")
    return set_labels(app, runner, [label for label in runner.labels
                                    if label is not found[0]])


# Groups

@routes.add("GET", "/{scope}/actions/runner-groups")
async def list_groups(app, request, caller, scope):
    """List the runner groups; config.sh asks too (1.2)."""
    caller.need_runners_or_remote(scope, "register")
    if scope.kind == "repos" and caller.runner_token is None:
        raise not_found()
    groups = app.state.groups_of(scope)
    page, headers = page_of(request, groups)
    return Response.json({"total_count": len(groups), "runner_groups":
                          [group_json(group, request.base)
                           for group in page]},
                         headers=headers)


# Repositories, organisations, the caller

@routes.add("GET", "/repos/{owner}/{repo}")
async def get_repository(app, request, caller, owner, repo):
    """Show a repository; anybody sees a public one."""
    repository = app.state.repository(f"{owner}/{repo}")
    if repository.private:
        caller.need_read(repository.full_name)
    account = app.state.account(repository.owner)
    value = repository_json(repository, account, request.base)
    if caller.token:
        scope = Scope("repos", repository.full_name)
        administers = caller.token.may_administer(scope)
        value["permissions"] = {
            "admin": administers, "maintain": administers,
            "push": administers, "triage": administers, "pull": True}
    return Response.json(value)


@routes.add("GET", "/orgs/{org}")
async def get_organisation(app, request, caller, org):
    """Show an organisation."""
    account = app.state.account(org)
    if account.kind != "Organization":
        raise not_found()
    caller.need_read(account.login)
    return Response.json(organisation_json(account, request.base))


@routes.add("GET", "/user")
async def get_user(_app, request, caller):
    """Show whose token it is."""
    token = caller.need_token()
    if token.kind == "app":
        raise Refusal(403, "Resource not accessible by integration")
    return Response.json(user_json(Account(1, token.login, "User"),
                                   request.base))


@routes.add("GET", "/meta")
async def meta(_app, _request, _caller):
    """What GHES says of itself."""
    return Response.json({"verifiable_password_authentication": True,
                          "installed_version": "3.18.0"})


@routes.add("GET", "/rate_limit")
async def rate_limit(_app, _request, caller):
    """Tell the limits, at no cost."""
    rate = caller.rate
    core = {"limit": rate.limit, "used": rate.used,
            "remaining": rate.remaining, "reset": int(rate.reset_at)}
    registration = {"limit": REGISTRATION_LIMIT, "used": 0,
                    "remaining": REGISTRATION_LIMIT,
                    "reset": int(rate.reset_at)}
    return Response.json({
        "resources": {"core": core, "search": {**core, "limit": 30},
                      "actions_runner_registration": registration},
        "rate": core})
