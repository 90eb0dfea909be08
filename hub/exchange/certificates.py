"""Read until when certificates and a revocation list are good, out of files that others make and renew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from hub.config import CertificateFile

REVOCATION_LIST = "revocation list"


@dataclass(frozen=True, slots=True)
class Expiry:
    """Until when (UTC ms) what stands in a file is good; None where it cannot be read, or does not say."""

    use: str
    until: int | None


def read_expiries(files: Sequence[CertificateFile]) -> tuple[Expiry, ...]:
    """Return until when each of these certificates is good: of a chain, the one that ends first."""
    return tuple(Expiry(one.use, _read_chain(one.path)) for one in files)


def read_next_update(path: Path) -> Expiry:
    """Return until when a revocation list is good; a broker refuses every device after that."""
    try:
        found = x509.load_pem_x509_crl(path.read_bytes())
    except (OSError, ValueError):
        return Expiry(REVOCATION_LIST, None)
    return Expiry(REVOCATION_LIST, None if found.next_update_utc is None else _ms(found.next_update_utc))


def _read_chain(path: Path) -> int | None:
    try:
        chain = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        return None
    return min(_ms(one.not_valid_after_utc) for one in chain)


def _ms(at: datetime) -> int:
    return int(at.timestamp()) * 1000
