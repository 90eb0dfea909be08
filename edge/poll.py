"""Polling one meter: know it, read it, say what came of it. The world's failures are outcomes, never exceptions.

A fault of this program in one meter's poll is an outcome too: whatever it is, the other meters are polled.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from edge.bus_errors import ILLEGAL_DATA_ADDRESS, BusError, ExceptionReplyError
from edge.contact import Contact, MeterLink, describe_meter, identify
from edge.metering.beside import read_beside
from edge.metering.errors import ProfileError, ReadingError, UnstableError, WrongMeterError
from edge.metering.outcome import Failed, PollOutcome, Stranger, Taken
from edge.metering.read_plan import ReadPlan, energy_point, read_once
from edge.metering.words import WordImage
from edge.recognise import MeterSource
from protocol.messages import MeterDescriptor, PollCause

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.metering.profile import MeterProfile
    from edge.metering.read_plan import Replies, Sighting
    from edge.metering.words import Span
    from edge.settings import BusKind, MeterSettings
    from protocol.messages import Instant

ATTEMPTS_MAX = 2
"""How often a meter is identified and read at most in one poll, if the bus connects anew in between."""
READS_MAX = 2
"""How often a meter that answered at its last poll is read in one poll: once more after what may pass."""

_log = logging.getLogger(__name__)


class WordSource(MeterSource, Protocol):
    """What a poller needs of a bus: a source of meters that says which kind it is."""

    kind: BusKind


@dataclass(frozen=True, slots=True)
class _Glance:
    """One look at the registers and the instants around the request that holds them."""

    sighting: Sighting
    before: Instant
    after: Instant


class MeterPoller:
    """One configured meter on its bus.

    The meter is located and identified at first contact, after every failed poll, when the bus had to connect anew or a
    word of its identity that comes with the energy changed, and behind the energy after `identify_every_polls` polls;
    each poll in between is one request, or two where the scale word is far away. Raises ProfileError if `generated` or
    `consumed` of the settings is no energy point of the profile, or if they leave out a serial number that the meter
    cannot tell.
    """

    def __init__(
        self,
        settings: MeterSettings,
        profile: MeterProfile,
        bus: WordSource,
        now: Callable[[], Instant],
    ) -> None:
        for name in (settings.generated, settings.consumed):
            if name is not None:
                energy_point(profile, name)
        if settings.serial is None and not profile.tells_serial:
            message = f"a meter of profile {profile.id} tells no serial number; set serial to the one on its label"
            raise ProfileError(message)
        self.settings = settings
        self.bus = bus
        self.answered = True
        self._profile = profile
        self._now = now
        self._contact: Contact | None = None
        self._descriptor: MeterDescriptor | None = None
        self._link = MeterLink(bus, settings.unit, profile)
        self._is_unmerged = False
        self._is_look = False

    @property
    def bus_name(self) -> str:
        """The name of the bus that this meter is on: meters on one bus take turns."""
        return self.settings.bus

    async def poll(self) -> PollOutcome:
        """Return what one poll gave; the descriptor is the same object as long as nothing about the meter changed.

        This is the one supervised place: an exception that nobody foresaw is logged with its traceback and becomes an
        outcome with the cause bad-reply.
        """
        return await self._poll_supervised(is_look=False)

    async def look(self) -> PollOutcome:
        """Return what a poll between interval edges gave: what is seldom read, or due by now, is left to the next poll.

        Only polls are judged, so a witness that came with a look would be lost.
        """
        return await self._poll_supervised(is_look=True)

    async def _poll_supervised(self, *, is_look: bool) -> PollOutcome:
        began = self._now()
        self._is_look = is_look
        [outcome] = await asyncio.gather(self._poll(), return_exceptions=True)
        if isinstance(outcome, PollOutcome):
            return outcome
        if not isinstance(outcome, Exception):
            raise outcome
        _log.error("the poll of meter %d broke off", self.settings.index, exc_info=outcome)
        note = f"the poll broke off by a fault of this program, {outcome!r}; please report it with the log"
        return self._give_up(began, Failed(PollCause.BAD_REPLY, note))

    async def _poll(self) -> PollOutcome:
        """Read the meter; one that answered last time is read once more if the reply is garbled or missing.

        The next poll is an interval away, and noise on a line is over in a moment. A meter that was not there last time
        has one try, so that the dead do not keep the others waiting.
        """
        reads_left = READS_MAX if self._contact is not None else 1
        is_repeated = False
        while True:
            began = self._now()
            reads_left -= 1
            try:
                contact, glance = await self._read_merged_or_not()
                if is_repeated:
                    await self._probe(contact.plan)
                return self._take(contact, glance)
            except (BusError, ReadingError) as error:
                if not reads_left or not (isinstance(error, BusError) and error.may_pass):
                    return self._give_up(began, Failed(str(error.cause), str(error)))
                _log.info("meter %d is read once more: %s", self.settings.index, error)
                is_repeated = True

    def _take(self, contact: Contact, glance: _Glance) -> PollOutcome:
        sighting = glance.sighting
        counts = dict(enumerate(sighting.counts))
        if contact.refusal:
            stranger = Stranger(self.settings.serial or "", contact.identity.serial, counts)
            return self._give_up(glance.before, Failed(PollCause.IDENTITY, contact.refusal, stranger))
        beside = read_beside(contact.plan.beside, sighting.image, contact.seldom)
        if beside.power_w is not None:
            beside = replace(beside, power_w=beside.power_w * Fraction(*self.settings.ratio))
        taken = Taken(counts, self._describe(contact, sighting), beside=beside)
        polls = contact.polls + (not self._is_look)
        self._contact = replace(
            contact, witness=sighting.witness, scale_words=sighting.scale_words, polls=polls, seldom=None
        )
        self.answered = True
        return PollOutcome(self.settings.index, glance.before, glance.after, taken)

    def _give_up(self, began: Instant, failed: Failed) -> PollOutcome:
        self._contact = None
        self.answered = False
        return PollOutcome(self.settings.index, began, self._now(), failed)

    async def _read_merged_or_not(self) -> tuple[Contact, _Glance]:
        """Read the meter; if it refuses an address, once more with no requests joined, and like that from then on.

        Some meters refuse every request that touches a word they do not have, or two tables at once.
        """
        try:
            return await self._read_surely()
        except ExceptionReplyError as error:
            if self._is_unmerged or error.code != ILLEGAL_DATA_ADDRESS:
                raise
            _log.info("meter %d is read without joined requests: %s", self.settings.index, error)
        self._contact, self._is_unmerged = None, True
        try:
            return await self._read_surely()
        except (BusError, ReadingError):
            self._is_unmerged = False
            raise

    async def _read_surely(self) -> tuple[Contact, _Glance]:
        """Read the meter as the one, and over the same connection, as it was identified.

        Where both are due the energy comes first: it belongs to the interval edge, and is believed if the meter is
        still the same behind it.
        """
        for _ in range(ATTEMPTS_MAX):
            self._link.heard_over = set()
            known = self._contact
            contact = known or await self._identify()
            glance = await self._glance_if_known(contact)
            if known is not None and not self._is_look and known.polls >= self.settings.identify_every_polls:
                contact = await self._identify()
                self._contact = contact
                if (contact.identity, contact.plan) != (known.identity, known.plan):
                    continue
            has_same_words = _same_words(contact.plan, glance) == contact.same_words
            if self._link.heard_over != {contact.connections} or not has_same_words:
                self._contact = None
            elif contact.polls or contact.refusal or self._is_look:
                return contact, glance
            else:
                return replace(contact, seldom=await self._read_seldom(contact)), glance
        message = f"the connection was renewed, or the meter became another, during each of {ATTEMPTS_MAX} attempts"
        raise UnstableError(message)

    async def _identify(self) -> Contact:
        return await identify(self._link, self.settings, is_unmerged=self._is_unmerged)

    async def _probe(self, plan: ReadPlan) -> None:
        """Ask for something of another length behind a repeated reading; raises a BusError if the answer does not fit.

        Nothing in a serial reply tells one that is late by several time-outs from the answer to the same question asked
        again: an old count would pass for a new one. But then that answer is still to come, and comes now.
        """
        last = (plan.energy_spans + plan.witness_spans)[-1]
        with contextlib.suppress(ExceptionReplyError):
            await self._link.read(replace(last, count=2 if last.count == 1 else 1))

    async def _glance_if_known(self, contact: Contact) -> _Glance:
        """Read the registers; of a meter that is refused anyway, whatever goes wrong is that it is refused."""
        try:
            return await self._glance(contact)
        except (BusError, ReadingError) as error:
            if not contact.refusal:
                raise
            raise WrongMeterError(contact.refusal) from error

    async def _read_seldom(self, contact: Contact) -> WordImage:
        """Read what has no room beside the energy; that it cannot be read costs no reading."""
        replies: dict[Span, tuple[int, ...]] = {}
        try:
            for span in contact.plan.beside.seldom_spans:
                with contextlib.suppress(ExceptionReplyError):
                    replies[span] = await self._link.read(span)
        except BusError as error:
            _log.info("meter %d is known without its power or witnesses: %s", self.settings.index, error)
        return WordImage(tuple(replies), tuple(replies.values()))

    async def _glance(self, contact: Contact) -> _Glance:
        """Read the registers once, with the instants just before and after the request that counts."""
        plan = contact.plan
        steps = read_once(plan, contact.witness)
        before = after = self._now()
        try:
            span = next(steps)
            while True:
                if span is plan.energy_spans[0]:
                    before = self._now()
                words = await self._link.read(span)
                if span is plan.energy_spans[-1]:
                    after = self._now()
                span = steps.send(words)
        except StopIteration as end:
            sighting: Sighting = end.value
            return _Glance(sighting, before, after)

    def _describe(self, contact: Contact, sighting: Sighting) -> MeterDescriptor:
        """Return the descriptor, made anew only when the meter was identified anew or a scale word changed."""
        known = self._descriptor
        if known is not None and contact.polls and contact.scale_words == sighting.scale_words:
            return known
        made = describe_meter(contact, sighting, self.settings, self._profile, self.bus.kind)
        if made != known:
            self._descriptor = known = made
        return known


def _same_words(plan: ReadPlan, glance: _Glance) -> Replies:
    """Return the words of the meter's identity that came with the energy."""
    return tuple(glance.sighting.image.words(each.extent) for each in plan.beside.same_meter)
