"""What GitHub remembers.  Plain records; the rules are in state and dispatch.

Words are GitHub's: a *scope* is what runners are registered for (repository,
organisation or enterprise), a *group* is a runner group, a *session* is one
life of a Listener, an *offer* is a job that was handed to a poll and has not
been acquired.
"""

import fnmatch
import itertools
import uuid
from dataclasses import dataclass, field

LOST = "The self-hosted runner lost communication with the server."


@dataclass(frozen=True)
class Scope:
    """Where runners are registered: kind is repos, orgs or enterprises."""

    kind: str
    name: str

    @property
    def path(self):
        """The scope as it stands in REST paths."""
        return f"{self.kind}/{self.name}"

    @property
    def rank(self):
        """GitHub tries the runners nearest to the repository first."""
        return ("repos", "orgs", "enterprises").index(self.kind)

    @property
    def permission(self):
        """The fine-grained permission over this scope's runners."""
        return {"repos": "administration",
                "orgs": "organization_self_hosted_runners",
                "enterprises": "enterprise_self_hosted_runners"}[self.kind]

    @property
    def glob_name(self):
        """The name that the patterns of a token are matched against."""
        return self.path if self.kind == "enterprises" else self.name


@dataclass
class Account:
    """A user, an organisation or an enterprise."""

    id: int
    login: str
    kind: str = "Organization"
    enterprise: str = None


@dataclass
class Repository:
    """A repository; workflows maps file names to jobs for dispatches."""

    id: int
    owner: str
    name: str
    visibility: str = "private"
    archived: bool = False
    workflows: dict = field(default_factory=dict)

    @property
    def full_name(self):
        """owner/name."""
        return f"{self.owner}/{self.name}"

    @property
    def private(self):
        """What REST calls private: anything but public."""
        return self.visibility != "public"


@dataclass
class Group:
    """A runner group; `repositories` of None means all of them."""

    id: int
    scope: Scope
    name: str
    default: bool = False
    allows_public_repositories: bool = True
    repositories: list = None

    def admits(self, repository):
        """Tell whether jobs of `repository` may use this group."""
        if self.scope.kind == "repos":
            return True
        if not repository.private and not self.allows_public_repositories:
            return False
        return (self.repositories is None
                or repository.full_name in self.repositories)


@dataclass(eq=False)
class Runner:
    """A registration."""

    id: int
    name: str
    scope: Scope
    group: Group
    version: str
    ephemeral: bool
    labels: list
    client_id: str
    public_key: object
    os: str = "unknown"
    session: "Session" = None
    job: "Job" = None
    spent: bool = False
    deleted: bool = False
    access_tokens: set = field(default_factory=set)

    @property
    def status(self):
        """online while a session lives."""
        return "online" if self.session else "offline"

    @property
    def busy(self):
        """Covers offered jobs too, else two jobs are handed out."""
        return self.job is not None

    def has_labels(self, wanted):
        """Tell whether every label of a runs-on is on this runner."""
        mine = {label["name"].lower() for label in self.labels}
        return all(label.lower() in mine for label in wanted)


@dataclass(eq=False)
class Poll:
    """An open long poll; `message` is set once and ends it."""

    session: "Session"
    status: str
    opened_at: float
    wake: object
    message: dict = None
    job: "Job" = None
    over: bool = False


@dataclass(eq=False)
class Session:
    """One life of a Listener."""

    id: str
    runner: Runner
    owner_name: str
    seen_at: float
    poll: Poll = None
    over: bool = False
    outbox: list = field(default_factory=list)
    numbers: object = field(default_factory=lambda: itertools.count(1))


@dataclass
class Blob:
    """Something uploaded: the bytes, and how they came."""

    kind: str = None
    data: bytes = b""
    appends: int = 0
    sealed: bool = False

    def text(self):
        """The text without the byte order mark that the runner writes."""
        return self.data.decode("utf-8", "replace").replace("\ufeff", "")


@dataclass(eq=False)
class Job:
    """A job of a run, from the queue to its conclusion."""

    id: int
    run_id: int
    repository: Repository
    name: str
    labels: list
    spec: dict
    created_at: float
    group: str = None
    timeout_minutes: float = 360
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    plan_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "queued"
    conclusion: str = None
    reason: str = None
    runner: Runner = None
    runner_name: str = None
    token: str = None
    github_token: str = None
    offers: int = 0
    renewals: int = 0
    offered_at: float = None
    acknowledged_at: float = None
    started_at: float = None
    completed_at: float = None
    locked_until: float = None
    cancel_reason: str = None
    cancel_sent_at: float = None
    steps: dict = field(default_factory=dict)
    step_results: list = field(default_factory=list)
    annotations: list = field(default_factory=list)
    outputs: dict = field(default_factory=dict)
    log: Blob = field(default_factory=Blob)
    step_logs: dict = field(default_factory=dict)
    summaries: dict = field(default_factory=dict)
    diagnostics: Blob = field(default_factory=Blob)
    feed: list = field(default_factory=list)
    events: list = field(default_factory=list)

    @property
    def offered(self):
        """Handed to a poll, not acquired yet."""
        return self.status == "queued" and self.runner is not None

    def note(self, now, event, **more):
        """Append to the job's history."""
        self.events.append({"at": now, "event": event, **more})

    def text(self):
        """The job's log; from step logs, then the live feed, lacking it."""
        if self.log.data:
            return self.log.text()
        if self.step_logs:
            order = {key: step.get("number", 0)
                     for key, step in self.steps.items()}
            keys = sorted(self.step_logs, key=lambda key: order.get(key, 0))
            return "".join(self.step_logs[key].text() for key in keys)
        return "".join(line + "\n" for line in self.feed)


@dataclass
class Rate:
    """A rate limit window of one hour."""

    limit: int = 5000
    used: int = 0
    reset_at: float = 0

    @property
    def remaining(self):
        """Requests left in this window."""
        return max(0, self.limit - self.used)


@dataclass
class Token:
    """A credential for REST.

    `reads` and `administers` are patterns over owner/repo, an organisation's
    name and enterprises/NAME.  `permissions` of None means that the kind of
    token knows none (a classic one).
    """

    value: str
    kind: str = "classic"
    login: str = "octocat"
    reads: list = field(default_factory=lambda: ["*"])
    administers: list = field(default_factory=lambda: ["*"])
    permissions: dict = None
    expires_at: float = None
    rate: Rate = field(default_factory=Rate)

    def may_read(self, name):
        """Tell whether this token sees the thing called `name`."""
        return self.may_administer_name(name) or matches(self.reads, name)

    def may_administer_name(self, name):
        """Tell whether a pattern of `administers` covers `name`."""
        return matches(self.administers, name)

    def may_administer(self, scope):
        """Tell whether this token manages the runners of `scope`."""
        if self.permissions is not None:
            if self.permissions.get(scope.permission) != "write":
                return False
        return self.may_administer_name(scope.glob_name)


@dataclass
class RunnerToken:
    """What registration-token and remove-token hand out."""

    value: str
    scope: Scope
    event: str
    expires_at: float


@dataclass
class App:
    """A GitHub App; installations maps ids to {account, permissions}."""

    id: int
    slug: str
    public_key: object
    installations: dict = field(default_factory=dict)


@dataclass
class Asset:
    """A tarball of the runner; `listed` puts it into `downloads`."""

    version: str
    os: str
    architecture: str
    filename: str
    path: str
    size: int
    sha256: str
    sha256_checksum: str = None
    temp_download_token: str = None
    listed: bool = True


def matches(patterns, name):
    """Tell whether any of the patterns matches, ignoring case."""
    return any(fnmatch.fnmatchcase(name.lower(), pattern.lower())
               for pattern in patterns)
