"""The answer of acquirejob: a job in the form that the Worker takes.

A job is described to the stand-in much as in a workflow file: `steps` with
run, uses, with, env, if, shell and so on; `env`, `container`, `services`,
`matrix`, `outputs`, `defaults`, `vars`, `secrets`, `inputs`.  GitHub parses
workflows into template tokens on its side, so that is done here.
"""

import re
import uuid

from .shapes import head_sha

EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
STATUS_FUNCTION = re.compile(r"\b(success|failure|always|cancelled)\s*\(",
                             re.IGNORECASE)
NIL_UUID = "00000000-0000-0000-0000-000000000000"


def literal(text):
    """Return a string token."""
    return {"type": 0, "lit": text}


def token(value):
    """Return the template token for a value of a workflow file."""
    if value is None:
        return {"type": 7}
    if isinstance(value, bool):
        return {"type": 5, "bool": value}
    if isinstance(value, (int, float)):
        return {"type": 6, "num": value}
    if isinstance(value, dict):
        return {"type": 2, "map": [
            {"Key": token(str(key)), "Value": token(item)}
            for key, item in value.items()]}
    if isinstance(value, list):
        return {"type": 1, "seq": [token(item) for item in value]}
    return string_token(value)


def string_token(text):
    """Return the token for a string, with its ${{ }} made an expression."""
    parts = EXPRESSION.split(text)
    if len(parts) == 1:
        return literal(text)
    if len(parts) == 3 and not parts[0] and not parts[2]:
        return {"type": 3, "expr": parts[1].strip()}
    pattern, arguments = "", []
    for number, part in enumerate(parts):
        if number % 2:
            pattern += "{%d}" % len(arguments)
            arguments.append(part.strip())
        else:
            pattern += part.replace("{", "{{").replace("}", "}}")
    quoted = pattern.replace("'", "''")
    return {"type": 3, "expr": f"format('{quoted}', {', '.join(arguments)})"}


def optional(value):
    """Return a token, or None where nothing was said."""
    return None if value is None else token(value)


def context(value):
    """Return a value in the form of context data."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return {"t": 3, "b": value}
    if isinstance(value, (int, float)):
        return {"t": 4, "n": value}
    if isinstance(value, dict):
        return {"t": 2, "d": [{"k": str(key), "v": context(item)}
                              for key, item in value.items()]}
    return {"t": 1, "a": [context(item) for item in value]}


def condition(step):
    """Return the condition of a step; success() is implied."""
    text = step.get("if")
    if text is None:
        return "success()"
    text = str(text).strip()
    whole = EXPRESSION.fullmatch(text)
    text = whole.group(1).strip() if whole else text
    if STATUS_FUNCTION.search(text):
        return text
    return f"success() && ({text})"


def reference(uses):
    """Return what a `uses:` refers to."""
    if uses.startswith("docker://"):
        return {"type": "containerRegistry",
                "image": uses.removeprefix("docker://")}
    if uses.startswith("./"):
        return {"type": "repository", "repositoryType": "self",
                "name": None, "ref": None, "path": uses}
    name, _, ref = uses.partition("@")
    owner, repository, *path = name.split("/")
    return {"type": "repository", "repositoryType": "GitHub",
            "name": f"{owner}/{repository}", "ref": ref,
            "path": "/".join(path) or None}


def step_message(step, number):
    """Return one step; a plain string is a script."""
    if isinstance(step, str):
        step = {"run": step}
    if "run" in step:
        inputs = {"script": step["run"], "shell": step.get("shell"),
                  "workingDirectory": step.get("working-directory")}
        inputs = {key: item for key, item in inputs.items()
                  if item is not None}
        what, name = {"type": "script"}, "__run"
    else:
        inputs = step.get("with") or {}
        what = reference(step["uses"])
        name = "__" + re.sub(r"\W", "_", step["uses"].partition("@")[0])
    unique = name if number == 1 else f"{name}_{number}"
    return {
        "type": "action", "id": str(uuid.uuid4()), "name": unique,
        "contextName": step.get("id") or unique, "reference": what,
        "displayNameToken": optional(step.get("name")),
        "condition": condition(step),
        "continueOnError": optional(step.get("continue-on-error")),
        "timeoutInMinutes": optional(step.get("timeout-minutes")),
        "environment": optional(step.get("env")),
        "inputs": token({key: item if isinstance(item, (str, bool))
                         else str(item) for key, item in inputs.items()}),
    }


def github_context(job, account, base):
    """Return the github context."""
    repository, spec = job.repository, job.spec
    event = spec.get("event_name", "workflow_dispatch")
    ref = spec.get("ref", "refs/heads/main")
    sha = head_sha(repository, ref)
    file = spec.get("workflow_file", ".github/workflows/ci.yml")
    actor = spec.get("actor", "octocat")
    values = {
        "server_url": base, "api_url": f"{base}/api/v3",
        "graphql_url": f"{base}/api/graphql",
        "repository": repository.full_name,
        "repository_owner": repository.owner,
        "repository_id": str(repository.id),
        "repository_owner_id": str(account.id),
        "repository_visibility": repository.visibility,
        "repositoryUrl": f"git://{base.partition('://')[2]}/"
                         f"{repository.full_name}.git",
        "run_id": str(job.run_id), "run_number": str(job.id),
        "run_attempt": "1", "workflow": spec.get("workflow", "ci"),
        "job": spec.get("job_id", "job"), "event_name": event,
        "event": spec.get("event", {}),
        "sha": spec.get("sha", sha), "ref": ref,
        "ref_name": ref.removeprefix("refs/heads/"), "ref_type": "branch",
        "ref_protected": False, "head_ref": "", "base_ref": "",
        "actor": actor, "actor_id": "1", "triggering_actor": actor,
        "token": job.github_token, "retention_days": "90",
        "workflow_ref": f"{repository.full_name}/{file}@{ref}",
        "workflow_sha": sha, "secret_source": "Actions",
    }
    return context(values)


def variables(job, base):
    """Return the variables; a secret one is masked by the Worker."""
    plain = {
        "system.github.job": job.spec.get("job_id", "job"),
        "system.github.runid": str(job.run_id),
        "system.github.token.permissions": '{"Contents":"read",'
                                           '"Metadata":"read"}',
        "system.runnerGroupName": job.runner.group.name,
        "system.runner.lowdiskspacethreshold": "100",
        "system.github.results_endpoint": f"{base}/results/",
        "system.github.launch_endpoint": f"{base}/",
        "system.github.results_upload_with_sdk": "true"
        if job.spec.get("upload_with_sdk", True) else None,
        "system.orchestrationId": f"{job.plan_id}.job.__default",
        "DistributedTask.NewActionMetadata": "true",
        "actions_display_helpful_actions_download_errors": "true",
        "actions_step_debug": "true" if job.spec.get("debug") else None,
    }
    secret = {"system.github.token": job.github_token,
              "github_token": job.github_token,
              **(job.spec.get("secrets") or {})}
    values = {key: {"value": text} for key, text in plain.items()
              if text is not None}
    values.update({key: {"value": text, "isSecret": True}
                   for key, text in secret.items()})
    return values


def contexts(job, account, base):
    """Return the contexts that expressions see."""
    spec = job.spec
    return {
        "github": github_context(job, account, base),
        "needs": context(spec.get("needs") or {}),
        "inputs": context(spec.get("inputs") or {}),
        "vars": context(spec.get("vars") or {}),
        "strategy": context({"fail-fast": True, "job-index": 0,
                             "job-total": 1, "max-parallel": 1}),
        "matrix": context(spec.get("matrix")),
    }


def endpoint(job, base):
    """Return the endpoint by which the Worker reaches the services."""
    feed = base.replace("http", "ws", 1)
    return {
        "name": "SystemVssConnection", "url": f"{base}/run/",
        "authorization": {"scheme": "OAuth",
                          "parameters": {"AccessToken": job.token}},
        "data": {"CacheServerUrl": f"{base}/cache/",
                 "FeedStreamUrl": f"{feed}/feed/{job.uuid}"},
        "isShared": False, "isReady": True,
    }


def build(job, account, base):
    """Return the message for an acquired job."""
    spec = job.spec
    file = spec.get("workflow_file", ".github/workflows/ci.yml")
    masked = [job.github_token, *(spec.get("secrets") or {}).values()]
    return {
        "messageType": "RunnerJobRequest",
        "plan": {"scopeIdentifier": NIL_UUID, "planType": "actions",
                 "version": 12, "planId": job.plan_id},
        "timeline": {"id": str(uuid.uuid4()), "changeId": 1},
        "jobId": job.uuid, "jobDisplayName": job.name,
        "jobName": "__default", "requestId": 0,
        "lockedUntil": "0001-01-01T00:00:00",
        "resources": {"endpoints": [endpoint(job, base)]},
        "contextData": contexts(job, account, base),
        "variables": variables(job, base),
        "mask": [{"type": "regex", "value": re.escape(text)}
                 for text in masked],
        "steps": [step_message(step, number) for number, step
                  in enumerate(spec.get("steps") or ["true"], 1)],
        "environmentVariables": [token(spec["env"])] if spec.get("env")
        else None,
        "defaults": [token(spec["defaults"])] if spec.get("defaults")
        else None,
        "jobContainer": optional(spec.get("container")),
        "jobServiceContainers": optional(spec.get("services")),
        "jobOutputs": optional(spec.get("outputs")),
        "workspace": None, "fileTable": [file], "billingOwnerId": "1",
    }
