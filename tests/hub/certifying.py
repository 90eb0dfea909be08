"""Certificates and revocation lists for tests, each signed by a key of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

if TYPE_CHECKING:
    from datetime import datetime

_NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hub.example.org")])


def make_certificate(ends: datetime) -> bytes:
    """Return a certificate as PEM that is good until then."""
    key = Ed25519PrivateKey.generate()
    built = (
        x509.CertificateBuilder(_NAME, _NAME, key.public_key(), x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=365))
        .not_valid_after(ends)
    )
    return built.sign(key, None).public_bytes(Encoding.PEM)


def make_crl(next_update: datetime) -> bytes:
    """Return a revocation list as PEM that has to be renewed until then."""
    built = x509.CertificateRevocationListBuilder(_NAME, next_update - timedelta(days=35), next_update)
    return built.sign(Ed25519PrivateKey.generate(), None).public_bytes(Encoding.PEM)
