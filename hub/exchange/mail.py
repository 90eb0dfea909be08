"""Mail out of the hub: how a message is composed, and handing it to a mail server over SMTP (RFC 5321).

The server's answer is judged by what it is about. What it says of the recipient or the message decides about this one
mail: sent, refused, or to be tried later. What it says of the hub (no connection, no TLS, a login or sender that it
does not take) decides about none: any other mail would fare the same, so all wait.
"""

from __future__ import annotations

import contextlib
import hashlib
import smtplib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address as Mailbox
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from hub.config import Security
from hub.exchange.credentials import load_credentials
from hub.rules.mail_addresses import is_mail_address

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from hub.config import MailSettings

TIMEOUT_SECONDS = 30.0
SESSION_MAILS_MAX = 50
LINE_LENGTH_MAX = 300
_SENDER_NAME = "Meterline"
_NOT_IN_NAMES = str.maketrans(dict.fromkeys('"\\,;:<>@()[]', " "))
"""What would have meaning in a list of addresses: a name without them is a name, however a header is folded."""
_POLICY = SMTP.clone(cte_type="7bit")
_SERVICE_NOT_AVAILABLE = 421
_LOGIN_WANTED = frozenset({530, 534, 535, 538})


class Verdict(StrEnum):
    """What became of a mail: the server has it, may take it later, or never will."""

    SENT = "sent"
    LATER = "later"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer in its own words. `is_general`: it is about the hub or the server, not about this mail."""

    verdict: Verdict
    text: str
    is_general: bool = False


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one person. `key` decides its Message-ID, so that the same mail sent twice is known for the same."""

    key: str
    name: str
    address: str
    subject: str
    text: str
    html: str
    made_at: int


class Mailer(Protocol):
    """Whatever takes mail, one after another."""

    def send(self, mail: Mail) -> Answer:
        """Hand one mail over and return what was answered; never raises for what the world does."""
        ...


def compose(mail: Mail, sender: str) -> EmailMessage:
    """Return the message as it goes out, the same bytes each time.

    A name or subject is text in its header and nothing else, whatever signs it holds. `mail.address` has to be an
    address.
    """
    assert is_mail_address(mail.address), mail.address
    digest = hashlib.sha256(mail.key.encode()).hexdigest()[:32]
    domain = sender.rpartition("@")[2]
    message = EmailMessage(_POLICY)
    message["Date"] = format_datetime(datetime.fromtimestamp(mail.made_at // 1000, UTC))
    message["From"] = Mailbox(_SENDER_NAME, addr_spec=sender)
    message["To"] = Mailbox(one_line(mail.name.translate(_NOT_IN_NAMES)), addr_spec=mail.address)
    message["Subject"] = one_line(mail.subject)
    message["Message-ID"] = f"<{digest}@{domain}>"
    message["List-Id"] = f"{_SENDER_NAME} reminders <reminders.{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    message.set_boundary(f"={digest}=")
    return message


def one_line(text: str) -> str:
    """Return text without line ends and signs that nobody sees, each run of them one blank, and not too long."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:LINE_LENGTH_MAX]


class SmtpMailer:
    """A mailer that speaks with one server, in a session of up to `SESSION_MAILS_MAX` mails; for one thread.

    Raises SettingsError if the credentials cannot be read.
    """

    def __init__(
        self,
        settings: MailSettings,
        context: ssl.SSLContext | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self.settings = settings
        self._credentials = None if settings.credentials is None else load_credentials(settings.credentials)
        self._context = context or ssl.create_default_context()
        self._timeout_seconds = timeout_seconds
        self._session: smtplib.SMTP | None = None
        self._mails = 0

    def __enter__(self) -> Self:
        """Begin; the server is not spoken to before there is a mail."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End the session if there is one."""
        self._end()

    def send(self, mail: Mail) -> Answer:
        """Hand one mail over and return what the server answered; what the world does is an answer too."""
        if not is_mail_address(mail.address):
            text = f"{mail.address!r:.60} is not an e-mail address that mail can be sent to: correct it"
            return Answer(Verdict.REFUSED, text)
        raw = compose(mail, self.settings.sender).as_bytes()
        try:
            answer = self._transfer(self._open(), mail.address, raw)
        except smtplib.SMTPResponseException as error:
            answer = _general(_words(error.smtp_code, error.smtp_error))
        except OSError as error:
            # SMTPException and SSLError are of this family.
            answer = _general(str(error) or type(error).__name__)
        self._mails += 1
        if answer.verdict is not Verdict.SENT or self._mails >= SESSION_MAILS_MAX:
            self._end()
        return answer

    def _open(self) -> smtplib.SMTP:
        """Return the session, opened if there is none; raises OSError."""
        if self._session is None:
            server, security = self.settings.server, self.settings.security
            if security is Security.TLS:
                session: smtplib.SMTP = smtplib.SMTP_SSL(
                    server.host, server.port, timeout=self._timeout_seconds, context=self._context
                )
            else:
                session = smtplib.SMTP(server.host, server.port, timeout=self._timeout_seconds)
            self._session, self._mails = session, 0
            session.ehlo_or_helo_if_needed()
            if security is Security.STARTTLS:
                session.starttls(context=self._context)
                session.ehlo_or_helo_if_needed()
            if self._credentials is not None:
                session.login(self._credentials.user, self._credentials.password)
        return self._session

    def _transfer(self, session: smtplib.SMTP, recipient: str, raw: bytes) -> Answer:
        code, words = session.mail(self.settings.sender)
        if not _is_taken(code):
            return _general(_words(code, words))
        code, words = session.rcpt(recipient)
        if not _is_taken(code):
            return _judge(code, words)
        try:
            return _judge(*session.data(raw))
        except smtplib.SMTPDataError as error:
            return _judge(error.smtp_code, error.smtp_error)

    def _end(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            # A server that is gone already cannot be told that the session ends.
            with contextlib.suppress(OSError):
                session.quit()
            session.close()


def _is_taken(code: int) -> bool:
    return 200 <= code < 300  # noqa: PLR2004 - the classes of RFC 5321, 4.2.1


def _judge(code: int, words: bytes | str) -> Answer:
    """Return what an answer to a recipient or to the message means for this mail."""
    text = _words(code, words)
    if _is_taken(code):
        return Answer(Verdict.SENT, text)
    if code == _SERVICE_NOT_AVAILABLE or code in _LOGIN_WANTED:
        return _general(text)
    return Answer(Verdict.REFUSED if code >= 500 else Verdict.LATER, text)  # noqa: PLR2004 - see `_is_taken`


def _general(text: str) -> Answer:
    return Answer(Verdict.LATER, one_line(text), is_general=True)


def _words(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return one_line(f"{code} {text}")
