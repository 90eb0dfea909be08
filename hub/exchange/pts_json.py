"""The newer interface of MassCEC's tracking system: JSON behind a gateway that wants a key of its own.

The form of its answers is not published. What is read here is a list of objects with `fk_System` and `ResponseCode`,
as the only public client shows both; any other answer is kept as it came, and a person says what it means.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from hub.exchange.credentials import load_credentials
from hub.exchange.pts import (
    TIMEOUT_SECONDS,
    SystemAnswer,
    Verdict,
    answer_fault,
    answer_nothing,
    answer_systems,
    answer_unread,
    post,
)
from hub.rules.forwarding import reading_time, register_kwh

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hub.config import ForwardSettings
    from hub.exchange.pts import DoorAnswer, HttpAnswer
    from hub.rules.forwarding import Forwarded

_TEXT_MAX = 300


class JsonDoor:
    """The JSON interface at one address; raises SettingsError if the keys cannot be read."""

    def __init__(self, settings: ForwardSettings, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._settings = settings
        self._keys = load_credentials(settings.credentials, first="subscription key", second="access key")
        self._timeout_seconds = timeout_seconds

    @property
    def name(self) -> str:
        """Return which interface it is and where."""
        return f"json {self._settings.url}"

    def compose(self, readings: Sequence[Forwarded]) -> str:
        """Return the systems with a register each; what service cost has no place in this interface."""
        systems = [
            {
                "fk_System": one.system,
                "metervalue": register_kwh(one.register_wh),
                "meterDate": reading_time(one.read_at),
            }
            for one in readings
        ]
        return json.dumps({"systems": systems}, separators=(",", ":"))

    def send(self, composed: str, systems: Sequence[str], *, is_test: bool) -> DoorAnswer:
        """Hand the systems over, or only try them."""
        operation = self._settings.test if is_test else self._settings.post
        headers = {"Content-Type": "application/json", "Ocp-Apim-Subscription-Key": self._keys.user}
        body = json.dumps({"APIKey": self._keys.password, **json.loads(composed)}, separators=(",", ":"))
        answer = post(f"{self._settings.url}/{operation}", headers, body.encode(), self._timeout_seconds)
        return answer_nothing(answer, systems) or _read(answer, systems)


def _read(answer: HttpAnswer, systems: Sequence[str]) -> DoorAnswer:
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        return answer_unread(answer, systems)
    said = dict(_results(content))
    if said:
        return answer_systems(answer, systems, said)
    if answer.status == HTTPStatus.BAD_REQUEST:
        text = content.get("message") if isinstance(content, dict) else None
        return answer_fault(answer, systems, text if isinstance(text, str) and text else "refused without a word")
    return answer_unread(answer, systems)


def _results(content: object) -> Iterator[tuple[str, SystemAnswer]]:
    lists = content.values() if isinstance(content, dict) else (content,)
    for one in (each for some in lists if isinstance(some, list) for each in some if isinstance(each, dict)):
        system, code = one.get("fk_System"), str(one.get("ResponseCode", ""))
        if isinstance(system, str) and code.isdecimal():
            is_taken = HTTPStatus.OK <= int(code) < HTTPStatus.MULTIPLE_CHOICES
            text = str(one.get("Message", "")) or f"response code {code}"
            yield system, SystemAnswer(Verdict.TAKEN if is_taken else Verdict.REFUSED, text[:_TEXT_MAX])
