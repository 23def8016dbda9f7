"""What a step says to the runner: ::commands:: in its output, and files."""

import os

# Name of the variable (GITHUB_<NAME>) and prefix of the file's name.
FILES = (("artifacts", "artifacts_"), ("artifacts_list", "artifacts_list_"),
         ("path", "add_path_"), ("env", "set_env_"),
         ("step_summary", "step_summary_"), ("state", "save_state_"),
         ("output", "set_output_"))
SUMMARY_LIMIT = 1024 * 1024


class CommandError(Exception):
    """A file command that cannot be understood; the step fails."""


def unescape(value, property_value=False):
    pairs = [("%0D", "\r"), ("%0A", "\n")]
    if property_value:
        pairs += [("%3A", ":"), ("%2C", ",")]
    for code, character in pairs + [("%25", "%")]:
        value = value.replace(code, character)
    return value


def parse(line):
    """(command, properties, data) of `::command a=b,c=d::data`, or None."""
    line = line.lstrip()
    if not line.startswith("::"):
        return None
    head, found, data = line[2:].partition("::")
    if not found or not head:
        return None
    name, _, rest = head.partition(" ")
    properties = {}
    for pair in rest.strip().split(","):
        key, equals, value = pair.partition("=")
        if equals and key.strip():
            properties[key.strip().lower()] = unescape(value, True)
    return name.lower(), properties, unescape(data)


class OutputCommands:
    """Handles the lines of one step's output.

    `step` offers write(line), issue(kind, message, properties),
    set_output(name, value), and the flags `debug` and `notices`; `masker`
    learns new secrets.
    """

    ISSUES = ("error", "warning", "notice")

    def __init__(self, step, masker):
        self._step = step
        self._masker = masker
        self._stop_token = None

    def line(self, line):
        command = parse(line)
        if command is None:
            self._step.write(line)
        elif self._stop_token:
            if command[0] == self._stop_token.lower():
                self._stop_token = None
            else:
                self._step.write(line)
        else:
            self._run(line, *command)

    def _run(self, line, name, properties, data):
        if name == "notice" and not self._step.notices:
            self._step.write(line)
        elif name in self.ISSUES:
            self._step.issue(name, data, properties)
        elif name == "add-mask":
            self._masker.add(data)
            self._step.write("::add-mask::***")
        elif name == "group":
            self._step.write("##[group]" + data)
        elif name == "endgroup":
            self._step.write("##[endgroup]")
        elif name == "debug":
            if self._step.debug:
                self._step.write("##[debug]" + data)
        elif name == "stop-commands":
            self._step.write(line)
            self._stop_token = data
        elif name == "set-output":
            self._step.set_output(properties.get("name", ""), data)
        elif name not in ("echo", "save-state", "add-matcher",
                          "remove-matcher"):
            self._step.write(line)


def pairs(text):
    """NAME=VALUE lines and NAME<<DELIMITER blocks of a file."""
    lines = text.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    position = 0
    while position < len(lines):
        line = lines[position]
        position += 1
        if not line:
            continue
        equals, block = line.find("="), line.find("<<")
        if equals >= 0 and (block < 0 or equals < block):
            yield line[:equals], line[equals + 1:]
            continue
        name, _, delimiter = line.partition("<<")
        if block < 0 or not name or not delimiter:
            raise CommandError("Invalid format '%s'" % line)
        try:
            end = lines.index(delimiter, position)
        except ValueError:
            raise CommandError("Invalid value. Matching delimiter not found "
                               "'%s'" % delimiter)
        yield name, "\n".join(lines[position:end])
        position = end + 1


class CommandFiles:
    """The files of one step; their paths become GITHUB_ENV and the like."""

    def __init__(self, temp, suffix):
        self._directory = os.path.join(temp, "_runner_file_commands")
        os.makedirs(self._directory, exist_ok=True)
        self.paths = {}
        for name, prefix in FILES:
            self.paths[name] = os.path.join(self._directory, prefix + suffix)
            with open(self.paths[name], "w", encoding="utf-8"):
                pass

    def _read(self, name):
        try:
            with open(self.paths[name], encoding="utf-8-sig",
                      errors="replace", newline="") as file:
                return file.read()
        except OSError:
            return ""

    def apply(self, job, step):
        """Takes over what the step wrote; raises CommandError."""
        for line in filter(None, self._read("path").splitlines()):
            if line in job.prepend_path:
                job.prepend_path.remove(line)
            job.prepend_path.append(line)
        for name, value in pairs(self._read("env")):
            if name.upper() == "NODE_OPTIONS":
                step.issue("error", "Can't store NODE_OPTIONS output "
                           "parameter using '$GITHUB_ENV' command.", {})
                continue
            job.environment[name] = value
        for name, value in pairs(self._read("output")):
            step.set_output(name, value)
        summary = self._read("step_summary")
        if summary and len(summary) <= SUMMARY_LIMIT:
            job.results.upload_summary(
                job.masker.mask(summary).encode(), step.id)
