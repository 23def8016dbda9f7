"""A table of routes: method and path template to handler."""

import re

PARTS = {
    "scope": r"repos/[^/]+/[^/]+|orgs/[^/]+|enterprises/[^/]+",
    "runner_id": r"\d+",
    "job_id": r"\d+",
    "run_id": r"\d+",
    "number": r"\d+",
    "rest": r".+",
}


class Router:
    """Maps requests to handlers, coroutine functions of (app, request, ...).

    In a template {name} stands for one part of the path, {scope} for
    `repos/o/r`, `orgs/o` or `enterprises/e`, {..._id} for a number, and {rest}
    for all that follows.
    """

    def __init__(self):
        self.routes = []

    def add(self, method, template):
        """Return a decorator that adds a handler."""
        pattern = re.sub(
            r"\\{(\w+)\\}",
            lambda match: f"(?P<{match[1]}>"
                          f"{PARTS.get(match[1], '[^/]+')})",
            re.escape(template))

        def decorate(handler):
            self.routes.append((method, re.compile(pattern), handler))
            return handler

        return decorate

    def find(self, method, path):
        """Return (handler, parameters), or None."""
        for wanted, pattern, handler in self.routes:
            match = pattern.fullmatch(path)
            if match and wanted == ("GET" if method == "HEAD" else method):
                return handler, match.groupdict()
        return None
