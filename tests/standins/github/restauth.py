"""Who asks, whether they may, and how many calls they have left.

GitHub hides what a token may not see behind 404 and refuses with 403 what it
may see and not do; a manager must not take the first for "deleted".
"""

import math

from . import credentials
from .entities import Rate, Token
from .httpd import Response

DOCS = "https://docs.github.com/rest"
WINDOW_S = 3600
REGISTRATION_LIMIT = 10000


class Refusal(Exception):
    """An answer that ends the handling of a REST call."""

    def __init__(self, status, message, docs=DOCS, headers=None, **more):
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = {"message": message, **more, "documentation_url": docs,
                     "status": str(status)}

    def response(self):
        """The refusal as an answer."""
        return Response.json(self.body, self.status, self.headers)


def not_found():
    """What GitHub says of all that is absent or hidden."""
    return Refusal(404, "Not Found")


class Caller:
    """The credential of one REST call."""

    def __init__(self, app, request):
        self.app = app
        self.request = request
        self.token = None
        self.runner_token = None
        self.app_id = None
        scheme, _, value = request.headers.get(
            "authorization", "").partition(" ")
        self.scheme, self.value = scheme.lower(), value.strip()
        if self.scheme in ("bearer", "token"):
            self.authenticate()
        elif self.scheme == "remoteauth":
            self.runner_token = self.value
        elif self.scheme:
            raise Refusal(401, "Bad credentials")
        self.rate = self.window()

    def authenticate(self):
        """Find the token, or the App, that calls."""
        if self.value.count(".") == 2:
            self.app_id = self.authenticate_app()
            return
        token = self.app.state.tokens.get(self.value)
        now = self.app.state.clock()
        if token is None or (token.expires_at or math.inf) <= now:
            raise Refusal(401, "Bad credentials")
        self.token = token

    def authenticate_app(self):
        """Verify an App's JWT; return the App's id."""
        try:
            issuer = str(credentials.parse_jwt(self.value)[1].get("iss"))
            found = self.app.state.apps.get(issuer)
            if found is None:
                raise Refusal(404, "Integration not found")
            credentials.verify_app(self.value, found.public_key,
                                   self.app.state.clock())
        except credentials.Refused as error:
            raise Refusal(401, str(error)) from error
        return issuer

    def window(self):
        """Return the rate limit window of this caller."""
        state = self.app.state
        if self.token:
            rate = self.token.rate
        elif self.app_id or self.runner_token:
            rate = Rate()
        else:
            rate = state.rate_of_address(self.request.connection.peer)
        now = state.clock()
        if rate.reset_at <= now:
            if rate.reset_at:
                rate.used = 0
            rate.reset_at = now + WINDOW_S
        return rate

    def spend(self):
        """Count this call, or refuse it."""
        if self.rate.remaining == 0:
            who = (f"user ID {self.token.login}" if self.token
                   else self.request.connection.peer)
            raise Refusal(403, f"API rate limit exceeded for {who}.",
                          DOCS + "/using-the-rest-api/"
                          "rate-limits-for-the-rest-api")
        self.rate.used += 1

    def headers(self):
        """The headers that every answer to this caller has."""
        rate = self.rate
        headers = {"x-ratelimit-limit": rate.limit,
                   "x-ratelimit-remaining": rate.remaining,
                   "x-ratelimit-used": rate.used,
                   "x-ratelimit-reset": math.ceil(rate.reset_at),
                   "x-ratelimit-resource": "core"}
        if self.token and self.token.kind == "classic":
            headers["X-OAuth-Scopes"] = "admin:enterprise, admin:org, repo"
        return headers

    def need_token(self):
        """Refuse a call without a token, return it otherwise."""
        if self.token is None:
            raise Refusal(401, "Requires authentication")
        return self.token

    def need_read(self, name):
        """Refuse a caller that may not see the thing called `name`."""
        if self.token is None or not self.token.may_read(name):
            raise not_found()

    def need_runners(self, scope):
        """Refuse a caller that may not manage the runners of `scope`."""
        token = self.need_token()
        if token.may_administer(scope):
            return
        if not token.may_read(scope.glob_name):
            raise not_found()
        headers = {}
        if token.kind == "classic":
            message = ("Must have admin rights to Repository."
                       if scope.kind == "repos" else
                       "Must have admin rights to "
                       f"{scope.kind.removesuffix('s').capitalize()}.")
        else:
            what = ("integration" if token.kind == "app"
                    else "personal access token")
            message = f"Resource not accessible by {what}"
            headers["X-Accepted-GitHub-Permissions"] = (
                f"{scope.permission}=write")
        raise Refusal(403, message, headers=headers)

    def need_runner_token(self, event, scope=None):
        """Refuse unless config.sh calls with a living token of that kind."""
        state = self.app.state
        token = state.granted(self.runner_token, event, scope)
        if token is None:
            raise not_found()
        return token

    def need_runners_or_remote(self, scope, *events):
        """Admit config.sh with its token, else whoever manages runners."""
        if self.runner_token is None:
            self.need_runners(scope)
        elif not any(self.app.state.granted(self.runner_token, event, scope)
                     for event in events):
            raise not_found()


def token_from(attributes):
    """Make a Token from what control says; `remaining` sets its rate."""
    attributes = dict(attributes)
    rate = Rate(int(attributes.pop("limit", 5000)))
    if "remaining" in attributes:
        rate.used = rate.limit - int(attributes.pop("remaining"))
    rate.reset_at = attributes.pop("reset_at", 0)
    return Token(rate=rate, **attributes)
