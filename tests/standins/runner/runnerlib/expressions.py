"""Workflow expressions, as far as jobs of tests need them.

Literals, contexts by dot and by index, the operators ! < <= > >= == != &&
||, groups, and the functions below.  Text compares without regard to case;
unlike kinds compare as numbers.
"""

import json
import re

TOKEN = re.compile(r"""\s*(?:
    (?P<number>-?(?:0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?))
  | '(?P<text>(?:[^']|'')*)'
  | (?P<name>[A-Za-z_][A-Za-z0-9_-]*)
  | (?P<sign>&&|\|\||==|!=|<=|>=|[!<>()\[\].,*])
)""", re.VERBOSE)


class ExpressionError(Exception):
    """Shown in the step's log; the step fails."""


def tokenize(source):
    position = 0
    tokens = []
    source = source.strip()
    while position < len(source):
        match = TOKEN.match(source, position)
        if not match:
            raise ExpressionError("Unexpected symbol: '%s'. Located at "
                                  "position %d within expression: %s" % (
                                      source[position:], position + 1,
                                      source))
        kind = match.lastgroup
        tokens.append((kind, match.group(kind)))
        position = match.end()
    return tokens + [("end", "")]


def truth(value):
    return not (value is None or value is False or value == ""
                or (isinstance(value, float) and value != value)
                or (isinstance(value, (int, float)) and value == 0))


def text(value):
    """A value as it appears in a string."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (dict, list)):
        return "Object" if isinstance(value, dict) else "Array"
    return str(value)


def _number(value):
    if value is None or value is False:
        return 0.0
    if value is True:
        return 1.0
    try:
        return float(value or 0)
    except (TypeError, ValueError):
        return float("nan")


def _equal(left, right):
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    if isinstance(left, (dict, list)) or isinstance(right, (dict, list)):
        return left is right
    if type(left) is type(right):
        return left == right
    return _number(left) == _number(right)


def _format(args):
    def replace(match):
        if match.group(0) in ("{{", "}}"):
            return match.group(0)[0]
        index = int(match.group(1)) + 1
        if index >= len(args):
            raise ExpressionError("The following format string references "
                                  "more arguments than were supplied: %s"
                                  % text(args[0]))
        return text(args[index])
    return re.sub(r"\{\{|\}\}|\{(\d+)\}", replace, text(args[0]))


def _contains(args):
    if isinstance(args[0], list):
        return any(_equal(item, args[1]) for item in args[0])
    return text(args[1]).lower() in text(args[0]).lower()


FUNCTIONS = {
    "format": _format,
    "contains": _contains,
    "startswith": lambda a: text(a[0]).lower().startswith(text(a[1]).lower()),
    "endswith": lambda a: text(a[0]).lower().endswith(text(a[1]).lower()),
    "join": lambda a: (text(a[1]) if len(a) > 1 else ",").join(
        map(text, a[0] if isinstance(a[0], list) else [a[0]])),
    "tojson": lambda a: json.dumps(a[0], indent=2, ensure_ascii=False),
    "fromjson": lambda a: json.loads(text(a[0])),
}


class Evaluator:
    """`contexts` maps names to values; `status` answers the four functions
    success(), failure(), cancelled(), always()."""

    def __init__(self, contexts, status):
        self._contexts = contexts
        self._status = status
        self._tokens = []

    def evaluate(self, source):
        self._tokens = tokenize(source)
        value = self._or()
        if self._tokens[0][0] != "end":
            raise ExpressionError("Unexpected symbol: '%s' within "
                                  "expression: %s" % (self._tokens[0][1],
                                                      source))
        return value

    def condition(self, source):
        """A condition without a status function means: and success()."""
        source = (source or "success()").strip()
        if source.startswith("${{") and source.endswith("}}"):
            source = source[3:-2]
        names = {value.lower() for kind, value in tokenize(source)
                 if kind == "name"}
        if not names & {"success", "failure", "always", "cancelled"}:
            source = "success() && (%s)" % source
        return truth(self.evaluate(source))

    def _accept(self, *signs):
        kind, value = self._tokens[0]
        if kind == "sign" and value in signs:
            self._tokens.pop(0)
            return value
        return None

    def _expect(self, sign):
        if not self._accept(sign):
            raise ExpressionError("Expected '%s' before '%s'"
                                  % (sign, self._tokens[0][1]))

    def _or(self):
        value = self._and()
        while self._accept("||"):
            other = self._and()
            value = value if truth(value) else other
        return value

    def _and(self):
        value = self._comparison()
        while self._accept("&&"):
            other = self._comparison()
            value = other if truth(value) else value
        return value

    def _comparison(self):
        left = self._unary()
        while True:
            sign = self._accept("==", "!=", "<=", ">=", "<", ">")
            if not sign:
                return left
            right = self._unary()
            if sign in ("==", "!="):
                left = _equal(left, right) == (sign == "==")
            else:
                a, b = _number(left), _number(right)
                left = {"<": a < b, ">": a > b,
                        "<=": a <= b, ">=": a >= b}[sign]

    def _unary(self):
        if self._accept("!"):
            return not truth(self._unary())
        return self._postfix(self._primary())

    def _primary(self):
        kind, value = self._tokens.pop(0)
        if kind == "number":
            return float(int(value, 16)) if "x" in value else float(value)
        if kind == "text":
            return value.replace("''", "'")
        if kind == "sign" and value == "(":
            inner = self._or()
            self._expect(")")
            return inner
        if kind != "name":
            raise ExpressionError("Unexpected symbol: '%s'" % value)
        if self._accept("("):
            return self._call(value)
        literals = {"true": True, "false": False, "null": None}
        if value in literals:
            return literals[value]
        if value.lower() not in self._contexts:
            raise ExpressionError("Unrecognized named-value: '%s'" % value)
        return self._contexts[value.lower()]

    def _call(self, name):
        arguments = []
        if not self._accept(")"):
            arguments.append(self._or())
            while self._accept(","):
                arguments.append(self._or())
            self._expect(")")
        lower = name.lower()
        if lower in ("success", "failure", "cancelled", "always"):
            return self._status(lower)
        if lower not in FUNCTIONS:
            raise ExpressionError("Unrecognized function: '%s'" % name)
        return FUNCTIONS[lower](arguments)

    def _postfix(self, value):
        while True:
            if self._accept("."):
                kind, name = self._tokens.pop(0)
                if kind == "sign" and name == "*":
                    value = list(value.values()) if isinstance(
                        value, dict) else value
                else:
                    value = _member(value, name)
            elif self._accept("["):
                key = self._or()
                self._expect("]")
                value = _member(value, key)
            else:
                return value


def _member(value, key):
    if isinstance(value, dict):
        if key in value:
            return value[key]
        for name, item in value.items():
            if name.lower() == text(key).lower():
                return item
        return None
    if isinstance(value, list):
        if isinstance(key, float):
            index = int(key)
            return value[index] if 0 <= index < len(value) else None
        return [_member(item, key) for item in value]
    return None


def context_value(data):
    """The job message's typed context data as plain values."""
    if not isinstance(data, dict):
        return float(data) if type(data) is int else data
    kind = data.get("t", 0)
    if kind == 1:
        return [context_value(item) for item in data.get("a") or []]
    if kind in (2, 5):
        return {pair["k"]: context_value(pair.get("v"))
                for pair in data.get("d") or []}
    if kind == 3:
        return bool(data.get("b"))
    if kind == 4:
        return float(data.get("n") or 0)
    return data.get("s")


def template_value(token, evaluator):
    """A template token of the job message: literal, sequence, map, or an
    expression to evaluate."""
    if not isinstance(token, dict):
        return token
    kind = token.get("type", 0)
    if kind == 0:
        return token.get("lit", "")
    if kind == 1:
        return [template_value(item, evaluator)
                for item in token.get("seq") or []]
    if kind == 2:
        return {text(template_value(pair["Key"], evaluator)):
                template_value(pair["Value"], evaluator)
                for pair in token.get("map") or []}
    if kind == 3:
        return evaluator.evaluate(token.get("expr", ""))
    if kind == 5:
        return bool(token.get("bool"))
    if kind == 6:
        return float(token.get("num") or 0)
    return None
