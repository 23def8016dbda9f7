"""A certificate authority for one address, made on the spot."""

import datetime
import ipaddress
import os
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = datetime.timedelta(days=7)


def name_of(text):
    """Return a subject with only a common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def builder(subject, issuer, public_key):
    """Begin a certificate."""
    now = datetime.datetime.utcnow()
    return (x509.CertificateBuilder().subject_name(name_of(subject))
            .issuer_name(name_of(issuer)).public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + LIFE))


def make_authority():
    """Return (key, certificate) of a new authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False,
        key_cert_sign=True, crl_sign=True, encipher_only=False,
        decipher_only=False)
    certificate = (
        builder("stand-in CA", "stand-in CA", key.public_key())
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(
            key.public_key()), critical=False)
        .sign(key, hashes.SHA256()))
    return key, certificate


def make_certificate(address, authority_key):
    """Return (key, certificate) for an address, signed by the authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.IPAddress(ipaddress.ip_address(address)),
             x509.DNSName("github.localhost"),
             x509.DNSName("*.github.localhost")]
    certificate = (
        builder(address, "stand-in CA", key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage(
            [ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
            authority_key.public_key()), critical=False)
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .sign(authority_key, hashes.SHA256()))
    return key, certificate


def write(path, data):
    """Write a file that only its owner reads."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)


def make_files(directory, address):
    """Write ca.pem, cert.pem and key.pem; return the latter two's paths."""
    os.makedirs(directory, exist_ok=True)
    authority_key, authority = make_authority()
    key, certificate = make_certificate(address, authority_key)
    paths = {name: os.path.join(directory, name)
             for name in ("ca.pem", "cert.pem", "key.pem")}
    pem = serialization.Encoding.PEM
    write(paths["ca.pem"], authority.public_bytes(pem))
    write(paths["cert.pem"], certificate.public_bytes(pem))
    write(paths["key.pem"], key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    return paths["cert.pem"], paths["key.pem"]


def context(certificate, key):
    """Return a server's TLS context."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    return made
