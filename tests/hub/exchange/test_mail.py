"""Mail over real SMTP: delivered as it was written, judged by what the server answers, never in the open."""

from __future__ import annotations

import email
import email.policy
import smtplib
import socket
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.config import Security
from hub.errors import SettingsError
from hub.exchange import mail as door
from hub.exchange.credentials import Credentials, load_credentials
from hub.exchange.mail import Answer, Mail, SmtpMailer, Verdict, compose
from simulators.ports import free_port
from tests.hub.mail_server import PASSWORD, SENDER, USER, MailServer, Postbox, make_contexts, make_settings
from tests.hub.making import NOW

if TYPE_CHECKING:
    from pathlib import Path

MAIL = Mail(
    key="ann@example.org window_open 2024-01",
    name="Änn O'Neil",
    address="ann@example.org",
    subject="Bitte für Jänner melden",
    text="Hello Änn,\n.\nthe lone dot is text.\n",
    html="<p>Hello Änn</p>\n",
    made_at=NOW,
)


def send(server: MailServer, mail: Mail = MAIL) -> Answer:
    """Send one mail and end the session."""
    with SmtpMailer(server.settings(), timeout_seconds=5) as mailer:
        return mailer.send(mail)


def test_a_mail_arrives_as_it_was_written() -> None:
    """Name, subject and text in any letters, from the hub to one person, marked as a program's."""
    with MailServer() as server:
        assert send(server) == Answer(Verdict.SENT, "250 queued as 42")
    (envelope,), (message,) = server.postbox.envelopes, server.postbox.messages
    assert (envelope.mail_from, envelope.rcpt_tos) == (SENDER, ["ann@example.org"])
    assert message["To"].addresses[0].display_name == "Änn O'Neil"
    assert (message["From"], message["Subject"]) == (f"Meterline <{SENDER}>", "Bitte für Jänner melden")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"] == "Meterline reminders <reminders.hub.example.org>"
    assert message["Date"] == "Fri, 14 Jul 2017 02:40:00 +0000"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == MAIL.text
    assert html.get_content().replace("\r\n", "\n") == MAIL.html
    assert server.postbox.raw[0].isascii()


def test_the_same_mail_is_the_same_bytes_and_another_is_not() -> None:
    """A double carries the same Message-ID; another occasion has another."""
    first, again = compose(MAIL, SENDER), compose(MAIL, SENDER)
    other = compose(replace(MAIL, key="ann@example.org five_days_left 2024-01"), SENDER)
    assert first.as_bytes() == again.as_bytes()
    assert first["Message-ID"] != other["Message-ID"]
    assert first["Message-ID"].endswith("@hub.example.org>")


@pytest.mark.parametrize(
    ("answers", "verdict", "is_general"),
    [
        ({"to_recipients": {"ann@example.org": "550 no such person here"}}, Verdict.REFUSED, False),
        ({"to_recipients": {"ann@example.org": "450 try again"}}, Verdict.LATER, False),
        ({"to_recipients": {"ann@example.org": "421 closing"}}, Verdict.LATER, True),
        ({"to_recipients": {"ann@example.org": "530 log in first"}}, Verdict.LATER, True),
        ({"to_messages": ["554 looks like spam"]}, Verdict.REFUSED, False),
        ({"to_messages": ["451 disk full"]}, Verdict.LATER, False),
        ({"to_senders": "553 not your address"}, Verdict.LATER, True),
    ],
)
def test_an_answer_is_judged_by_what_it_is_about(
    answers: dict[str, object],
    verdict: Verdict,
    *,
    is_general: bool,
) -> None:
    """About the person or the message, it decides about this mail; about the hub, it decides about none."""
    with MailServer(Postbox(**answers)) as server:  # type: ignore[arg-type]
        answer = send(server)
        assert (answer.verdict, answer.is_general) == (verdict, is_general)
        assert answer.text[:3].isdecimal()
    assert server.postbox.envelopes == []


def test_mails_share_a_session_up_to_a_number_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal does not stop the others, and no session grows without end."""
    monkeypatch.setattr(door, "SESSION_MAILS_MAX", 3)
    postbox = Postbox(to_recipients={"eve@example.org": "550 no"})
    with MailServer(postbox) as server, SmtpMailer(server.settings()) as mailer:
        sent = [mailer.send(replace(MAIL, key=str(number))).verdict for number in range(7)]
        refused = mailer.send(replace(MAIL, address="eve@example.org")).verdict
        after = mailer.send(MAIL).verdict
    assert sent == [Verdict.SENT] * 7
    assert (refused, after) == (Verdict.REFUSED, Verdict.SENT)
    assert len(postbox.envelopes) == 8


def test_a_server_that_is_not_there_is_an_answer_too() -> None:
    """Nothing is raised; the mail is for later, and so is every other."""
    with SmtpMailer(make_settings(free_port()), timeout_seconds=5) as mailer:
        answer = mailer.send(MAIL)
    assert (answer.verdict, answer.is_general) == (Verdict.LATER, True)
    assert "refused" in answer.text


def test_a_server_that_says_nothing_is_left_in_time() -> None:
    """The hub waits no longer than it was told to."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        SmtpMailer(make_settings(silent.getsockname()[1]), timeout_seconds=0.2) as mailer,
    ):
        answer = mailer.send(MAIL)
    assert (answer.verdict, answer.is_general) == (Verdict.LATER, True)
    assert "timed out" in answer.text


def test_a_server_that_went_away_is_found_again() -> None:
    """The session that broke is not the end: the next mail opens another."""
    with SmtpMailer(make_settings(port := free_port()), timeout_seconds=5) as mailer:
        with MailServer(port=port):
            assert mailer.send(MAIL).verdict is Verdict.SENT
        assert mailer.send(MAIL).verdict is Verdict.LATER
        with MailServer(port=port):
            assert mailer.send(MAIL).verdict is Verdict.SENT


def test_starttls_is_demanded_before_anything_is_said(tmp_path: Path) -> None:
    """A server without it gets neither password nor mail; one with it gets both, protected."""
    secret = make_secret(tmp_path)
    with MailServer() as open_server:
        with SmtpMailer(open_server.settings(Security.STARTTLS, secret)) as mailer:
            answer = mailer.send(MAIL)
        assert (answer.verdict, answer.is_general, "STARTTLS" in answer.text) == (Verdict.LATER, True, True)
        assert (open_server.postbox.logins, open_server.postbox.envelopes) == ([], [])
    theirs, ours = make_contexts(tmp_path)
    postbox = Postbox()
    options: dict[str, Any] = {"tls_context": theirs, "require_starttls": True, "authenticator": postbox.authenticate}
    with MailServer(postbox, auth_required=True, **options) as server:
        with SmtpMailer(server.settings(Security.STARTTLS, secret), ours) as mailer:
            assert mailer.send(MAIL).verdict is Verdict.SENT
        with SmtpMailer(server.settings(Security.STARTTLS, secret)) as mailer:
            untrusted = mailer.send(MAIL)
        with SmtpMailer(server.settings()) as mailer:
            unprotected = mailer.send(MAIL)
    assert (untrusted.verdict, "CERTIFICATE_VERIFY_FAILED" in untrusted.text) == (Verdict.LATER, True)
    assert (unprotected.verdict, unprotected.is_general) == (Verdict.LATER, True)
    assert [(login.login, login.password) for login in postbox.logins] == [(USER.encode(), PASSWORD.encode())]
    assert len(postbox.envelopes) == 1


def test_tls_from_the_start(tmp_path: Path) -> None:
    """The same mail over a port that speaks TLS only."""
    theirs, ours = make_contexts(tmp_path)
    with MailServer(ssl_context=theirs) as server, SmtpMailer(server.settings(Security.TLS), ours) as mailer:
        assert mailer.send(MAIL).verdict is Verdict.SENT


def test_a_login_that_is_not_taken_refuses_no_mail(tmp_path: Path) -> None:
    """A wrong password is the hub's trouble: mails wait until it is right."""
    postbox = Postbox()
    options: dict[str, Any] = {"authenticator": postbox.authenticate, "auth_require_tls": False}
    secret = make_secret(tmp_path, "wrong")
    with MailServer(postbox, **options) as server, SmtpMailer(server.settings(credentials=secret)) as mailer:
        answer = mailer.send(MAIL)
    assert (answer.verdict, answer.is_general) == (Verdict.LATER, True)
    assert answer.text.startswith("535 ")
    assert postbox.envelopes == []


@pytest.mark.parametrize(
    "address", ["", "ann", "ann@example.org\r\nRCPT TO:<eve@example.org>", "ann@example.org, eve@example.org"]
)
def test_what_is_no_address_never_reaches_a_server(address: str) -> None:
    """It is refused here, in words that name it."""
    with MailServer() as server:
        answer = send(server, replace(MAIL, address=address))
        assert (answer.verdict, "is not an e-mail address" in answer.text) == (Verdict.REFUSED, True)
        assert server.postbox.sessions == set()


@given(
    name=st.text(max_size=150) | st.just('x" <eve@example.org>, "y') | st.just("a\r\nBcc: eve@example.org\r\n\r\nhi"),
    subject=st.text(max_size=200) | st.just("x\r\nBcc: eve@example.org\r\n\r\nhi"),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
)
def test_names_and_subjects_are_never_headers(name: str, subject: str, text: str) -> None:
    """Whatever signs they hold, the mail has our headers and goes to one address."""
    raw = compose(replace(MAIL, name=name, subject=subject, text=text), SENDER).as_bytes()
    message = email.message_from_bytes(raw, policy=email.policy.default)
    expected = compose(MAIL, SENDER)
    assert message.keys() == expected.keys()
    assert [each.addr_spec for each in message["To"].addresses] == ["ann@example.org"]
    assert message["Message-ID"] == expected["Message-ID"]
    assert raw.count(b"\n") == raw.count(b"\r\n")


def test_credentials_are_read_from_a_guarded_file(tmp_path: Path) -> None:
    """Two lines, for the owner's eyes only; the password is not shown by accident."""
    found = load_credentials(make_secret(tmp_path))
    assert found == Credentials(USER, PASSWORD)
    assert PASSWORD not in repr(found)


@pytest.mark.parametrize("content", [b"", b"hub\n", b"hub\nsecret\nmore\n", b"\nsecret\n", b"hub\ns\xc3\xa4cret\n"])
def test_what_is_no_credentials_is_refused(tmp_path: Path, content: bytes) -> None:
    """The sentence says what to write."""
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="the user in the first line"):
        load_credentials(path)


def test_credentials_that_others_may_read_are_refused(tmp_path: Path) -> None:
    """The sentence says how to guard them; a file that is not there is named."""
    path = make_secret(tmp_path)
    path.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        load_credentials(path)
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        SmtpMailer(make_settings(1, credentials=tmp_path / "none"))


def test_what_the_world_does_is_one_family() -> None:
    """What a session can raise is caught by one name: the answer is made from it, and nothing passes through."""
    assert issubclass(smtplib.SMTPException, OSError)
    assert issubclass(ssl.SSLError, OSError)


def make_secret(folder: Path, password: str = PASSWORD) -> Path:
    """Return a guarded file with credentials."""
    path = folder / "smtp-credentials"
    path.write_text(f"{USER}\n{password}\n", encoding="ascii")
    path.chmod(0o600)
    return path
