"""Tokens that are handed out, and assertions that are verified.

The runner insists on bearer tokens that look like JWTs and reads the claims
of the job's token only; nobody but this server verifies what it signs, so
HMAC with a key of this process is enough for those.
"""

import base64
import hashlib
import hmac
import json
import secrets
import xml.etree.ElementTree as ElementTree

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY = secrets.token_bytes(32)

# The Listener rounds `nbf`, which may lie up to a second ahead.
LEEWAY_S = 30
# GitHub refuses App tokens that would live longer than ten minutes.
APP_LIFE_S = 600


class Refused(Exception):
    """An assertion that is not to be believed, and why."""


def encode(data):
    """Return base64url without padding, as JWTs have it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    """Undo encode()."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def make_jwt(claims):
    """Return a JWT with these claims and a `jti` that makes it unique."""
    header = encode(json.dumps({"typ": "JWT", "alg": "HS256"}).encode())
    body = encode(json.dumps({**claims, "jti": secrets.token_hex(8)}).encode())
    signed = f"{header}.{body}"
    digest = hmac.new(KEY, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{encode(digest)}"


def sign(text):
    """Return the signature that a handed out URL carries."""
    return encode(hmac.new(KEY, text.encode(), hashlib.sha256).digest())


def runner_token():
    """Return a registration or removal token: 29 capitals and digits."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    return "A" + "".join(secrets.choice(alphabet) for _ in range(28))


def installation_token():
    """Return an App's token; longer than the 40 characters of old."""
    return "ghs_" + secrets.token_hex(60)


def parse_jwt(text):
    """Return (header, claims, signed bytes, signature) of a JWT."""
    try:
        head, body, signature = text.split(".")
        return (json.loads(decode(head)), json.loads(decode(body)),
                f"{head}.{body}".encode(), decode(signature))
    except (ValueError, TypeError) as error:
        raise Refused("not a JSON web token") from error


def client_id(assertion):
    """Return whom an unverified client assertion speaks for."""
    return parse_jwt(assertion)[1].get("sub")


def verify_client(assertion, key, now):
    """Verify a runner's client assertion (PS256)."""
    header, claims, signed, signature = parse_jwt(assertion)
    if header.get("alg") != "PS256":
        raise Refused("the algorithm is not PS256")
    try:
        key.verify(signature, signed,
                   padding.PSS(padding.MGF1(hashes.SHA256()), 32),
                   hashes.SHA256())
    except InvalidSignature as error:
        raise Refused("the signature is wrong") from error
    if claims.get("iss") != claims.get("sub"):
        raise Refused("issuer and subject differ")
    if not (claims.get("nbf", 0) - LEEWAY_S <= now
            <= claims.get("exp", 0) + LEEWAY_S):
        raise Refused("the assertion is not valid now")


def verify_app(token, key, now):
    """Verify an App's JWT (RS256); the texts are GitHub's."""
    header, claims, signed, signature = parse_jwt(token)
    if header.get("alg") != "RS256":
        raise Refused("A JSON web token could not be decoded")
    try:
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature as error:
        raise Refused("A JSON web token could not be decoded") from error
    for name, long_name in (("iat", "Issued at"), ("exp", "Expiration time")):
        if not isinstance(claims.get(name), (int, float)):
            raise Refused(f"'{long_name}' claim ('{name}') must be a numeric "
                          "value representing the future time at which the "
                          "assertion expires")
    if claims["iat"] > now + 5:
        raise Refused("'Issued at' claim ('iat') must be an Integer "
                      "representing the time that the assertion was issued")
    if claims["exp"] <= now:
        raise Refused("'Expiration time' claim ('exp') must be a numeric "
                      "value representing the future time at which the "
                      "assertion expires")
    if claims["exp"] > now + APP_LIFE_S:
        raise Refused("'Expiration time' claim ('exp') is too far in the "
                      "future")


def public_key_from_xml(text):
    """Read <RSAKeyValue>: big-endian integers in base64."""
    try:
        root = ElementTree.fromstring(text)
        modulus = base64.b64decode(root.findtext("Modulus"))
        exponent = base64.b64decode(root.findtext("Exponent"))
        return rsa.RSAPublicNumbers(
            int.from_bytes(exponent, "big"),
            int.from_bytes(modulus, "big")).public_key()
    except (ElementTree.ParseError, TypeError, ValueError) as error:
        raise Refused("not an RSA public key") from error


def public_key_from_pem(text):
    """Read the public key of an App, given as either half in PEM."""
    data = text.encode()
    if b"PRIVATE" in data:
        return serialization.load_pem_private_key(data, None).public_key()
    return serialization.load_pem_public_key(data)


def job_claims(job, now):
    """Return the claims that the runner reads in a job's token."""
    ids = f"{job.plan_id}:{job.uuid}"
    return {
        "scp": f"Actions.GenericRead:{job.plan_id} Actions.Results:{ids} "
               f"Actions.UploadArtifacts:{ids}",
        "orch_id": f"{job.plan_id}.job.__default",
        "iat": int(now),
        "exp": int(now) + 6 * 3600,
    }
