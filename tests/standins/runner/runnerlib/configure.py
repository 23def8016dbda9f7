"""config.sh: registers a runner, and takes it off again.

Four calls: the registration token is exchanged, the runner groups read, the
name looked up, the runner registered with its public key.
"""

import json
import os
import socket
import stat
import time

from . import build, oauth, wire
from .host import architecture
from .options import ConfigurationError
from .store import KEY, delete_local

BANNER = r"""
--------------------------------------------------------------------------------
|        ____ _ _   _   _       _          _        _   _                      |
|       / ___(_) |_| | | |_   _| |__      / \   ___| |_(_) ___  _ __  ___      |
|      | |  _| | __| |_| | | | | '_ \    / _ \ / __| __| |/ _ \| '_ \/ __|     |
|      | |_| | | |_|  _  | |_| | |_) |  / ___ \ (__| |_| | (_) | | | \__ \     |
|       \____|_|\__|_| |_|\__,_|_.__/  /_/   \_\___|\__|_|\___/|_| |_|___/     |
|                                                                              |
|                       Self-hosted runner registration                        |
|                                                                              |
--------------------------------------------------------------------------------
"""

SERVICE_SCRIPT = """#!/bin/bash
# The service of {name} is not part of this stand-in.
echo "svc.sh of the stand-in runner: '$1' is not supported" >&2
exit 1
"""

TRIES = 3


def hosted(url):
    """Whether the API of a host is at api.HOST, or else at HOST/api/v3."""
    host = url.host.lower()
    return (host in ("github.com", "www.github.com", "github.localhost")
            or host.endswith((".ghe.com", ".ghe.localhost")))


class Api:
    """The calls made with a registration or removal token.

    The port of the given URL is not used: the runner builds its API
    addresses from scheme and host alone.
    """

    def __init__(self, host, address):
        self._host = host
        self._url = wire.Url(address)
        scheme = self._url.scheme
        if hosted(self._url):
            self.base = "%s://api.%s" % (scheme, self._url.host)
        else:
            self.base = "%s://%s/api/v3" % (scheme, self._url.host)

    def entity(self):
        parts = [p for p in self._url.path.split("?")[0].split("/") if p]
        if len(parts) == 1:
            return "%s/orgs/%s/actions" % (self.base, parts[0])
        if len(parts) != 2:
            raise ConfigurationError("'%s' should point to an org or "
                                     "enterprise." % self._url.path)
        scope = "" if parts[0].lower() == "enterprises" else "repos/"
        return "%s/%s%s/%s/actions" % (self.base, scope, *parts)

    def call(self, method, address, token, body=None):
        """Tried three times, but for a 404; each failure is shown."""
        headers = self._host.headers(vss=False,
                                     Authorization="RemoteAuth " + token)
        data = b""
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        for attempt in range(TRIES):
            last = attempt == TRIES - 1
            try:
                answer = wire.request(method, address, headers, data)
            except wire.WireError as error:
                if last:
                    raise ConfigurationError(str(error))
                self._back_off()
                continue
            if answer.ok:
                return answer.json()
            self._complain(method, address, answer)
            if last or answer.status == 404:
                raise ConfigurationError(
                    "Response status code does not indicate success: %d (%s)."
                    % (answer.status, answer.reason))
            self._back_off()

    def _complain(self, method, address, answer):
        self._host.terminal.error(
            "Http response code: %s from '%s %s' (Request Id: %s)" % (
                answer.status_name, method, address,
                answer.headers.get("x-github-request-id", "")))
        self._host.terminal.error(answer.text)

    @staticmethod
    def _back_off():
        import random
        time.sleep(random.uniform(1, 5))    # as the runner, to spread a herd


class Configurator:
    def __init__(self, host, store, options):
        self._host = host
        self._store = store
        self._options = options
        self._terminal = host.terminal

    def configure(self):
        self._terminal.raw_line(BANNER.rstrip("\n"))
        if self._store.configured():
            raise ConfigurationError(
                "Cannot configure the runner because it is already "
                "configured. To reconfigure the runner, run 'config.cmd "
                "remove' or './config.sh remove' first.")
        settings = {}
        self._terminal.section("Authentication")
        api, token = self._authenticate(settings)
        public = self._public_key()
        self._terminal.section("Runner Registration")
        self._choose_group(api, token, settings)
        self._register(api, token, settings, public)
        self._terminal.section("Runner settings")
        settings["workFolder"] = self._options.ask(
            "work", "Enter name of work folder:", "_work")
        self._store.save_settings(_in_order(settings))
        self._terminal.line()
        self._terminal.success("Settings Saved.")
        self._terminal.line()
        self._write_service_script(settings)

    def _public_key(self):
        """A key left by an earlier, failed attempt is used again."""
        if os.path.isfile(self._store.path(KEY)):
            return oauth.public_xml(self._store.key())
        parameters, public = oauth.new_key()
        self._store.save_key(parameters)
        return public

    def _authenticate(self, settings):
        address = self._options.ask(
            "url", "What is the URL of your repository?",
            valid=lambda text: text.lower().startswith(
                ("http://", "https://")))
        api = Api(self._host, address)
        token = self._token(api, "registration",
                            "What is your runner register token?")
        answer = api.call("POST", api.base + "/actions/runner-registration",
                          token, {"url": address, "runner_event": "register"})
        url = wire.Url(address)
        settings.update(gitHubUrl=address, serverUrl=answer["url"],
                        useRunnerAdminFlow=bool(answer.get("use_v2_flow")))
        if not settings["useRunnerAdminFlow"]:
            raise ConfigurationError("The stand-in runner knows only the "
                                     "flow with use_v2_flow.")
        if not hosted(url):
            settings["isHostedServer"] = False
            server = wire.Url(answer["url"])
            if server.host != url.host \
                    and not server.host.endswith("." + url.host):
                raise ConfigurationError(
                    "GitHub Actions is not properly configured in GHES. GHES "
                    "url: %s, Actions url: %s." % (address, answer["url"]))
        self._terminal.line()
        self._terminal.success("Connected to GitHub")
        return api, token

    def _token(self, api, kind, question):
        """With --pat the token is fetched first."""
        pat = self._options.value("pat")
        if not pat:
            return self._options.ask("token", question)
        import base64
        plain = base64.b64encode(("github:" + pat).encode()).decode()
        answer = wire.request(
            "POST", "%s/runners/%s-token" % (api.entity(), kind),
            self._host.headers(vss=False, Authorization="basic " + plain,
                               Accept="application/vnd.github.v3+json"))
        if not answer.ok:
            raise ConfigurationError(
                "Response status code does not indicate success: %d (%s)."
                % (answer.status, answer.reason))
        return answer.json()["token"]

    def _choose_group(self, api, token, settings):
        answer = api.call("GET", api.entity() + "/runner-groups", token)
        groups = answer.get("runner_groups") or []
        default = next((g for g in groups if g.get("default")), None)
        own = [g for g in groups if not g.get("is_hosted")]
        name = None
        chosen = default
        if own:
            name = self._options.ask(
                "runnergroup", "Enter the name of the runner group to add "
                "this runner to:", default["name"] if default else "default")
            self._terminal.line()
            chosen = next((g for g in own
                           if g["name"].lower() == name.lower()), None)
        if chosen is None and name is None:
            raise ConfigurationError("Could not find any self-hosted runner "
                                     "groups. Contact support.")
        if chosen is None:
            raise ConfigurationError("Could not find any self-hosted runner "
                                     "group named \"%s\"." % name)
        settings.update(poolId=chosen["id"], poolName=chosen["name"])

    def _register(self, api, token, settings, public):
        name = self._options.ask("name", "Enter the name of runner:",
                                 socket.gethostname() or "myrunner")
        settings.update(agentName=name,
                        disableUpdate=self._options.flag("disableupdate"),
                        ephemeral=self._options.flag("ephemeral"))
        self._terminal.line()
        labels = self._labels()
        self._terminal.line()
        import urllib.parse
        found = api.call("GET", "%s/runners?name=%s" % (
            api.entity(), urllib.parse.quote(name, safe="")), token)
        body = {"url": settings["gitHubUrl"], "group_id": settings["poolId"],
                "name": name, "version": build.VERSION,
                "updates_disabled": settings["disableUpdate"],
                "ephemeral": settings["ephemeral"], "labels": labels,
                "public_key": public}
        existing = next(iter(found.get("runners") or []), None)
        if existing is not None:
            self._replace(name, existing, body)
        answer = api.call("POST", api.base + "/actions/runners/register",
                          token, body)
        granted = answer["authorization"]
        settings.update(agentId=answer["id"], useV2Flow=True,
                        serverUrlV2=granted["server_url"])
        self._store.save_credentials(
            granted["client_id"], granted.get("legacy_authorization_url")
            or granted["authorization_url"])
        self._terminal.success("Successfully replaced the runner" if existing
                               else "Runner successfully added")

    def _replace(self, name, existing, body):
        self._terminal.line("A runner exists with the same name")
        if not self._options.ask_flag(
                "replace", "Would you like to replace the existing runner? "
                "(Y/N)"):
            raise ConfigurationError(
                "A runner exists with the same name %s." % name)
        body.update(runner_id=existing["id"], replace=True)

    def _labels(self):
        def valid(text):
            return all(len(label) <= 256 for label in text.split(","))
        given = self._options.ask(
            "labels", "This runner will have the following labels: "
            "'self-hosted', 'Linux', '%s' \nEnter any additional labels (ex. "
            "label-1,label-2):" % architecture(), valid=valid, optional=True)
        users = {}
        for label in filter(None, given.split(",")):
            users.setdefault(label.lower(), label)
        labels = []
        if not self._options.flag("no-default-labels"):
            labels = [{"id": 0, "name": label, "type": "system"} for label in
                      ("self-hosted", "Linux", architecture())]
        elif not users:
            raise ConfigurationError(
                "Disabling default labels via --no-default-labels without "
                "specifying --labels is not supported")
        return labels + [{"id": 0, "name": label, "type": "user"}
                         for label in users.values()]

    def _write_service_script(self, settings):
        path = self._host.path("svc.sh")
        with open(path, "w", encoding="utf-8") as file:
            file.write(SERVICE_SCRIPT.format(name=settings["agentName"]))
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR | stat.S_IXGRP
                 | stat.S_IXOTH)

    def remove(self):
        if self._options.flag("local"):
            delete_local(self._store, self._terminal)
            return
        self._terminal.section("Runner removal")
        try:
            if os.path.isfile(self._host.path(".service")):
                raise ConfigurationError("Uninstall service first")
            if self._store.configured() and self._store.has_credentials():
                self._remove_from_server(self._store.settings())
            else:
                self._terminal.line(
                    "Cannot connect to server, because config files are "
                    "missing. Skipping removing runner from the server.")
            delete_local(self._store, self._terminal)
        except Exception:
            self._terminal.error("Failed: Removing runner from the server")
            raise
        self._terminal.line()

    def _remove_from_server(self, settings):
        api = Api(self._host, settings["gitHubUrl"])
        token = self._token(api, "remove", "Enter runner remove token:")
        api.call("DELETE", "%s/runners/%d" % (api.entity(),
                                              settings["agentId"]), token)
        self._terminal.line()
        self._terminal.success("Runner removed successfully")


def _in_order(settings):
    order = ("isHostedServer", "agentId", "agentName", "poolId", "poolName",
             "disableUpdate", "ephemeral", "serverUrl", "gitHubUrl",
             "workFolder", "useV2Flow", "useRunnerAdminFlow", "serverUrlV2")
    return {name: settings[name] for name in order if name in settings}
