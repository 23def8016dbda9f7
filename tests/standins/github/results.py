"""Where Worker and Listener put what a job shows: steps, logs, live lines.

Section 4, points 5 to 7 of the protocol.  Logs go to signed URLs in the
manner of Azure blobs: one PUT as a BlockBlob, or an AppendBlob that is
created, appended to and sealed.

The variable `system.github.results_upload_with_sdk` makes the Worker use
Azure's library for that.  Without it the Worker can upload short logs only:
its own way to create an append blob fails before anything is sent (2.336.0:
"header 'Content-Type' does not support multiple values").
"""

import email.utils
import json
import urllib.parse

from . import credentials
from .entities import Blob
from .httpd import Response, WebSocket
from .protocol import bearer
from .routing import Router

routes = Router()

SOFT_LIMIT = 1024 * 1024
RECEIVER = "/results/twirp/results.services.receiver.Receiver"
STEPS = ("/results/twirp/github.actions.results.api.v1."
         "WorkflowStepUpdateService/WorkflowStepsUpdate")
STEP_STATUS = {0: "unknown", 3: "in_progress", 5: "pending", 6: "completed"}
STEP_CONCLUSION = {0: None, 2: "succeeded", 3: "failed", 4: "canceled",
                   7: "skipped"}


def twirp_error(status, code, message):
    """Answer as a Twirp service refuses."""
    return Response.json({"code": code, "msg": message}, status)


def job_of(app, request):
    """Return the job of a request, or None: token and ids must agree."""
    job = app.state.job_of_token(bearer(request))
    data = request.data()
    if (job is None
            or data.get("workflow_job_run_backend_id") != job.uuid
            or data.get("workflow_run_backend_id") != job.plan_id):
        return None
    return job


@routes.add("POST", STEPS)
async def update_steps(app, request):
    """4.6: how the steps stand."""
    job = job_of(app, request)
    if job is None:
        return twirp_error(401, "unauthenticated", "the token is not valid")
    for step in request.data().get("steps", []):
        known = job.steps.setdefault(step["external_id"], {})
        known.update(
            number=step.get("number", 0), name=step.get("name"),
            status=STEP_STATUS.get(step.get("status"), step.get("status")),
            conclusion=STEP_CONCLUSION.get(step.get("conclusion"),
                                           step.get("conclusion")))
    app.state.changed()
    return Response.json({"ok": True})


def signed_url(app, request, blob):
    """Return a URL to which `blob` may be PUT without a token."""
    name = app.state.secret()
    app.state.blobs[name] = blob
    expires = int(app.state.clock()) + 3600
    query = urllib.parse.urlencode({
        "se": expires, "sig": credentials.sign(f"{name} {expires}")})
    return f"{request.base}/blobs/{name}?{query}"


def blob_of(job, call, step):
    """Return where what `call` asks for belongs, and its answer's key."""
    if call == "GetJobDiagLogsSignedBlobURL":
        return job.diagnostics, "diag_logs_url"
    if call == "GetStepSummarySignedBlobURL":
        return job.summaries.setdefault(step, Blob()), "summary_url"
    if call == "GetStepLogsSignedBlobURL":
        return job.step_logs.setdefault(step, Blob()), "logs_url"
    return job.log, "logs_url"


async def get_signed_url(app, request, call):
    """4.7: where to PUT a log or a summary."""
    job = job_of(app, request)
    if job is None:
        return twirp_error(401, "unauthenticated", "the token is not valid")
    step = request.data().get("step_backend_id")
    if step is None and call.startswith("GetStep"):
        return twirp_error(400, "invalid_argument", "step_backend_id")
    blob, key = blob_of(job, call, step)
    return Response.json({
        key: signed_url(app, request, blob),
        "blob_storage_type": "BLOB_STORAGE_TYPE_AZURE",
        "soft_size_limit": SOFT_LIMIT})


async def create_metadata(app, request):
    """4.7: the upload is complete."""
    job = job_of(app, request)
    if job is None:
        return twirp_error(401, "unauthenticated", "the token is not valid")
    job.note(app.state.clock(), "uploaded",
             what=request.path.rpartition("/")[2],
             step=request.data().get("step_backend_id"))
    app.state.changed()
    return Response.json({"ok": True})


def add_receiver_routes():
    """Route the calls of the Receiver; they differ in their names only."""
    def signed(call):
        async def handler(app, request):
            return await get_signed_url(app, request, call)
        return handler

    for call in ("GetStepLogsSignedBlobURL", "GetJobLogsSignedBlobURL",
                 "GetStepSummarySignedBlobURL",
                 "GetJobDiagLogsSignedBlobURL"):
        routes.add("POST", f"{RECEIVER}/{call}")(signed(call))
    for call in ("CreateStepLogsMetadata", "CreateJobLogsMetadata",
                 "CreateStepSummaryMetadata"):
        routes.add("POST", f"{RECEIVER}/{call}")(create_metadata)


add_receiver_routes()


def azure_error(status, code):
    """Answer as Azure's blob storage refuses."""
    return Response(status, f"<Error><Code>{code}</Code></Error>".encode(),
                    {"Content-Type": "application/xml", "x-ms-error-code":
                     code})


@routes.add("PUT", "/blobs/{name}")
async def put_blob(app, request, name):
    """Take a blob, or a part of an append blob."""
    query = request.query
    right = credentials.sign(f"{name} {query.get('se')}")
    blob = app.state.blobs.get(name)
    if blob is None or query.get("sig") != right:
        return azure_error(403, "AuthenticationFailed")
    if query.get("comp") in ("appendblock", "seal"):
        refusal = append(blob, request)
    else:
        refusal = create(blob, request)
    if refusal:
        return refusal
    app.state.changed()
    return Response(200 if query.get("comp") == "seal" else 201, b"", {
        "ETag": f'"{app.state.version:#x}"',
        "Last-Modified": email.utils.formatdate(app.state.clock(),
                                                usegmt=True),
        "x-ms-version": "2021-08-06", "x-ms-request-server-encrypted": "true",
        "x-ms-blob-append-offset": str(len(blob.data)),
        "x-ms-blob-committed-block-count": str(blob.appends)})


def create(blob, request):
    """Create a blob; return a refusal, or None."""
    kind = request.headers.get("x-ms-blob-type")
    if kind not in ("BlockBlob", "AppendBlob"):
        return azure_error(400, "MissingRequiredHeader")
    if blob.kind and request.headers.get("if-none-match") == "*":
        return azure_error(409, "BlobAlreadyExists")
    blob.kind, blob.sealed, blob.appends = kind, False, 0
    blob.data = request.body
    return None


def append(blob, request):
    """Append to a blob, seal it, or both; return a refusal, or None.

    Azure's library seals in a call of its own, the Worker's own way with the
    last block.
    """
    if blob.kind is None:
        return azure_error(404, "BlobNotFound")
    if blob.kind != "AppendBlob":
        return azure_error(409, "InvalidBlobType")
    if blob.sealed:
        return azure_error(409, "BlobIsSealed")
    if request.query["comp"] == "appendblock":
        blob.data += request.body
        blob.appends += 1
    blob.sealed = (request.query["comp"] == "seal"
                   or request.query.get("seal") == "true")
    return None


@routes.add("GET", "/blobs/{name}")
async def get_blob(app, request, name):
    """Give a blob to who has its signed URL."""
    right = credentials.sign(f"{name} {request.query.get('se')}")
    blob = app.state.blobs.get(name)
    if blob is None or request.query.get("sig") != right:
        return azure_error(403, "AuthenticationFailed")
    return Response(200, blob.data, {"Content-Type": "text/plain"})


@routes.add("GET", "/feed/{job_uuid}")
async def feed(app, request, job_uuid):
    """4.5: the live log over a WebSocket."""
    job = app.state.job_of_token(bearer(request))
    if job is None or job.uuid != job_uuid:
        return Response(401)
    if request.headers.get("upgrade", "").lower() != "websocket":
        return Response(400)
    socket = WebSocket(request)
    await socket.accept()
    async for text in socket.messages():
        job.feed.extend(json.loads(text).get("value") or [])
        app.state.changed()
    return None


@routes.add("POST", "/actions/build/{plan}/jobs/{job_uuid}/runnerresolve"
                    "/actions")
async def resolve_actions(app, request, plan, job_uuid):
    """Tell where the actions of `uses:` are to be downloaded."""
    job = app.state.job_of_token(bearer(request))
    if job is None or (job.plan_id, job.uuid) != (plan, job_uuid):
        return Response(401)
    found, errors = {}, {}
    for wanted in request.data().get("actions", []):
        name, ref = wanted["action"], wanted["version"]
        action = app.state.actions.get((name.lower(), ref))
        if action is None:
            errors[f"{name}@{ref}"] = {
                "message": f"Unable to resolve action `{name}@{ref}`, "
                           f"unable to find version `{ref}`"}
            continue
        url = f"{request.base}/_actions/{name}/{action['sha']}"
        found[f"{name}@{ref}"] = {
            "name": name, "resolved_name": name, "version": ref,
            "resolved_sha": action["sha"], "tar_url": f"{url}.tar.gz",
            "zip_url": f"{url}.zip", "authentication": None}
    if errors:
        return Response.json({"errors": errors}, 422)
    return Response.json({"actions": found})


@routes.add("GET", "/_actions/{owner}/{repo}/{archive}")
async def action_tarball(app, _request, owner, repo, archive):
    """Give an action's tarball."""
    for (name, _ref), action in app.state.actions.items():
        if (name == f"{owner}/{repo}".lower()
                and archive == f"{action['sha']}.tar.gz"):
            return Response(200, action["data"],
                            {"Content-Type": "application/x-gzip"})
    return Response(404)
