"""The runner's key, and access tokens for it.

Tokens come from a client assertion (RFC 7523): a JWT signed PS256 with the
2048 bit key that the registration handed to the server.
"""

import base64
import json
import time

from . import wire
from .host import new_uuid


class TokenError(Exception):
    """The server refused the assertion; `code` is OAuth's error word."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _b64_int(number):
    return base64.b64encode(
        number.to_bytes((number.bit_length() + 7) // 8, "big")).decode()


def new_key():
    """(parameters for .credentials_rsaparams, XML of the public half)"""
    from cryptography.hazmat.primitives.asymmetric import rsa
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_numbers()
    public = private.public_numbers
    parameters = {
        "d": _b64_int(private.d), "dp": _b64_int(private.dmp1),
        "dq": _b64_int(private.dmq1), "exponent": _b64_int(public.e),
        "inverseQ": _b64_int(private.iqmp), "modulus": _b64_int(public.n),
        "p": _b64_int(private.p), "q": _b64_int(private.q)}
    return parameters, public_xml(parameters)


def public_xml(parameters):
    """.NET's RSAKeyValue, big endian and base64."""
    return ("<RSAKeyValue><Modulus>%s</Modulus><Exponent>%s</Exponent>"
            "</RSAKeyValue>" % (parameters["modulus"],
                                parameters["exponent"]))


def load_key(parameters):
    from cryptography.hazmat.primitives.asymmetric import rsa
    number = {name: int.from_bytes(base64.b64decode(value), "big")
              for name, value in parameters.items()}
    public = rsa.RSAPublicNumbers(number["exponent"], number["modulus"])
    return rsa.RSAPrivateNumbers(
        number["p"], number["q"], number["d"], number["dp"], number["dq"],
        number["inverseQ"], public).private_key()


def assertion(key, client_id, audience):
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    start = round(time.time())      # rounded: it may lie ahead by half a second
    claims = {"sub": client_id, "jti": new_uuid(), "iss": client_id,
              "aud": audience, "nbf": start, "exp": start + 300}
    head = b64url(json.dumps({"typ": "JWT", "alg": "PS256"}).encode())
    text = head + "." + b64url(json.dumps(claims).encode())
    signature = key.sign(text.encode(), padding.PSS(
        mgf=padding.MGF1(hashes.SHA256()), salt_length=32), hashes.SHA256())
    return text + "." + b64url(signature)


class Credentials:
    """The identity of a registered runner, able to ask for access tokens."""

    def __init__(self, host, store):
        self._host = host
        data = store.credentials()["data"]
        self.client_id = data["clientId"]
        self._url = data["authorizationUrl"]
        self._key = load_key(store.key())

    def token(self, until=()):
        """A new access token.  Raises TokenError, wire.WireError, Aborted."""
        import urllib.parse
        form = urllib.parse.urlencode({
            "grant_type": "client_credentials",
            "client_assertion_type":
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion(self._key, self.client_id,
                                          self._url)})
        answer = wire.request_with_retry(
            "POST", self._url,
            self._host.headers(**{
                "Content-Type": "application/x-www-form-urlencoded"}),
            form.encode(), until)
        if answer.ok:
            return answer.json()["access_token"]
        try:
            error = answer.json() or {}
        except ValueError:
            error = {}
        raise TokenError(error.get("error", ""), error.get(
            "error_description") or "Response status code does not indicate "
            "success: %d (%s)." % (answer.status, answer.reason))
