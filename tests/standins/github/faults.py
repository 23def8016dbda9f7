"""Answers that go wrong on request, to see how a client takes it.

A rule names a method and a pattern over path and query, and what to do to the
requests that match.  `after` true lets the real thing happen first and spoils
the answer only: the outcome that a client cannot know.
"""

import asyncio
import itertools
import json
import re
from dataclasses import asdict, dataclass, field

from .httpd import Response

DOCS = "https://docs.github.com/rest"

# GitHub's usual refusals, by name.  `{now}` is replaced by seconds.
PRESETS = {
    "bad-credentials": {
        "status": 401, "body": {"message": "Bad credentials",
                                "documentation_url": DOCS, "status": "401"}},
    "forbidden": {
        "status": 403,
        "headers": {"X-Accepted-GitHub-Permissions": "administration=write"},
        "body": {"message": "Resource not accessible by personal access token",
                 "documentation_url": DOCS, "status": "403"}},
    "not-found": {
        "status": 404, "body": {"message": "Not Found",
                                "documentation_url": DOCS, "status": "404"}},
    "rate-limit": {
        "status": 403,
        "headers": {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0",
                    "x-ratelimit-used": "5000", "x-ratelimit-reset": "{now}",
                    "x-ratelimit-resource": "core"},
        "body": {"message": "API rate limit exceeded for user ID 1.",
                 "documentation_url": DOCS + "/using-the-rest-api/"
                 "rate-limits-for-the-rest-api", "status": "403"}},
    "secondary-limit": {
        "status": 429, "headers": {"retry-after": "1"},
        "body": {"message": "You have exceeded a secondary rate limit. Please "
                 "wait a few minutes before you try again.",
                 "documentation_url": DOCS + "/using-the-rest-api/"
                 "rate-limits-for-the-rest-api#about-secondary-rate-limits",
                 "status": "429"}},
    "unavailable": {
        "status": 503, "headers": {"Content-Type": "text/html"},
        "body": "<html><body><h1>503 Service Unavailable</h1>\nNo server is "
                "available to handle this request.\n</body></html>\n"},
    "bad-gateway": {
        "status": 502, "body": {"message": "Server Error"}},
    "runner-version-too-old": {
        "status": 400,
        "body": {"source": "actions-broker-listener",
                 "errorKind": "RunnerVersionTooOld",
                 "message": "Runner version is deprecated and cannot receive "
                            "messages."}},
}


@dataclass
class Fault:
    """One rule.  `times` of None means for ever; `skip` lets some pass."""

    path: str
    method: str = None
    status: int = None
    headers: dict = field(default_factory=dict)
    body: object = None
    delay: float = 0
    close: bool = False
    cut: int = None
    after: bool = False
    times: int = 1
    skip: int = 0
    id: int = 0
    hits: int = 0

    def wants(self, request):
        """Tell whether this rule is about `request`; counts."""
        if self.times is not None and self.hits >= self.times:
            return False
        if self.method and self.method.upper() != request.method:
            return False
        if not re.search(self.path, request.target):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.hits += 1
        return True

    def response(self, now):
        """Return the answer that this rule wants given, or None."""
        if self.status is None:
            return None
        headers = {name: str(value).replace("{now}", str(int(now) + 1))
                   for name, value in self.headers.items()}
        if isinstance(self.body, (dict, list)):
            body = json.dumps(self.body)
            headers.setdefault("Content-Type",
                               "application/json; charset=utf-8")
        else:
            body = self.body or ""
        return Response(self.status, body.encode(), headers)


class Faults:
    """The rules in force; the first that matches a request is applied."""

    def __init__(self, clock):
        self.clock = clock
        self.rules = []
        self.ids = itertools.count(1)

    def add(self, preset=None, **attributes):
        """Add a rule; attributes go before those of the preset."""
        if preset is not None and preset not in PRESETS:
            raise ValueError(f"no preset {preset}; there are "
                             + ", ".join(sorted(PRESETS)))
        rule = Fault(**{**PRESETS.get(preset, {}), **attributes})
        re.compile(rule.path)
        rule.id = next(self.ids)
        self.rules.append(rule)
        return rule

    def remove(self, number=None):
        """Remove one rule, or all."""
        self.rules = [rule for rule in self.rules
                      if number is not None and rule.id != number]

    def describe(self):
        """Return the rules, with the number of their hits."""
        return [asdict(rule) for rule in self.rules]

    async def apply(self, request, proceed):
        """Answer `request`, by the first rule that wants it or as usual."""
        rule = next((rule for rule in self.rules if rule.wants(request)),
                    None)
        if rule is None:
            return await proceed(request)
        if rule.delay and await self.gave_up(request, rule.delay):
            return None
        response = rule.response(self.clock())
        if rule.after or (response is None and not rule.close):
            usual = await proceed(request)
            response = response or usual
        if rule.close:
            request.connection.abort()
            return None
        if response is not None and rule.cut is not None:
            response.cut = rule.cut
        return response

    @staticmethod
    async def gave_up(request, delay):
        """Wait for `delay` seconds; True when the client goes meanwhile."""
        try:
            await asyncio.wait_for(request.gone(), delay)
        except asyncio.TimeoutError:
            return False
        return True
