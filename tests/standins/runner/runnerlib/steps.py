"""The steps of a job: its scripts, and the hooks around them."""

import os

from . import commands
from .events import Deadline
from .expressions import (Evaluator, ExpressionError, template_value, text,
                          truth)
from .host import new_uuid, now_o
from .logs import LogFile, StepLog
from .processes import Canceled, Program, split_arguments, which

SHELLS = {"bash": "--noprofile --norc -e -o pipefail {0}", "sh": "-e {0}",
          "pwsh": "-command \". '{0}'\"", "python": "{0}",
          "powershell": "-command \". '{0}'\""}
EXTENSIONS = {"bash": ".sh", "sh": ".sh", "pwsh": ".ps1",
              "powershell": ".ps1", "python": ".py"}

MAX_ISSUES = 10     # of one kind in one step
MAX_ISSUE = 4096
OUTCOMES = {"succeeded": "success", "failed": "failure",
            "canceled": "cancelled", "skipped": "skipped"}


class StepError(Exception):
    """Fails the step; the message goes into its log and annotations."""


class Step:
    """State, log and annotations of one step; perform() is the subclasses'.

    `result` is what the job sees, `outcome` what it was before
    continue-on-error.
    """

    kind = "runner"
    condition = "always()"
    continue_on_error = None
    timeout = None
    context_name = None

    LEVELS = {"error": "failure", "warning": "warning", "notice": "notice"}

    def __init__(self, job, name, number, step_id=None, action=None):
        self.job = job
        self.id = step_id or new_uuid()
        self.name = name
        self.number = number
        self.action = action
        self.state = "pending"
        self.result = None
        self.outcome = None
        self.started = None
        self.completed = None
        self.annotations = []
        self.outputs = {}
        self.environment = {}
        self.debug = job.debug
        self._issues = {}
        self._file = LogFile(job.host.directories.diag, job.timeline, self.id)
        self.log = StepLog(job.log, self._file, job.masker,
                           job.feed.for_step(self.id) if job.feed else None)
        self.notices = job.variables.get(
            "distributedtask.enhancedannotations", "").lower() == "true"

    def write(self, line):
        self.log.write(line)

    def issue(self, kind, message, properties):
        """An annotation, and its line in the log."""
        message = self.job.masker.mask(message)[:MAX_ISSUE]
        self.write("##[%s]%s" % (kind, message))
        self._issues[kind] = self._issues.get(kind, 0) + 1
        if self._issues[kind] > MAX_ISSUES:
            return
        line = self._file.lines
        annotation = {"level": self.LEVELS[kind], "message": message}
        for ours, theirs in (("file", "path"), ("title", "title")):
            if properties.get(ours):
                annotation[theirs] = properties[ours]
        for ours, theirs in (("line", "startLine"), ("endline", "endLine"),
                             ("col", "startColumn"),
                             ("endcolumn", "endColumn")):
            if properties.get(ours, "").isdigit():
                annotation[theirs] = int(properties[ours])
        if "path" not in annotation and "startLine" not in annotation:
            annotation["startLine"] = line      # of the step's log
        annotation.setdefault("endLine", annotation.get("startLine", 0))
        self.annotations.append(dict(annotation, stepNumber=self.number))

    def error(self, message):
        self.issue("error", message, {})

    def set_output(self, name, value):
        self.outputs[name] = value

    def start(self):
        self.state = "inprogress"
        self.started = now_o()
        self.job.results.step_changed(self)

    def complete(self, result):
        """Ends the step and sends its log."""
        self.result = result
        self.outcome = self.outcome or result
        self.state = "completed"
        self.completed = now_o()
        self.job.results.step_changed(self)
        if self._file.end():
            self.job.results.upload_log(self._file, self.id)
        if self.context_name and not self.context_name.startswith("__"):
            self.job.steps_context[self.context_name] = {
                "outputs": self.outputs,
                "outcome": OUTCOMES[self.outcome],
                "conclusion": OUTCOMES[self.result]}

    def as_result(self):
        """The step's entry in completejob; of a step that did not run it
        is not told what it would have been."""
        entry = {"external_id": self.id, "number": self.number,
                 "name": self.name}
        if self.action:
            entry.update(action_name=self.action, type=self.kind)
        return dict(entry, status=self.state, conclusion=self.result,
                    started_at=self.started, completed_at=self.completed,
                    annotations=self.annotations)

    def evaluator(self):
        """Contexts as this step sees them: its own env on the job's."""
        contexts = dict(self.job.contexts)
        contexts["env"] = dict(self.job.environment, **self.environment)
        contexts["steps"] = self.job.steps_context
        contexts["job"] = {"status": OUTCOMES[self.job.status()]}
        return Evaluator(contexts, self.job.status_function)

    def wanted(self):
        return self.evaluator().condition(self.condition)

    def prepare(self):
        """Runs before the condition is looked at."""

    def perform(self):
        raise NotImplementedError


class ProgramStep(Step):
    """A step that runs one program."""

    def run_program(self, argv, cwd, environment, files):
        self.job.host.trace.info("ProcessInvoker", "Starting %r in %s"
                                 % (argv, cwd))
        output = commands.OutputCommands(self, self.job.masker)
        minutes = self.minutes()
        deadline = Deadline(minutes * 60 if minutes else None)
        try:
            program = Program(argv, cwd, environment, output.line,
                              self.job.host.trace, self.job.host.channel)
        except OSError as error:
            raise StepError("An error occurred trying to start process '%s' "
                            "with working directory '%s'. %s" % (
                                argv[0], cwd, error.strerror))
        try:
            code = program.run(self.job.control, deadline)
        except Canceled:
            if self.job.control.stop_step():
                self.error("The operation was canceled.")
                return "canceled"
            raise StepError("The action '%s' has timed out after %d minutes."
                            % (self.name, minutes))
        finally:
            self._apply(files)
        if code != 0:
            self.error("Process completed with exit code %d." % code)
            return "failed"
        return "succeeded"

    def _apply(self, files):
        try:
            files.apply(self.job, self)
        except commands.CommandError as error:
            self.error("Unable to process file command successfully.")
            raise StepError(str(error))

    def minutes(self):
        """Whole ones; what is less than one is no time-out at all."""
        value = template_value(self.timeout, self.evaluator())
        return int(float(value)) if value else 0

    def files(self):
        files = commands.CommandFiles(self.job.temp, new_uuid())
        self.job.contexts["github"].update(files.paths)
        return files

    def base_environment(self):
        """The Worker's environment with the job's paths in front, and the
        github and runner contexts."""
        environment = dict(os.environ)
        if self.job.prepend_path:
            environment["PATH"] = ":".join(
                [*reversed(self.job.prepend_path),
                 self.environment.get("PATH")
                 or self.job.environment.get("PATH")
                 or environment.get("PATH", "")])
        return environment


class HookStep(ProgramStep):
    """Set up runner, Complete runner: a script of the administrator's.

    Its path is not quoted, so that one with blanks falls apart as it does
    in the real runner.  The log names bash's own arguments, yet bash is run
    with sh's, `bash -e PATH`, without pipefail: the real runner was seen to.
    """

    def __init__(self, job, name, number, path, what):
        super().__init__(job, name, number, action={
            "job started": "Pre Job Hook",
            "job completed": "Post Job Hook"}[what])
        self._path = path
        self._what = what

    def _command(self):
        """(program, form of its arguments as told, and as used)"""
        extension = os.path.splitext(self._path)[1]
        if extension == ".sh":
            name = "bash" if which("bash", self.job.prepend_path) else "sh"
            program = which(name, self.job.prepend_path)
            return program, SHELLS[name], SHELLS["sh"]
        if extension == ".ps1":
            program = which("pwsh", self.job.prepend_path)
            if program:
                return program, SHELLS["pwsh"], SHELLS["pwsh"]
        if extension == ".js":
            node = os.path.join(self.job.host.directories.externals,
                                "node20", "bin", "node")
            return node, "{0}", "{0}"
        raise StepError("%s is not a valid path to a script. Make sure it "
                        "ends in '.sh', '.ps1' or '.js'." % self._path)

    def perform(self):
        self.write("A %s hook has been configured by the self-hosted runner "
                   "administrator" % self._what)
        if not os.path.isfile(self._path):
            raise StepError("File doesn't exist")
        self.job.write_event()
        program, told, form = self._command()
        self.write("##[group]Run '%s'" % self._path)
        self.write("shell: %s %s" % (program, told))
        self.write("##[endgroup]")
        files = self.files()
        environment = self.base_environment()
        environment.update(self.job.context_environment())
        arguments = split_arguments(form.replace("{0}", self._path))
        return self.run_program([program, *arguments], self.job.workspace,
                                environment, files)


class ScriptStep(ProgramStep):
    """A `run:` step of the workflow."""

    kind = "run"

    def __init__(self, job, data, number):
        super().__init__(job, script_name(data), number, data["id"])
        self._data = data
        self.condition = data.get("condition") or "success()"
        self.continue_on_error = data.get("continueOnError")
        self.timeout = data.get("timeoutInMinutes")
        self.context_name = data.get("contextName") or data.get("name")

    def prepare(self):
        self.job.contexts["github"]["action"] = self._data.get("name") or ""
        evaluator = self.evaluator()
        values = template_value(self._data.get("environment"), evaluator)
        self.environment = {name: text(value)
                            for name, value in (values or {}).items()}
        token = self._data.get("displayNameToken")
        if token:
            self.name = text(template_value(token, evaluator))

    def _shell(self, given):
        """(program, form of its arguments, name): bash, but with sh's
        arguments, where the workflow names no shell."""
        paths = self.job.prepend_path
        if not given:
            program = which("bash", paths) or which("sh", paths)
            return program, SHELLS["sh"], "sh"
        name, _, form = given.partition(" ")
        form = form.strip() or SHELLS.get(name, "")
        program = which(name, paths)
        if program is None:
            raise StepError("%s: command not found" % name)
        if "{0}" not in form:
            raise StepError("Invalid shell option. Shell must be a valid "
                            "built-in (bash, sh, cmd, powershell, pwsh) or a "
                            "format string containing '{0}'")
        return program, form, name

    def perform(self):
        self.job.write_event()
        self.job.contexts["github"].update(action_repository="",
                                           action_ref="")
        files = self.files()
        inputs = {name: text(value) for name, value in (template_value(
            self._data.get("inputs"), self.evaluator()) or {}).items()}
        script = inputs.get("script", "")
        defaults = self.job.defaults
        program, form, shell = self._shell(
            inputs.get("shell") or defaults.get("shell"))
        self.action = shell
        variables = dict(self.job.environment, **self.environment)
        self._announce(script, program, form, variables)
        path = os.path.join(self.job.temp,
                            new_uuid() + EXTENSIONS.get(shell, ""))
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(script)
        environment = self.base_environment()
        environment.update((k, v) for k, v in variables.items()
                           if k != "PATH" or not self.job.prepend_path)
        environment.update(self.job.context_environment())
        directory = os.path.join(
            self.job.workspace, inputs.get("workingDirectory")
            or defaults.get("working-directory") or "")
        return self.run_program(
            [program, *split_arguments(form.replace("{0}", path))],
            directory, environment, files)

    def _announce(self, script, program, form, variables):
        lines = script.rstrip("\n").replace("\r\n", "\n").split("\n")
        self.write("##[group]Run " + (script.lstrip() + "\n").split("\n")[0])
        for line in lines:
            self.write("\x1b[36;1m%s\x1b[0m" % line)
        self.write("shell: %s %s" % (program, form))
        if variables:
            self.write("env:")
            for name, value in variables.items():
                self.write("  %s: %s" % (name, value))
        self.write("##[endgroup]")


def script_name(data):
    """`Run` and the first line, unless the workflow names the step."""
    token = data.get("displayNameToken")
    if isinstance(token, str):
        return token
    if isinstance(token, dict) and token.get("type", 0) == 0:
        return token.get("lit", "")
    for pair in (data.get("inputs") or {}).get("map") or []:
        key = pair["Key"]
        key = key if isinstance(key, str) else key.get("lit")
        if key == "script":
            value = pair["Value"]
            script = value if isinstance(value, str) else \
                value.get("lit") or value.get("expr") or ""
            return "Run " + (script.strip() + "\n").split("\n")[0]
    return "run"


def run_step(step, job):
    """One step from its condition to its result; never raises.

    A cancellation that came before lets only always() and cancelled() run;
    one that comes while the step runs asks its condition again, and a
    shutdown of the runner stops everything.
    """
    control = job.control
    control.look()
    step.start()
    try:
        step.prepare()
        if control.reason:
            job.canceled(control.reason)
        control.begin_step(step)
        if control.reason == "shutdown" or not step.wanted():
            step.complete("skipped")
            return
        result = step.perform()
    except (StepError, ExpressionError, OSError, KeyError) as error:
        step.error(str(error))
        result = "failed"
    finally:
        control.end_step()
    if control.reason:
        job.canceled(control.reason)
    if result == "failed" and step.continue_on_error is not None and truth(
            template_value(step.continue_on_error, step.evaluator())):
        step.outcome, result = "failed", "succeeded"
    step.complete(result)
    if result == "failed":
        job.failed()
