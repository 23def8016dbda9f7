"""A job of the run service, from its message to completejob."""

import json
import os
import socket
import time

from . import build, wire
from .expressions import Evaluator, context_value, template_value, text
from .host import architecture, new_uuid, now_o
from .logs import LogFile
from .masks import from_message
from .processes import snapshot, sweep
from .results import Results
from .steps import HookStep, ScriptStep, Step, StepError, run_step
from .store import Store

EXIT_CODES = {"succeeded": 100, "failed": 102, "canceled": 103,
              "skipped": 104, "abandoned": 105}

GITHUB_VARIABLES = frozenset("""action_path action_ref action_repository
action actor actor_id api_url artifacts artifacts_list base_ref env event_name
event_path graphql_url head_ref job output path ref_name ref_protected ref_type
ref repository repository_id repository_owner repository_owner_id
retention_days run_attempt run_id run_number server_url sha state step_summary
triggering_actor workflow workflow_ref workflow_sha workspace""".split())

COMPLETE_TRIES = 5
SHUTDOWN = ("The runner has received a shutdown signal. This can happen when "
            "the runner service is stopped, or a manually started runner is "
            "canceled.")


class SetupError(Exception):
    """`Set up job` fails: no step runs, and no hook either."""


class Job:
    """Everything that the steps of one job share."""

    def __init__(self, host, settings, message, control):
        self.host = host
        self.message = message
        self.control = control
        self.masker = from_message(message)
        host.trace.mask = self.masker.mask
        self._settings = settings
        self.timeline = message["timeline"]["id"]
        self.variables = {
            name.lower(): (variable or {}).get("value") or ""
            for name, variable in (message.get("variables") or {}).items()}
        self.debug = self.variables.get("actions_step_debug") == "true"
        endpoint = next(e for e in message["resources"]["endpoints"]
                        if e["name"].lower() == "systemvssconnection")
        self._run_url = endpoint["url"]
        self._token = endpoint["authorization"]["parameters"]["AccessToken"]
        orchestration = self.variables.get("system.orchestrationid")
        if orchestration:
            host.add_agent("OrchestrationId", orchestration)
        self.results = Results(host, message, self._token)
        self.feed = self._open_feed(endpoint)
        self.log = LogFile(host.directories.diag, self.timeline,
                           message["jobId"])
        self.work = host.directories.work(settings)
        self.temp = os.path.join(self.work, "_temp")
        self.workspace = None
        self.environment = {}
        self.prepend_path = []
        self.defaults = {}
        self.steps_context = {}
        self.outputs = {}
        self.contexts = self._contexts()
        self._result = None
        self._steps = []
        self._before = {}
        self._tracking_id = "github_" + new_uuid()

    def _open_feed(self, endpoint):
        url = (endpoint.get("data") or {}).get("FeedStreamUrl")
        if not url:
            return None
        from .feed import Feed
        return Feed(self.host, url, self._token)

    def _contexts(self):
        contexts = {name.lower(): context_value(value) for name, value in
                    (self.message.get("contextData") or {}).items()}
        github = contexts.get("github") or {}
        contexts["github"] = github
        contexts["secrets"] = {
            name: (variable or {}).get("value") or ""
            for name, variable in (self.message.get("variables")
                                   or {}).items()
            if (variable or {}).get("isSecret")}
        contexts["runner"] = {"os": "Linux", "arch": architecture(),
                              "name": self._settings.get("agentName") or ""}
        if self.variables.get("system.runnerenvironment"):
            contexts["runner"]["environment"] = \
                self.variables["system.runnerenvironment"]
        if self.debug:
            contexts["runner"]["debug"] = "1"
        for name in ("needs", "inputs", "vars", "strategy", "matrix"):
            contexts.setdefault(name, None)
        github.setdefault("job", self.variables.get("system.github.job"))
        return contexts

    # -- state that conditions ask for

    def status(self):
        return self._result or "succeeded"

    def status_function(self, name):
        if name == "always":
            return True
        wanted = {"success": "succeeded", "failure": "failed",
                  "cancelled": "canceled"}[name]
        return self.status() == wanted

    def canceled(self, reason):
        """A shutdown of the runner fails its job, a cancellation cancels."""
        self._result = "failed" if reason == "shutdown" else "canceled"

    def failed(self):
        if self._result in (None, "succeeded"):
            self._result = "failed"

    def context_environment(self):
        """GITHUB_* and RUNNER_*; the names are a list, not all of github."""
        variables = {}
        for name, value in self.contexts["github"].items():
            if name.lower() in GITHUB_VARIABLES and isinstance(
                    value, (str, bool)):
                variables["GITHUB_" + name.upper()] = text(value)
        for name, value in self.contexts["runner"].items():
            variables["RUNNER_" + name.upper()] = text(value)
        return variables

    # -- directories

    def _directory(self, *parts):
        path = os.path.join(self.work, *parts)
        os.makedirs(path, exist_ok=True)
        return path

    def _clean_temp(self):
        import shutil
        os.makedirs(self.temp, exist_ok=True)
        for entry in os.scandir(self.temp):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                try:
                    os.unlink(entry.path)
                except OSError:
                    pass

    def make_directories(self):
        self._directory()
        tools = self.host.directories.tools(self._settings)
        os.makedirs(tools, exist_ok=True)
        self._clean_temp()
        self.contexts["runner"].update(temp=self.temp, tool_cache=tools)

    def _prepare_workspace(self):
        repository = self.contexts["github"].get("repository") or ""
        name = repository.rpartition("/")[2]
        if not name:
            raise SetupError("Value cannot be null. (Parameter "
                             "'repoFullName')")
        self._directory("_actions")
        pipeline = self._directory(name)
        clean = (self.message.get("workspace") or {}).get("clean")
        if clean == "all":
            import shutil
            shutil.rmtree(pipeline, ignore_errors=True)
        self.workspace = self._directory(name, name)
        folder = self._directory("_PipelineMapping", *repository.split("/"))
        with open(os.path.join(folder, "PipelineFolder.json"), "w",
                  encoding="utf-8") as file:
            json.dump({"repositoryName": repository,
                       "pipelineDirectory": name,
                       "workspaceDirectory": "%s/%s" % (name, name),
                       "lastRunOn": now_o()}, file, indent=2)
        self.contexts["runner"]["workspace"] = pipeline
        self.contexts["github"]["workspace"] = self.workspace

    def write_event(self):
        """The webhook's payload becomes a file for GITHUB_EVENT_PATH."""
        folder = os.path.join(self.temp, "_github_workflow")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "event.json")
        if not os.path.exists(path):
            with open(path, "w", encoding="utf-8") as file:
                json.dump(self.contexts["github"].get("event") or {}, file,
                          indent=2)
        self.contexts["github"]["event_path"] = path

    # -- setting up

    def _plan(self):
        """The steps to run, hooks included, with their numbers.

        Hooks after the job are numbered at the end of a gap left for what
        actions might add.
        """
        steps = []
        started = os.environ.get("ACTIONS_RUNNER_HOOK_JOB_STARTED")
        completed = os.environ.get("ACTIONS_RUNNER_HOOK_JOB_COMPLETED")
        if started:
            steps.append(HookStep(self, "Set up runner", 2, started,
                                  "job started"))
        for data in self.message.get("steps") or []:
            if (data.get("reference") or {}).get("type") != "script":
                reference = data.get("reference") or {}
                raise SetupError(
                    "The stand-in runner runs no actions: '%s' is not "
                    "available. Use run: steps." % (
                        reference.get("name") or reference.get("image")))
            steps.append(ScriptStep(self, data, len(steps) + 2))
        last = len(steps) + 1
        if completed:
            last = 2 * last
            steps.append(HookStep(self, "Complete runner", last, completed,
                                  "job completed"))
        return steps, last

    def _evaluate_job(self):
        evaluator = Evaluator(dict(self.contexts, env=self.environment,
                                   steps={}, job={}), self.status_function)
        for token in self.message.get("environmentVariables") or []:
            for name, value in (template_value(token, evaluator)
                                or {}).items():
                self.environment[name] = text(value)
        for token in self.message.get("defaults") or []:
            run = (template_value(token, evaluator) or {}).get("run")
            self.defaults.update({k: text(v) for k, v in (run or {}).items()
                                  if text(v)})
        for key in ("jobContainer", "jobServiceContainers"):
            if template_value(self.message.get(key), evaluator):
                raise SetupError("The stand-in runner runs no containers "
                                 "(%s)." % key)

    def _set_up(self, step):
        self._describe(step)
        step.write("Prepare workflow directory")
        self._prepare_workspace()
        self._evaluate_job()
        step.write("Prepare all required actions")
        steps = self._plan()
        if self.message.get("jobDisplayName"):
            step.write("Complete job name: "
                       + self.message["jobDisplayName"])
        os.environ["RUNNER_TRACKING_ID"] = self._tracking_id
        self._before = snapshot()
        return steps

    def _describe(self, step):
        step.write("Current runner version: '%s'" % build.VERSION)
        step.write("Runner name: '%s'" % self._settings.get("agentName"))
        if Store(self.host.directories.root).has_credentials():
            # The real one, too, names the machine only where it finds them.
            step.write("Runner group name: '%s'"
                       % self.variables.get("system.runnergroupname", ""))
            step.write("Machine name: '%s'" % socket.gethostname())
        else:
            step.write("Runner group name: '%s'"
                       % self._settings.get("poolName"))
        step.write("##[group]GITHUB_TOKEN Permissions")
        for name, value in json.loads(self.variables.get(
                "system.github.token.permissions") or "{}").items():
            step.write("%s: %s" % (name, value))
        step.write("##[endgroup]")
        if self.contexts["github"].get("secret_source"):
            step.write("Secret source: %s"
                       % self.contexts["github"]["secret_source"])

    # -- running

    def run(self):
        """The result's exit code for the Listener."""
        step = Step(self, "Set up job", 1, action="setup_job")
        self._steps.append(step)
        step.start()
        try:
            self.make_directories()
            steps, last = self._set_up(step)
        except (SetupError, StepError, OSError, ValueError) as error:
            step.error(str(error))
            step.complete("failed")
            self.failed()
            return self._complete()
        step.complete("succeeded")
        for step in steps:
            self._steps.append(step)
            run_step(step, self)
        self._finalize(last + 1)
        return self._complete()

    def _finalize(self, number):
        step = Step(self, "Complete job", number, action="complete_job")
        self._steps.append(step)
        step.start()
        self.control.look()
        if self.control.reason == "shutdown":
            step.error(SHUTDOWN)
        self._evaluate_outputs(step)
        if self.variables.get("process.clean", "true").lower() != "false":
            step.write("Cleaning up orphan processes")
            sweep(self._tracking_id, self._before, step.write)
        step.complete("succeeded")

    def _evaluate_outputs(self, step):
        if not self.message.get("jobOutputs"):
            return
        step.write("Evaluate and set job outputs")
        values = template_value(self.message["jobOutputs"], step.evaluator())
        for name, value in (values or {}).items():
            value = text(value)
            if not value:
                continue
            if self.masker.mask(value) != value:
                step.issue("warning", "Skip output '%s' since it may contain "
                           "secret." % name, {})
                continue
            step.write("Set output '%s'" % name)
            self.outputs[name] = {"value": value}

    def _complete(self):
        """Logs first, then the report: what reads the job afterwards finds
        all of it."""
        result = self.status()
        if self.log.end():
            self.results.upload_log(self.log)
        self.results.finish()
        if self.feed:
            self.feed.close()
        self._clean_temp()
        body = {"planId": self.message["plan"]["planId"],
                "jobId": self.message["jobId"], "conclusion": result,
                "outputs": self.outputs,
                "stepResults": [s.as_result() for s in self._steps],
                "annotations": [],
                "billingOwnerId": self.message.get("billingOwnerId")}
        self._post_completion(body)
        return EXIT_CODES[result]

    def _post_completion(self, body):
        """Raises when no try succeeds: the Worker then ends as crashed."""
        for attempt in range(COMPLETE_TRIES):
            try:
                answer = wire.request_with_retry(
                    "POST", self._run_url + "completejob",
                    self.host.headers(self._token, **{
                        "Content-Type": "application/json; charset=utf-8"}),
                    json.dumps(body).encode())
                if answer.ok:
                    return
                error = "Failed to complete job: %d (%s). %s" % (
                    answer.status, answer.reason, answer.text[:200])
                if answer.status in (401, 404):
                    break
            except wire.WireError as failure:
                error = str(failure)
            self.host.trace.error("JobRunner", error)
            if attempt < COMPLETE_TRIES - 1:
                time.sleep(5)       # the runner's own pause between tries
        raise RuntimeError(error)
