"""GitHub's memory: what exists, how it is found, and who may see it.

No I/O and no clock of its own: `clock` is a function that gives seconds since
the epoch.  Whoever changes something calls `changed()`, upon which observers
(the dispatcher, waiting control requests) look again.
"""

import itertools
import secrets
import time
import urllib.parse
import uuid
from dataclasses import dataclass

from . import credentials
from .entities import (Account, Group, Rate, Repository, Runner, RunnerToken,
                       Scope, Token)

DEFAULT_TOKEN = "ghp_standin"
TOKEN_LIFE_S = 3600
ANONYMOUS_LIMIT = 60


@dataclass
class Settings:
    """Durations in seconds; the defaults are GitHub's as far as known."""

    lock_seconds: float = 600
    session_seconds: float = 30
    poll_seconds: float = 50
    # A message that was lost in an aborted poll is delivered again.
    redeliver_seconds: float = 3
    # Acknowledged and not acquired: the Listener died in between.
    acquire_seconds: float = 60
    cancel_repeat_seconds: float = 15
    cancel_timeout: str = "00:05:00"


class Missing(Exception):
    """What was asked for does not exist."""


class Taken(Exception):
    """A runner of this name exists."""


class State:
    """Everything, in memory."""

    def __init__(self, settings=None, clock=time.time):
        self.settings = settings or Settings()
        self.clock = clock
        self.version = 0
        self.observers = []
        self.ids = itertools.count(1)
        self.accounts = {}
        self.repositories = {}
        self.groups = []
        self.runners = {}
        self.runner_ids = itertools.count(1)
        self.labels = {}
        self.sessions = {}
        self.jobs = {}
        self.active = {}  # those that are not completed
        self.job_tokens = {}
        self.tokens = {DEFAULT_TOKEN: Token(DEFAULT_TOKEN)}
        self.runner_tokens = {}
        self.access_tokens = {}
        self.apps = {}
        self.assets = []
        self.actions = {}
        self.blobs = {}
        self.anonymous = {}
        self.add_account("octo")
        self.add_repository("octo/demo")

    def changed(self):
        """Let every observer look again."""
        self.version += 1
        for observer in list(self.observers):
            observer()

    # Accounts and repositories

    def add_account(self, login, kind="Organization", enterprise=None):
        """Add an account, or alter it."""
        account = self.accounts.get(login.lower())
        if account is None:
            account = Account(next(self.ids), login)
            self.accounts[login.lower()] = account
        account.kind, account.enterprise = kind, enterprise
        return account

    def add_repository(self, full_name, **attributes):
        """Add a repository and its owner, or alter it."""
        owner, _, name = full_name.partition("/")
        if not owner or not name:
            raise ValueError(f"not owner/name: {full_name}")
        if owner.lower() not in self.accounts:
            self.add_account(owner)
        repository = self.repositories.get(full_name.lower())
        if repository is None:
            repository = Repository(next(self.ids), owner, name)
            self.repositories[full_name.lower()] = repository
        for key, value in attributes.items():
            if not hasattr(repository, key):
                raise ValueError(f"a repository has no {key}")
            setattr(repository, key, value)
        return repository

    def repository(self, full_name):
        """Find a repository."""
        try:
            return self.repositories[full_name.lower()]
        except KeyError:
            raise Missing(f"no repository {full_name}") from None

    def account(self, login):
        """Find an account."""
        try:
            return self.accounts[login.lower()]
        except KeyError:
            raise Missing(f"no account {login}") from None

    def scope(self, path):
        """Find the scope that REST calls `repos/o/r`, `orgs/o` ...

        Names are given the case in which they were created.
        """
        kind, _, name = path.partition("/")
        if kind == "repos":
            return Scope(kind, self.repository(name).full_name)
        account = self.account(name)
        wanted = "Enterprise" if kind == "enterprises" else "Organization"
        if account.kind != wanted:
            raise Missing(f"{name} is no {wanted}")
        return Scope(kind, account.login)

    def scope_of_url(self, url):
        """Find the scope that the `--url` of config.sh means."""
        parts = urllib.parse.urlsplit(url).path.strip("/").split("/")
        if len(parts) == 2:
            kind = "" if parts[0] == "enterprises" else "repos/"
            return self.scope(kind + "/".join(parts))
        if len(parts) == 1 and parts[0]:
            return self.scope(f"orgs/{parts[0]}")
        raise Missing(f"no scope at {url}")

    def covers(self, scope, repository):
        """Tell whether runners of `scope` may serve `repository`."""
        if scope.kind == "repos":
            return scope.name == repository.full_name
        if scope.kind == "orgs":
            return scope.name.lower() == repository.owner.lower()
        owner = self.account(repository.owner)
        return (owner.enterprise or "").lower() == scope.name.lower()

    # Runner groups

    def groups_of(self, scope):
        """Return the groups of a scope; there is always a Default one."""
        found = [group for group in self.groups if group.scope == scope]
        if not found:
            found = [Group(len(self.groups) + 1, scope, "Default", True)]
            self.groups += found
        return found

    def add_group(self, scope, name, **attributes):
        """Add a runner group, or alter it."""
        for group in self.groups_of(scope):
            if group.name.lower() == name.lower():
                break
        else:
            group = Group(len(self.groups) + 1, scope, name)
            self.groups.append(group)
        for key, value in attributes.items():
            setattr(group, key, value)
        return group

    # Runners

    def runners_of(self, scope):
        """Return the runners registered for a scope, by id."""
        return [runner for runner in self.runners.values()
                if runner.scope == scope]

    def runner(self, scope, runner_id):
        """Find a runner of a scope."""
        runner = self.runners.get(int(runner_id))
        if runner is None or (scope and runner.scope != scope):
            raise Missing(f"no runner {runner_id}")
        return runner

    def label(self, name, kind):
        """Return a label as REST shows it; ids are by name."""
        key = (name.lower(), kind)
        number = self.labels.setdefault(key, len(self.labels) + 1)
        return {"id": number, "name": name, "type": kind}

    def register(self, scope, wanted, public_key):
        """Register a runner as POST /actions/runners/register asks.

        With `replace` the registration keeps its id, and the former holder
        of it is shut out: another client id, another key, no session.
        """
        groups = {group.id: group for group in self.groups_of(scope)}
        group = groups.get(wanted.get("group_id")) or groups[min(groups)]
        labels, seen = [], set()
        for label in wanted.get("labels", []):
            if label["name"].lower() not in seen:
                seen.add(label["name"].lower())
                kind = label.get("type")
                labels.append(self.label(
                    label["name"],
                    "read-only" if kind in ("system", "read-only")
                    else "custom"))
        name = wanted["name"]
        former = next((runner for runner in self.runners_of(scope)
                       if runner.name.lower() == name.lower()), None)
        if former and not wanted.get("replace"):
            raise Taken(f"A runner exists with the same name {name}")
        system = [label["name"] for label in labels
                  if label["name"] in ("Linux", "Windows", "macOS")]
        runner = Runner(
            id=former.id if former else next(self.runner_ids),
            name=name, scope=scope, group=group,
            version=wanted.get("version", ""),
            ephemeral=bool(wanted.get("ephemeral")),
            labels=labels, client_id=str(uuid.uuid4()),
            public_key=public_key, os=system[0] if system else "unknown")
        if former:
            self.forget(former)
        self.runners[runner.id] = runner
        self.changed()
        return runner

    def forget(self, runner):
        """Delete a registration; the dispatcher ends what hangs on it."""
        self.runners.pop(runner.id, None)
        runner.deleted = True
        self.changed()

    # Credentials

    def grant(self, scope, event):
        """Make a registration ("register") or removal ("remove") token."""
        token = RunnerToken(credentials.runner_token(), scope, event,
                            self.clock() + TOKEN_LIFE_S)
        self.runner_tokens[token.value] = token
        return token

    def granted(self, value, event, scope=None):
        """Find a living token of that kind, for that scope; else None."""
        token = self.runner_tokens.get(value)
        if token is None or token.event != event:
            return None
        if token.expires_at <= self.clock():
            return None
        if scope is not None and token.scope != scope:
            return None
        return token

    def client(self, client_id):
        """Find the runner that authenticates by this client id."""
        for runner in self.runners.values():
            if runner.client_id == client_id:
                return runner
        raise Missing(f"no registration {client_id}")

    def issue_access_token(self, runner):
        """Give a Listener a bearer token."""
        now = int(self.clock())
        value = credentials.make_jwt({"sub": runner.client_id, "iat": now,
                                      "exp": now + TOKEN_LIFE_S})
        self.access_tokens[value] = (runner, now + TOKEN_LIFE_S)
        return value

    def listener(self, value):
        """Find the runner that holds a living access token, else None."""
        runner, expires_at = self.access_tokens.get(value, (None, 0))
        return runner if expires_at > self.clock() else None

    def job_of_token(self, value):
        """Find the job that a job's token belongs to, else None."""
        return self.job_tokens.get(value)

    def issue_job_tokens(self, job):
        """Give a job its two tokens: the services', and GITHUB_TOKEN."""
        job.token = credentials.make_jwt(
            credentials.job_claims(job, self.clock()))
        self.job_tokens[job.token] = job
        job.github_token = credentials.installation_token()
        self.tokens[job.github_token] = Token(
            job.github_token, kind="app", login="github-actions[bot]",
            reads=[job.repository.full_name], administers=[],
            permissions={"contents": "read", "metadata": "read"},
            expires_at=self.clock() + 24 * TOKEN_LIFE_S)

    def add_installation_token(self, app, installation):
        """Give an App a token for one of its installations."""
        account = installation["account"]
        expires = self.clock() + TOKEN_LIFE_S
        patterns = [account, f"{account}/*", f"enterprises/{account}"]
        token = Token(credentials.installation_token(), kind="app",
                      login=f"{app.slug}[bot]", reads=patterns,
                      administers=patterns,
                      permissions=dict(installation["permissions"]),
                      expires_at=expires)
        self.tokens[token.value] = token
        return token

    def rate_of_address(self, address):
        """Return the window for requests without a token."""
        return self.anonymous.setdefault(address, Rate(ANONYMOUS_LIMIT))

    def secret(self):
        """Return a random hexadecimal word for handed out names."""
        return secrets.token_hex(16)
