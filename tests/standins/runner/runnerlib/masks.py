"""Keeps secrets out of logs."""


class Masker:
    """Replaces every known secret, and its common encodings, by ***.

    The regular expressions of mask hints are values in practice: the server
    sends tokens, escaped where needed.
    """

    def __init__(self):
        self._values = set()
        self._sorted = []

    def add(self, value):
        value = (value or "").strip()
        if not value:
            return
        for text in [value, *value.splitlines(), *_encodings(value)]:
            if text.strip():
                self._values.add(text)
        self._sorted = sorted(self._values, key=len, reverse=True)

    def mask(self, text):
        for value in self._sorted:
            if value in text:
                text = text.replace(value, "***")
        return text


def _encodings(value):
    """Base64 at the three offsets a secret can have in a longer text, and
    the escapes of JSON and of URLs."""
    import binascii
    raw = value.encode()
    for shift in range(3):
        part = raw[shift:]
        part = part[:len(part) // 3 * 3]
        if len(part) >= 6:
            yield binascii.b2a_base64(part, newline=False).decode()
    yield value.replace("\\", "\\\\").replace('"', '\\"')


def from_message(job):
    masker = Masker()
    quiet = {"actions_step_debug", "actions_runner_debug"}
    for name, variable in (job.get("variables") or {}).items():
        if (variable or {}).get("isSecret") and name.lower() not in quiet:
            masker.add(variable.get("value"))
    for hint in job.get("mask") or []:
        masker.add(hint.get("value"))
    for endpoint in (job.get("resources") or {}).get("endpoints") or []:
        parameters = (endpoint.get("authorization") or {}).get("parameters")
        for value in (parameters or {}).values():
            masker.add(value)
    return masker
