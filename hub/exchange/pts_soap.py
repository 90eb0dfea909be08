"""The older interface of MassCEC's tracking system: SOAP 1.1 around an `ARData` document in a string.

What is known of it is in `docs/forwarding.md`. Others' XML is read without entities or anything else that XML can do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

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
from hub.rules.forwarding import reading_time, register_kwh, service_dollars

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hub.config import ForwardSettings
    from hub.exchange.pts import DoorAnswer, HttpAnswer
    from hub.rules.forwarding import Forwarded

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
PAYLOAD = "PTS-AR"
_TEXT_MAX = 300


class SoapDoor:
    """The SOAP interface at one address; raises SettingsError if the credentials cannot be read."""

    def __init__(self, settings: ForwardSettings, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._settings = settings
        self._credentials = load_credentials(settings.credentials)
        self._timeout_seconds = timeout_seconds

    @property
    def name(self) -> str:
        """Return which interface it is and where."""
        return f"soap {self._settings.url}"

    def compose(self, readings: Sequence[Forwarded]) -> str:
        """Return the `ARData` document with a register for each system."""
        data = Element("ARData", xmlns=f"{self._settings.namespace}{PAYLOAD}")
        for one in readings:
            system = SubElement(data, "ptsSystem", sysType="PV")
            SubElement(system, "sysID").text = one.system
            monthly = SubElement(SubElement(system, "MonthlyData"), "PVmonthlyData")
            SubElement(monthly, "kwhRegistry").text = register_kwh(one.register_wh)
            SubElement(monthly, "regDateTime").text = reading_time(one.read_at)
            if one.service_cost_cents is not None:
                SubElement(monthly, "serviceCostsInDollars").text = service_dollars(one.service_cost_cents)
        return tostring(data, encoding="unicode")

    def send(self, composed: str, systems: Sequence[str], *, is_test: bool) -> DoorAnswer:
        """Hand the document over, or only try it."""
        operation = self._settings.test if is_test else self._settings.post
        headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{self._settings.namespace}{operation}"',
        }
        answer = post(self._settings.url, headers, self._wrap(operation, composed), self._timeout_seconds)
        return answer_nothing(answer, systems) or _read(answer, systems)

    def _wrap(self, operation: str, composed: str) -> bytes:
        envelope = Element(f"{{{ENVELOPE}}}Envelope")
        header = SubElement(envelope, f"{{{ENVELOPE}}}Header")
        who = SubElement(header, "cAuthentication", xmlns=self._settings.namespace)
        SubElement(who, "UserName").text = self._credentials.user
        SubElement(who, "Password").text = self._credentials.password
        body = SubElement(envelope, f"{{{ENVELOPE}}}Body")
        SubElement(SubElement(body, operation, xmlns=self._settings.namespace), "xmldata").text = composed
        raw: bytes = tostring(envelope, encoding="utf-8", xml_declaration=True)
        return raw


def _read(answer: HttpAnswer, systems: Sequence[str]) -> DoorAnswer:
    try:
        envelope = fromstring(answer.body)
        fault = next(_named(envelope, "Fault"), None)
        if fault is not None:
            text = _text(next(_named(fault, "faultstring"), None)) or "a fault without a word"
            return answer_fault(answer, systems, text)
        inner = next((one.text for one in envelope.iter() if _local(one).endswith("Result") and one.text), None)
        said = {} if inner is None else dict(_results(fromstring(inner)))
    except (ParseError, DefusedXmlException):
        said = {}
    return answer_systems(answer, systems, said) if said else answer_unread(answer, systems)


def _results(results: Element) -> Iterator[tuple[str, SystemAnswer]]:
    for one in _named(results, "ARSystemResults"):
        told = {_local(child): _text(child) for child in one}
        is_taken = told.get("Success", "").lower() == "true"
        text = told.get("Messages", "") or ("taken" if is_taken else "refused without a word")
        yield one.get("SystemID", ""), SystemAnswer(Verdict.TAKEN if is_taken else Verdict.REFUSED, text)


def _named(element: Element, name: str) -> Iterator[Element]:
    return (one for one in element.iter() if _local(one) == name)


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(element: Element | None) -> str:
    return "" if element is None else " ".join("".join(element.itertext()).split())[:_TEXT_MAX]
