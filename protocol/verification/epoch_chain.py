"""One epoch, block by block: who sealed each (level 1), and does each continue the one before it (level 2)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from protocol.chain import Verdict, begins, describes, follows, judge
from protocol.errors import ProtocolError
from protocol.identity import derive_key_id
from protocol.key_statement import follow_history
from protocol.messages import Genesis, KeyEvent, TimeQuality
from protocol.verification.instants import utc
from protocol.verification.report import EpochShown, Findings, Level, Place, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from protocol.chain import Judgement
    from protocol.identity import BlockHash, DescriptorId, DeviceId, Epoch, KeyId
    from protocol.messages import Block, Instant, MeterDescriptor
    from protocol.verification.keyring import Keyring


class Shown(NamedTuple):
    """An intact block, whether the block before it was shown too, and the descriptors its epoch stated through it."""

    place: Place
    raw: bytes
    block: Block
    follows_on: bool
    descriptors: Mapping[DescriptorId, MeterDescriptor]


class EpochChain:
    """The blocks shown of one epoch: give them to `take` as they ascend. `others` holds the device's epochs."""

    def __init__(
        self,
        stream: tuple[DeviceId, Epoch],
        keyring: Keyring,
        findings: Findings,
        others: Mapping[Epoch, EpochChain],
    ) -> None:
        self._device, self._epoch = stream
        self._keyring = keyring
        self._findings = findings
        self._others = others
        self._beginning: tuple[Genesis, Block] | None = None
        self._witnesses: set[int] = set()
        self._strangers: set[KeyId] = set()
        self._unexplained: list[int] = []
        self._handed_over: dict[KeyId, Instant] = {}
        self._hashes: dict[int, BlockHash] = {}
        self._signers: list[tuple[int, KeyId]] = []
        self._previous: Block | None = None
        self._is_whole = True
        self._descriptors: dict[DescriptorId, MeterDescriptor] = {}

    @property
    def last(self) -> int:
        """The highest intact seq shown, -1 if none."""
        return max(self._hashes, default=-1)

    def hash_of(self, seq: int) -> BlockHash | None:
        """Return the hash of an intact block that was shown."""
        return self._hashes.get(seq)

    def shown(self, *, is_part: bool) -> EpochShown:
        """Return which blocks were shown intact, and tell what was not.

        A file may begin late, and before that show just the blocks that say whose key sealed the rest: the genesis, and
        where a key handed over. Any other hole is a fault unless the file is meant to hold a part only.
        """
        may_stand_alone = True
        stretches: list[tuple[int, int]] = []
        for seq in self._hashes:
            if stretches and stretches[-1][1] + 1 == seq:
                stretches[-1] = (stretches[-1][0], seq)
            else:
                stretches.append((seq, seq))
        if stretches and stretches[0][0]:
            self._tell_missing(0, stretches[0][0], Severity.NOTE if is_part else Severity.WARNING)
        for (first, before), (after, _) in pairwise(stretches):
            may_stand_alone = may_stand_alone and self._witnesses.issuperset(range(first, before + 1))
            severity = Severity.WARNING if may_stand_alone else Severity.ERROR
            self._tell_missing(before + 1, after, Severity.NOTE if is_part else severity)
        if self._unexplained:
            first = self._unexplained[0]
            message = (
                f"from block {first} on there are readings whose descriptor may stand in a block that was not shown: "
                "what their registers say was not looked at"
            )
            self._tell(message, first, Severity.NOTE if is_part else Severity.WARNING)
        return EpochShown(self._device, self._epoch, tuple(stretches))

    def _tell(self, message: str, seq: int, severity: Severity) -> None:
        add = self._findings.note if severity is Severity.NOTE else self._findings.warning
        add(Level.CHAIN, message, self._at(seq))

    def _tell_missing(self, start: int, end: int, severity: Severity) -> None:
        missing = f"block {start} was" if end == start + 1 else f"blocks {start} to {end - 1} were"
        if severity is Severity.ERROR:
            message = f"{missing} not shown intact, though blocks before and after were: the log is not whole"
            self._findings.error(Level.CHAIN, message, self._at(end))
            return
        self._tell(f"{missing} not shown, so nothing is said of what is in there", end, severity)

    def take(self, seq: int, copies: Sequence[bytes]) -> Shown | None:
        """Judge the bytes that claim `seq`; return the intact block, None if there is none."""
        intact: list[tuple[Judgement, Block, bytes]] = []
        for raw in copies:
            judgement = judge(raw, self._keyring.keys(self._device))
            if judgement.block is not None:
                self._keyring.learn(judgement.block)
            if judgement.verdict is Verdict.OK and judgement.block is not None:
                intact.append((judgement, judgement.block, raw))
            else:
                self._refuse(judgement, seq)
        if not intact:
            return None
        if len(intact) > 1:
            message = f"{len(intact)} intact blocks claim to be block {seq}: the log was forked, or its device copied"
            self._findings.error(Level.CHAIN, message, self._at(seq))
        before = self.hash_of(seq - 1)
        judgement, block, sealed = next((one for one in intact if one[1].previous == before), intact[0])
        follows_on = self._previous is not None and self._previous.seq + 1 == seq
        self._check_signer(judgement, block, follows_on=follows_on)
        self._check_link(block, follows_on=follows_on)
        self._is_whole = self._is_whole and (follows_on or seq == 0)
        self._describe(block)
        self._hashes[seq] = judgement.hash
        self._previous = block
        return Shown(self._at(seq), sealed, block, follows_on, self._descriptors)

    def _refuse(self, judgement: Judgement, seq: int) -> None:
        """Tell why a block is not intact; of an unknown key only once, since it says the same of all its blocks."""
        message = f"block {seq} is {judgement.verdict}: {judgement.reason}"
        if judgement.verdict is Verdict.UNKNOWN_KEY and judgement.key_id is not None:
            if judgement.key_id in self._strangers:
                return
            self._strangers.add(judgement.key_id)
            message += "; show the blocks that say so from the genesis on, or give the device's enrolment key"
        self._findings.error(Level.SIGNATURE, message, self._at(seq))

    def signer_after(self, seq: int) -> KeyId | None:
        """Return the key that was to seal the block after `seq`, as far as that was shown."""
        return next((key for since, key in reversed(self._signers) if since <= seq + 1), None)

    def _check_signer(self, judgement: Judgement, block: Block, *, follows_on: bool) -> None:
        key = judgement.key_id
        assert key is not None, "an intact block names its key"
        genesis = block.frames[0]
        expected = self._signers[-1][1] if self._signers else None
        if isinstance(genesis, Genesis) and block.seq == 0:
            expected, follows_on = derive_key_id(genesis.signing_key_spki), True
        if expected is not None and (
            key != expected if follows_on else not self._keyring.descends(self._device, key, expected)
        ):
            message = f"block {block.seq} was sealed by key {key.hex()} where key {expected.hex()} seals"
            self._findings.error(Level.SIGNATURE, message, self._at(block.seq))
        self._note_signer(block.seq, key)
        for frame in block.frames:
            if isinstance(frame, KeyEvent):
                self._witnesses.add(block.seq)
                new = self._hand_over(frame, block.seq, key)
                self._note_signer(block.seq + 1, new)
                if new != key:
                    self._handed_over.setdefault(key, block.sealed)

    def _note_signer(self, seq: int, key: KeyId) -> None:
        if not self._signers or self._signers[-1][1] != key:
            self._signers.append((seq, key))

    def _hand_over(self, event: KeyEvent, seq: int, key: KeyId) -> KeyId:
        """Return the key that seals after a key event."""
        new = self._keyring.follow(self._device, event.statement)
        if isinstance(new, str):
            self._findings.error(Level.CHAIN, f"the key statement in block {seq} says nothing: {new}", self._at(seq))
            return key
        if not self._keyring.descends(self._device, new.key_id, key):
            message = f"the key statement in block {seq} is not about the key that sealed the block"
            self._findings.error(Level.CHAIN, message, self._at(seq))
        return new.key_id

    def _check_link(self, block: Block, *, follows_on: bool) -> None:
        place = self._at(block.seq)
        found = None
        if block.seq == 0:
            found = begins(block)
        elif follows_on and self._previous is not None:
            found = follows(self._previous, self._hashes[self._previous.seq], block)
        if found is not None:
            self._findings.error(Level.CHAIN, found.message, place)
        genesis = block.frames[0]
        if block.seq == 0 and isinstance(genesis, Genesis):
            self._witnesses.add(0)
            self._beginning = genesis, block
            self._check_history(genesis, place)

    def _check_history(self, genesis: Genesis, place: Place) -> None:
        if not genesis.key_history:
            return
        try:
            last = follow_history(self._device, genesis.key_history)
        except ProtocolError as error:
            self._findings.error(Level.CHAIN, f"the key history in the genesis is broken: {error}", place)
            return
        if last.spki != genesis.signing_key_spki:
            message = f"the key history in the genesis ends at key {last.key_id.hex()}, not at the one it names"
            self._findings.error(Level.CHAIN, message, place)

    def check_predecessor(self) -> None:
        """Hold what the genesis says of the epoch before against what was shown; asked when all epochs are known."""
        if self._beginning is None:
            return
        genesis, block = self._beginning
        if genesis.predecessor is None:
            self._check_authority(genesis, block)
        else:
            self._compare_predecessor(genesis, genesis.predecessor)

    def _check_authority(self, genesis: Genesis, block: Block) -> None:
        """Look for an epoch that names none before it, by a key that had handed over elsewhere."""
        key = derive_key_id(genesis.signing_key_spki)
        for epoch, other in self._others.items():
            since = other.handed_over(key)
            if epoch == self._epoch or since is None:
                continue
            message = f"the epoch names none before it and begins with key {key.hex()}, from which another took over"
            if min(since.quality, block.sealed.quality) < TimeQuality.SYNCHRONISED:
                message = f"{message} in epoch {epoch.hex()}; which came first, their clocks do not tell"
                self._findings.warning(Level.SIGNATURE, message, self._at(0))
            elif since.wall_ms < block.sealed.wall_ms:
                message = f"{message} in epoch {epoch.hex()} at {utc(since.wall_ms)}"
                self._findings.error(Level.SIGNATURE, message, self._at(0))

    def handed_over(self, key: KeyId) -> Instant | None:
        """Return when this epoch handed over from a key, None if it did not."""
        return self._handed_over.get(key)

    def _compare_predecessor(self, genesis: Genesis, predecessor: tuple[Epoch, int, BlockHash]) -> None:
        place, (epoch, seq, block_hash) = self._at(0), predecessor
        earlier = self._others.get(epoch)
        held = earlier.hash_of(seq) if earlier is not None else None
        if earlier is None or (seq >= 0 and held is None):
            since = f"after block {seq} of" if seq >= 0 else "from the beginning of"
            message = f"the epoch goes on {since} epoch {epoch.hex()} ({genesis.reason}), which was not shown"
            self._findings.note(Level.CHAIN, message, place)
            return
        if seq >= 0 and held != block_hash:
            message = f"the epoch goes on after another block {seq} of epoch {epoch.hex()} than the one shown"
            self._findings.error(Level.CHAIN, message, place)
        sealer, key = earlier.signer_after(seq), derive_key_id(genesis.signing_key_spki)
        if sealer is not None and not self._keyring.descends(self._device, key, sealer):
            message = f"the epoch begins with key {key.hex()}, after key {sealer.hex()} had taken over from it"
            self._findings.error(Level.SIGNATURE, message, place)

    def _describe(self, block: Block) -> None:
        self._descriptors, found = describes(block, self._descriptors)
        for one in found:
            if self._is_whole:
                self._findings.error(Level.CHAIN, one.message, self._at(block.seq))
            else:
                self._unexplained.append(block.seq)

    def _at(self, seq: int) -> Place:
        return Place(self._device, self._epoch, seq)
