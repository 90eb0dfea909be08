"""A real SMTP server for tests of mail, answering as a test wants it to; with and without TLS."""

from __future__ import annotations

import email
import email.policy
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from hub.config import Address, MailSettings, Security
from simulators.ports import free_port
from tests.hub.programs import HOST

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path
    from typing import Self

SENDER = "reminders@hub.example.org"
USER, PASSWORD = "hub", "correct horse"


@dataclass
class Postbox:
    """What the server was given, and what it answers: to a recipient by address, to each message in turn, then 250."""

    envelopes: list[Envelope] = field(default_factory=list)
    to_recipients: dict[str, str] = field(default_factory=dict)
    to_senders: str = ""
    to_messages: list[str] = field(default_factory=list)
    logins: list[LoginPassword] = field(default_factory=list)
    sessions: set[int] = field(default_factory=set)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd calls it by this name
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a sender, or not."""
        self.sessions.add(id(session))
        envelope.mail_from = address
        return self.to_senders or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or not."""
        answer = self.to_recipients.get(address, "250 OK")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a message, or not."""
        answer = self.to_messages.pop(0) if self.to_messages else "250 queued as 42"
        if answer.startswith("2"):
            self.envelopes.append(envelope)
        return answer

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _way: str, told: object
    ) -> AuthResult:
        """Take the one user there is."""
        assert isinstance(told, LoginPassword)
        self.logins.append(told)
        return AuthResult(success=(told.login, told.password) == (USER.encode(), PASSWORD.encode()), handled=False)

    @property
    def messages(self) -> list[EmailMessage]:
        """What arrived, as a mail program reads it."""
        return [email.message_from_bytes(raw, policy=email.policy.default) for raw in self.raw]

    @property
    def raw(self) -> list[bytes]:
        """What arrived, byte for byte."""
        return [envelope.original_content or b"" for envelope in self.envelopes]


class MailServer:
    """An SMTP server on a free port of the loopback while the `with` block runs."""

    def __init__(self, postbox: Postbox | None = None, *, port: int | None = None, **options: Any) -> None:  # noqa: ANN401 - aiosmtpd's
        self.postbox = postbox or Postbox()
        self.port = port or free_port()
        self._controller = Controller(
            self.postbox, hostname=HOST, port=self.port, server_hostname="mail.example.org", **options
        )

    def __enter__(self) -> Self:
        """Start; answers when this returns."""
        self._controller.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop."""
        self._controller.stop()

    def settings(self, security: Security = Security.PLAIN, credentials: Path | None = None) -> MailSettings:
        """Return how a hub finds the server."""
        return make_settings(self.port, security, credentials)


def make_settings(port: int, security: Security = Security.PLAIN, credentials: Path | None = None) -> MailSettings:
    """Return settings of a hub that sends to this port of the loopback."""
    return MailSettings(Address(HOST, port), security, SENDER, "https://hub.example.org", credentials)


def make_contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the TLS of a server on the loopback, and that of a client which trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    begun = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begun)
        .not_valid_after(begun + timedelta(days=365 * 100))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    path = folder / "server.pem"
    path.write_bytes(
        pem
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=pem.decode())
