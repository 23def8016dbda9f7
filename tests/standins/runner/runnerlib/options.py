"""The Listener's command line.

`cmd --flag --arg value`; every flag and argument may also come as
ACTIONS_RUNNER_INPUT_<NAME>, which is taken out of the environment so that no
job sees it.  On the command line the first of two equal arguments wins.
"""

import os

PREFIX = "ACTIONS_RUNNER_INPUT_"

GENERIC = {"help", "version", "commit", "check"}
VALID = {
    "configure": {
        "disableupdate", "ephemeral", "generateserviceconfig", "replace",
        "runasservice", "unattended", "no-default-labels", "auth", "labels",
        "monitorsocketaddress", "name", "pat", "runnergroup", "token", "url",
        "username", "windowslogonaccount", "windowslogonpassword", "work"},
    "remove": {"token", "pat", "local"},
    "run": {"once", "jitconfig", "startuptype"},
    "warmup": set(),
}


class Options:
    def __init__(self, arguments, terminal):
        self._terminal = terminal
        self.commands = []
        self._flags = set()
        self._values = {}
        self._parse(arguments)
        self._environment = take_inputs()

    def _parse(self, arguments):
        scope = None
        seen_option = False
        for argument in arguments:
            seen_option = seen_option or argument.startswith("--")
            if not seen_option:
                self.commands.append(argument.strip())
            elif argument.startswith("--") and len(argument) > 2:
                if scope is not None:
                    self._flags.add(scope)
                scope = argument[2:].strip().lower()
            elif not argument.startswith("-"):
                if scope is not None and scope not in self._values:
                    self._values[scope] = argument
                    scope = None
        if scope is not None:
            self._flags.add(scope)

    def is_command(self, name):
        return bool(self.commands) and self.commands[0].lower() == name

    def unknown(self):
        wrong = [c for c in self.commands if c.lower() not in VALID]
        if wrong:
            return wrong
        for command in self.commands:
            valid = VALID[command.lower()]
            wrong += [f for f in self._flags if f not in valid | GENERIC]
            wrong += [v for v in self._values if v not in valid]
        return wrong

    def flag(self, name):
        if name in self._flags:
            return True
        return self._environment.get(name, "").lower() == "true"

    def value(self, name):
        return self._values.get(name) or self._environment.get(name)

    def ask(self, name, question, default="", valid=bool, optional=False):
        """The argument if it is there and valid, else a prompt.

        Unattended, the default stands in, and where there is none the
        configuration ends.  A value that was refused is not asked twice.
        """
        given = self.value(name)
        self._values.pop(name, None)
        self._environment.pop(name, None)
        if given and valid(given):
            return given
        if self.flag("unattended"):
            if default or optional:
                return default
            raise ConfigurationError(
                "Invalid configuration provided for %s. Terminating "
                "unattended configuration." % name)
        return self._prompt(question, default, valid, optional)

    def _prompt(self, question, default, valid, optional):
        hint = "[press Enter for %s] " % default if default else (
            "[press Enter to skip] " if optional else "")
        while True:
            self._terminal.prompt(question + " " + hint)
            try:
                answer = input().strip()
            except EOFError:
                raise ConfigurationError("There is no one to answer.")
            if not answer and (default or optional):
                return default
            if answer and valid(answer):
                return answer
            if answer:
                self._terminal.line("Entered value is invalid")

    def ask_flag(self, name, question):
        if self.flag(name):
            return True
        answer = self.ask(name, question, "N", lambda text: text.lower() in
                          ("true", "false", "y", "n"))
        return answer.lower() in ("true", "y")


class ConfigurationError(Exception):
    """Shown as it is; the Listener ends with 1."""


def take_inputs():
    inputs = {}
    for key in list(os.environ):
        if key.upper().startswith(PREFIX):
            value = os.environ.pop(key).strip()
            if value:
                inputs[key[len(PREFIX):].lower()] = value
    return inputs
