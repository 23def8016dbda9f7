"""The JSON that REST shows of things, whole by GitHub's published schema.

A manager reads few of these properties; they are all here so that a validator
can be put between it and the stand-in.
"""

import base64
import datetime
import hashlib

PACIFIC = datetime.timezone(datetime.timedelta(hours=-8))
CREATED = "2020-01-22T19:33:08Z"

CONCLUSIONS = {"succeeded": "success", "failed": "failure",
               "canceled": "cancelled", "skipped": "skipped", None: None}

ACCOUNT_LINKS = (
    "events", "followers", "following", "gists", "organizations",
    "received_events", "repos", "starred", "subscriptions")
ORGANISATION_LINKS = ("repos", "events", "hooks", "issues", "members",
                      "public_members")
REPOSITORY_LINKS = (
    "archive", "assignees", "blobs", "branches", "collaborators", "comments",
    "commits", "compare", "contents", "contributors", "deployments",
    "downloads", "events", "forks", "git_commits", "git_refs", "git_tags",
    "hooks", "issue_comment", "issue_events", "issues", "keys", "labels",
    "languages", "merges", "milestones", "notifications", "pulls", "releases",
    "stargazers", "statuses", "subscribers", "subscription", "tags", "teams",
    "trees")
REPOSITORY_COUNTS = (
    "forks", "forks_count", "open_issues", "open_issues_count", "size",
    "stargazers_count", "watchers", "watchers_count", "network_count",
    "subscribers_count")
USER_NOTHINGS = ("bio", "blog", "company", "email", "hireable", "location",
                 "name")


def timestamp(seconds):
    """Return a time in UTC as most of REST writes it."""
    if seconds is None:
        return None
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def timestamp_with_offset(seconds):
    """Return a time as tokens of runners have it: milliseconds, offset."""
    moment = datetime.datetime.fromtimestamp(seconds, PACIFIC)
    return moment.isoformat(timespec="milliseconds")


def node_id(kind, number):
    """Return an opaque global id."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def links(url, names):
    """Return NAME_url for each of the names."""
    return {f"{name}_url": f"{url}/{name}" for name in names}


def head_sha(repository, ref):
    """Return the commit that a ref stands for, the same each time."""
    return hashlib.sha1(f"{repository.full_name}{ref}".encode()).hexdigest()


def account_json(account, base):
    """Return an account as it stands inside other things."""
    url = f"{base}/api/v3/users/{account.login}"
    kind = "User" if account.kind == "User" else "Organization"
    return {"login": account.login, "id": account.id, "type": kind,
            "node_id": node_id(kind, account.id), "url": url,
            "avatar_url": f"{base}/avatars/u/{account.id}",
            "gravatar_id": "", "html_url": f"{base}/{account.login}",
            "site_admin": False, **links(url, ACCOUNT_LINKS)}


def user_json(account, base):
    """Return the user that a token belongs to."""
    return {**account_json(account, base), **dict.fromkeys(USER_NOTHINGS),
            "followers": 0, "following": 0, "public_gists": 0,
            "public_repos": 0, "created_at": CREATED, "updated_at": CREATED}


def organisation_json(account, base):
    """Return an organisation."""
    url = f"{base}/api/v3/orgs/{account.login}"
    return {"login": account.login, "id": account.id, "type": account.kind,
            "node_id": node_id("Organization", account.id), "url": url,
            "avatar_url": f"{base}/avatars/u/{account.id}",
            "html_url": f"{base}/{account.login}", "description": None,
            "has_organization_projects": False,
            "has_repository_projects": False, "public_repos": 0,
            "public_gists": 0, "followers": 0, "following": 0,
            "created_at": CREATED, "updated_at": CREATED,
            "archived_at": None, **links(url, ORGANISATION_LINKS)}


def repository_json(repository, owner, base):
    """Return a repository; `permissions` are the caller's affair."""
    url = f"{base}/api/v3/repos/{repository.full_name}"
    page = f"{base}/{repository.full_name}"
    return {
        "id": repository.id, "name": repository.name,
        "node_id": node_id("Repository", repository.id),
        "full_name": repository.full_name, "private": repository.private,
        "visibility": repository.visibility, "archived": repository.archived,
        "disabled": False, "fork": False, "default_branch": "main",
        "owner": account_json(owner, base), "url": url, "html_url": page,
        "clone_url": f"{page}.git", "svn_url": page,
        "git_url": f"git{page.removeprefix('https').removeprefix('http')}",
        "ssh_url": f"git@{base.partition('://')[2]}:"
                   f"{repository.full_name}.git",
        "mirror_url": None, "homepage": None, "description": None,
        "language": None, "license": None, "has_issues": True,
        "has_projects": False, "has_wiki": False, "has_pages": False,
        "has_discussions": False, "created_at": CREATED,
        "updated_at": CREATED, "pushed_at": CREATED,
        **dict.fromkeys(REPOSITORY_COUNTS, 0),
        **links(url, REPOSITORY_LINKS)}


def runner_json(runner):
    """Return a runner."""
    return {"id": runner.id, "name": runner.name, "os": runner.os,
            "status": runner.status, "busy": runner.busy,
            "ephemeral": runner.ephemeral, "version": runner.version,
            "runner_group_id": runner.group.id, "labels": runner.labels}


def group_json(group, base):
    """Return a runner group."""
    return {"id": group.id, "name": group.name, "default": group.default,
            "visibility": "all" if group.repositories is None else "selected",
            "allows_public_repositories": group.allows_public_repositories,
            "inherited": False, "is_hosted": False,
            "restricted_to_workflows": False,
            "runners_url": f"{base}/api/v3/{group.scope.path}/actions/"
                           f"runner-groups/{group.id}/runners"}


def job_json(job, base):
    """Return a job."""
    runner = job.runner if not job.offered else None
    url = f"{base}/api/v3/repos/{job.repository.full_name}"
    ref = job.spec.get("ref", "refs/heads/main")
    return {
        "id": job.id, "run_id": job.run_id, "name": job.name,
        "node_id": node_id("CheckRun", job.id),
        "status": job.status, "conclusion": CONCLUSIONS[job.conclusion],
        "labels": job.labels, "run_attempt": 1,
        "created_at": timestamp(job.created_at),
        "started_at": timestamp(job.started_at or job.created_at),
        "completed_at": timestamp(job.completed_at),
        "runner_id": runner.id if runner else None,
        "runner_name": runner.name if runner else None,
        "runner_group_id": runner.group.id if runner else None,
        "runner_group_name": runner.group.name if runner else None,
        "workflow_name": job.spec.get("workflow", "ci"),
        "head_branch": ref.removeprefix("refs/heads/"),
        "head_sha": head_sha(job.repository, ref),
        "url": f"{url}/actions/jobs/{job.id}",
        "run_url": f"{url}/actions/runs/{job.run_id}",
        "html_url": f"{base}/{job.repository.full_name}/actions/runs/"
                    f"{job.run_id}/job/{job.id}",
        "check_run_url": f"{url}/check-runs/{job.id}",
        "steps": [step_json(step) for step in sorted(
            job.steps.values(), key=lambda step: step.get("number") or 0)]}


def step_json(step):
    """Return a step of a job."""
    status = step.get("status")
    return {"name": step.get("name") or "", "number": step.get("number") or 0,
            "status": {"pending": "queued"}.get(status, status) or "queued",
            "conclusion": CONCLUSIONS.get(step.get("conclusion"))}


def run_status(jobs):
    """Return status and conclusion of a run with these jobs."""
    if all(job.status == "completed" for job in jobs):
        ends = {CONCLUSIONS[job.conclusion] for job in jobs}
        worst = [end for end in ("failure", "cancelled", "success")
                 if end in ends]
        return "completed", worst[0] if worst else "skipped"
    if any(job.status == "in_progress" for job in jobs):
        return "in_progress", None
    return "queued", None


def run_json(run_id, jobs, owner, base):
    """Return a run of these jobs."""
    status, conclusion = run_status(jobs)
    first = jobs[0]
    repository = repository_json(first.repository, owner, base)
    url = f"{repository['url']}/actions/runs/{run_id}"
    ref = first.spec.get("ref", "refs/heads/main")
    return {
        "id": run_id, "node_id": node_id("WorkflowRun", run_id),
        "name": first.spec.get("workflow", "ci"),
        "display_title": first.name, "run_number": first.id,
        "run_attempt": 1, "path": ".github/workflows/ci.yml",
        "event": first.spec.get("event_name", "workflow_dispatch"),
        "status": status, "conclusion": conclusion, "workflow_id": 1,
        "head_branch": ref.removeprefix("refs/heads/"),
        "head_sha": head_sha(first.repository, ref), "head_commit": None,
        "created_at": timestamp(first.created_at),
        "updated_at": timestamp(max(job.completed_at or job.started_at
                                    or job.created_at for job in jobs)),
        "url": url, "pull_requests": [],
        "html_url": f"{repository['html_url']}/actions/runs/{run_id}",
        **links(url, ("jobs", "logs", "artifacts", "cancel", "rerun")),
        "check_suite_url": f"{repository['url']}/check-suites/{run_id}",
        "workflow_url": f"{repository['url']}/actions/workflows/1",
        "repository": repository, "head_repository": repository}


def release_json(version, assets, author, base):
    """Return a release of the runner; assets are (asset, its URL)."""
    url = f"{base}/api/v3/repos/actions/runner/releases"
    page = f"{base}/actions/runner"
    shown = account_json(author, base)
    sums = "\n".join(
        f"- {asset.filename} <!-- BEGIN SHA {asset.os}-{asset.architecture} "
        f"-->{asset.sha256_checksum or asset.sha256}"
        f"<!-- END SHA {asset.os}-{asset.architecture} -->"
        for asset, _ in assets)
    return {
        "id": 1, "node_id": node_id("Release", version), "url": f"{url}/1",
        "tag_name": f"v{version}", "name": f"v{version}",
        "target_commitish": "main", "draft": False, "prerelease": False,
        "html_url": f"{page}/releases/tag/v{version}",
        "assets_url": f"{url}/1/assets", "upload_url": f"{url}/1/assets",
        "tarball_url": f"{page}/archive/v{version}.tar.gz",
        "zipball_url": f"{page}/archive/v{version}.zip",
        "created_at": CREATED, "published_at": CREATED, "author": shown,
        "body": f"## SHA-256 Checksums\n\n{sums}\n",
        "assets": [{
            "id": number, "node_id": node_id("ReleaseAsset", number),
            "url": f"{url}/assets/{number}", "name": asset.filename,
            "label": "", "size": asset.size, "state": "uploaded",
            "content_type": "application/x-gzip", "download_count": 0,
            "digest": f"sha256:{asset.sha256_checksum or asset.sha256}",
            "created_at": CREATED, "updated_at": CREATED, "uploader": shown,
            "browser_download_url": download}
            for number, (asset, download) in enumerate(assets, 1)]}
