"""REST: runs and their jobs, workflow dispatches, Apps.

A job that is enqueued without a `run_id` is a run of its own.
"""

from . import results
from .httpd import Response
from .rest import page_of, routes
from .restauth import Refusal, not_found
from .shapes import job_json, run_json, timestamp

RUNS = "/repos/{owner}/{repo}/actions/runs"


def repository_of(app, caller, owner, repo):
    """Find a repository that the caller may see."""
    repository = app.state.repository(f"{owner}/{repo}")
    caller.need_read(repository.full_name)
    return repository


def need_write(caller, repository):
    """Refuse a caller that may not start or cancel runs."""
    if not caller.token.may_administer_name(repository.full_name):
        raise Refusal(403, "Must have admin rights to Repository.")


def jobs_of(app, repository, run_id=None):
    """Return the jobs of a repository, or of one of its runs."""
    return [job for job in app.state.jobs.values()
            if job.repository is repository
            and (run_id is None or job.run_id == int(run_id))]


@routes.add("GET", RUNS)
async def list_runs(app, request, caller, owner, repo):
    """List runs, the newest first; `status` selects."""
    repository = repository_of(app, caller, owner, repo)
    by_run = {}
    for job in jobs_of(app, repository):
        by_run.setdefault(job.run_id, []).append(job)
    owner = app.state.account(repository.owner)
    runs = [run_json(run_id, jobs, owner, request.base)
            for run_id, jobs in by_run.items()]
    wanted = request.query.get("status")
    if wanted:
        runs = [run for run in runs if wanted in (run["status"],
                                                  run["conclusion"])]
    runs.reverse()
    page, headers = page_of(request, runs)
    return Response.json({"total_count": len(runs), "workflow_runs": page},
                         headers=headers)


@routes.add("GET", RUNS + "/{run_id}/jobs")
async def list_jobs(app, request, caller, owner, repo, run_id):
    """List the jobs of a run."""
    jobs = jobs_of(app, repository_of(app, caller, owner, repo), run_id)
    if not jobs:
        raise not_found()
    page, headers = page_of(request, jobs)
    return Response.json({"total_count": len(jobs),
                          "jobs": [job_json(job, request.base)
                                   for job in page]},
                         headers=headers)


@routes.add("POST", RUNS + "/{run_id}/cancel")
async def cancel_run(app, _request, caller, owner, repo, run_id):
    """Cancel a run."""
    repository = repository_of(app, caller, owner, repo)
    need_write(caller, repository)
    jobs = jobs_of(app, repository, run_id)
    if not jobs:
        raise not_found()
    if all(job.status == "completed" for job in jobs):
        raise Refusal(409, "Cannot cancel a workflow run that is completed.")
    for job in jobs:
        app.dispatcher.cancel(job)
    return Response.json({}, 202)


def find_job(app, caller, owner, repo, job_id):
    """Find one job of a repository."""
    repository = repository_of(app, caller, owner, repo)
    job = app.state.jobs.get(int(job_id))
    if job is None or job.repository is not repository:
        raise not_found()
    return job


@routes.add("GET", "/repos/{owner}/{repo}/actions/jobs/{job_id}")
async def get_job(app, request, caller, owner, repo, job_id):
    """Show one job."""
    job = find_job(app, caller, owner, repo, job_id)
    return Response.json(job_json(job, request.base))


@routes.add("GET", "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs")
async def get_job_log(app, request, caller, owner, repo, job_id):
    """Redirect to the log of a job."""
    job = find_job(app, caller, owner, repo, job_id)
    if not job.log.data:
        raise not_found()
    return Response(302, b"", {
        "Location": results.signed_url(app, request, job.log)})


@routes.add("POST", "/repos/{owner}/{repo}/actions/workflows/{file}"
                    "/dispatches")
async def dispatch_workflow(app, request, caller, owner, repo, file):
    """Enqueue the jobs of a workflow that was told of beforehand."""
    repository = repository_of(app, caller, owner, repo)
    need_write(caller, repository)
    jobs = repository.workflows.get(file)
    if jobs is None:
        raise not_found()
    data = request.data()
    if not data.get("ref"):
        raise Refusal(422, "Invalid request.\n\n\"ref\" wasn't supplied.")
    run_id = 1000 + max(app.state.jobs, default=0) + 1
    for spec in jobs:
        app.dispatcher.enqueue(repository, {
            "inputs": data.get("inputs"), **spec, "run_id": run_id})
    return Response(204)


# Apps

def need_app(app, caller):
    """Return the App that calls."""
    if caller.app_id is None:
        raise Refusal(401, "A JSON web token could not be decoded")
    return app.state.apps[caller.app_id]


def installation_json(number, installation):
    """Return an installation as REST shows it."""
    return {"id": number, "account": {"login": installation["account"]},
            "permissions": installation["permissions"],
            "suspended_at": None}


@routes.add("GET", "/app")
async def get_app(app, _request, caller):
    """Show the App that calls."""
    found = need_app(app, caller)
    return Response.json({"id": found.id, "slug": found.slug,
                          "name": found.slug})


async def find_installation(app, caller, account):
    """Answer with the App's installation at an account."""
    for number, installation in need_app(app, caller).installations.items():
        if installation["account"].lower() == account.lower():
            return Response.json(installation_json(number, installation))
    raise not_found()


@routes.add("GET", "/repos/{owner}/{repo}/installation")
async def repository_installation(app, _request, caller, owner, repo):
    """Show where the App is installed for a repository."""
    app.state.repository(f"{owner}/{repo}")
    return await find_installation(app, caller, owner)


@routes.add("GET", "/orgs/{org}/installation")
async def organisation_installation(app, _request, caller, org):
    """Show where the App is installed for an organisation."""
    return await find_installation(app, caller, org)


@routes.add("POST", "/app/installations/{number}/access_tokens")
async def installation_token(app, _request, caller, number):
    """Hand out a token for an installation, good for an hour."""
    found = need_app(app, caller)
    installation = found.installations.get(int(number))
    if installation is None:
        raise not_found()
    token = app.state.add_installation_token(found, installation)
    expires = timestamp(token.expires_at)
    return Response.json({"token": token.value, "expires_at": expires,
                          "permissions": token.permissions,
                          "repository_selection": "all"}, 201)
