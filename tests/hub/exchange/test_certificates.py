"""Until when certificates and a revocation list are good, as their files say, or that nobody can tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from hub.config import CertificateFile
from hub.exchange.certificates import Expiry, read_expiries, read_next_update
from tests.hub.certifying import make_certificate, make_crl

if TYPE_CHECKING:
    from pathlib import Path

ENDS = datetime(2027, 3, 1, 12, tzinfo=UTC)
ENDS_MS = int(ENDS.timestamp()) * 1000


def test_of_a_chain_the_first_end_counts(tmp_path: Path) -> None:
    """Whoever checks it checks each."""
    path = tmp_path / "chain.pem"
    path.write_bytes(make_certificate(ENDS + timedelta(days=90)) + make_certificate(ENDS))
    assert read_expiries([CertificateFile("pages", path)]) == (Expiry("pages", ENDS_MS),)
    assert read_expiries([]) == ()


def test_a_revocation_list_says_when_it_has_to_be_renewed(tmp_path: Path) -> None:
    """It is the broker's."""
    path = tmp_path / "devices.crl"
    path.write_bytes(make_crl(ENDS))
    assert read_next_update(path) == Expiry("revocation list", ENDS_MS)


@pytest.mark.parametrize(
    "content", [None, b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_cannot_be_read_has_no_end(tmp_path: Path, content: bytes | None) -> None:
    """It is told of as such, and stops nothing."""
    path = tmp_path / "broken.pem"
    if content is not None:
        path.write_bytes(content)
    assert read_expiries([CertificateFile("pages", path)]) == (Expiry("pages", None),)
    assert read_next_update(path).until is None
