"""First contact with a meter: where its words are, who it is, how it will be read, and what the chain says of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.bus_errors import ILLEGAL_DATA_ADDRESS, ExceptionReplyError
from edge.metering.decode import describe_register
from edge.metering.identify import MeterIdentity, identity_spans, judge_identity
from edge.metering.read_plan import ReadPlan, plan_reads
from edge.metering.sunspec import locate_models
from edge.metering.words import WordImage, unmerged
from edge.recognise import MeterSource, recognise
from protocol.messages import MeterDescriptor

if TYPE_CHECKING:
    from edge.metering.profile import MeterProfile
    from edge.metering.read_plan import Replies, Sighting
    from edge.metering.words import Location, Span
    from edge.settings import BusKind, MeterSettings


@dataclass(frozen=True, slots=True)
class Contact:
    """What is known of a meter since it was identified, and what its last poll showed.

    `same_words` are the words of its identity that come with the energy. `refusal` says why its readings are not
    accepted although it is of the right kind; `seldom` are the words that were read when it was identified.
    """

    connections: int
    identity: MeterIdentity
    plan: ReadPlan
    same_words: Replies
    refusal: str = ""
    seldom: WordImage | None = None
    witness: Replies | None = None
    scale_words: tuple[int | None, ...] = ()
    polls: int = 0


class MeterLink:
    """One meter behind a bus. `heard_over` are the connections that its answers came over since that was emptied."""

    def __init__(self, bus: MeterSource, unit: int, profile: MeterProfile) -> None:
        self.profile = profile
        self.heard_over: set[int] = set()
        self._bus = bus
        self._unit = unit

    async def read(self, span: Span) -> tuple[int, ...]:
        """Return the words of a span, or raise a BusError."""
        profile = self.profile
        words = await self._bus.read(
            self._unit, span, timeout_seconds=profile.reply_timeout_seconds, silence_ms=profile.silence_ms
        )
        self.heard_over.add(self._bus.connections)
        return words

    async def recognise(self) -> None:
        """Ask all that the profile asks besides words; raises WrongMeterError, BusError."""
        self.heard_over |= await recognise(self._bus, self._unit, self.profile)

    @property
    def connection(self) -> int:
        """The first connection that was heard over, or the present one."""
        return min(self.heard_over, default=self._bus.connections)


async def identify(link: MeterLink, settings: MeterSettings, *, is_unmerged: bool) -> Contact:
    """Locate and identify a meter, and plan how to read it, with no requests joined if `is_unmerged`.

    Raises WrongMeterError if it is not of the profile, BusError if it does not answer.
    """
    await link.recognise()
    location = await _locate(link)
    profile = unmerged(link.profile, location) if is_unmerged else link.profile
    spans = identity_spans(profile, location)
    image = WordImage(spans, tuple([await _read_identity(link, span) for span in spans]))
    identity = judge_identity(profile, location, image)
    refusal = ""
    if settings.serial is not None and profile.tells_serial and identity.serial != settings.serial:
        refusal = f"the meter's serial number is {identity.serial!r}, not {settings.serial!r}; was it exchanged?"
    plan = plan_reads(profile, generated=settings.generated, consumed=settings.consumed, location=location)
    same_words = tuple(image.words(each.extent) for each in plan.beside.same_meter)
    return Contact(link.connection, identity, plan, same_words, refusal)


async def _read_identity(link: MeterLink, span: Span) -> tuple[int, ...]:
    try:
        return await link.read(span)
    except ExceptionReplyError as error:
        if error.code != ILLEGAL_DATA_ADDRESS:
            raise
        message = f"{error}; is {link.profile.id} the profile of this meter?"
        raise ExceptionReplyError(message, error.code) from error


async def _locate(link: MeterLink) -> Location:
    walk = locate_models(link.profile)
    words: tuple[int, ...] | None = None
    try:
        span = next(walk)
        while True:
            try:
                words = await link.read(span)
            except ExceptionReplyError as error:
                if error.may_pass:
                    # A meter that is busy says nothing of what it has.
                    raise
                words = None
            span = walk.send(words)
    except StopIteration as end:
        location: Location = end.value
        return location


def describe_meter(
    contact: Contact, sighting: Sighting, settings: MeterSettings, profile: MeterProfile, kind: BusKind
) -> MeterDescriptor:
    """Return what the chain says of a meter, and of its registers as their scale words were seen."""
    identity = contact.identity
    planned = zip(contact.plan.registers, sighting.scale_words, strict=True)
    return MeterDescriptor(
        meter=settings.index,
        make=identity.make,
        model=identity.model,
        serial=identity.serial if profile.tells_serial else settings.serial or "",
        firmware=identity.firmware,
        ratio=settings.ratio,
        bus=kind,
        unit_id=settings.unit,
        registers={
            number: describe_register(
                register.point,
                obis=register.obis,
                address=register.extent.address,
                scale_word=scale_word,
            )
            for number, (register, scale_word) in enumerate(planned)
        },
        note=identity.configuration or None,
    )
