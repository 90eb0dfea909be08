"""The verification itself: device by device, epoch by epoch, block by block, then receipts and claims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocol import wire
from protocol.errors import ProtocolError
from protocol.evidence import fault_in
from protocol.fields import SHORT_HASH_LENGTH
from protocol.identity import Epoch, format_device_id
from protocol.messages import Genesis, ReceiptCode
from protocol.verification.epoch_chain import EpochChain, Shown
from protocol.verification.instants import utc
from protocol.verification.keyring import Keyring
from protocol.verification.plausibility import Plausibility
from protocol.verification.report import Counts, EpochShown, Findings, Level, Place, Report
from protocol.verification.resealed import Resealed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from protocol.cose import VerifyingKey
    from protocol.evidence import Claim
    from protocol.identity import DeviceId
    from protocol.messages import Receipt
    from protocol.verification.shelf import Shelf, Stream


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked: up to which level, which keys are known beforehand, and what is claimed of the blocks.

    `hub_key` is the hub's public receipt key; `enrolment_keys` are devices' first keys, for a file without the genesis.
    """

    level: Level = Level.PLAUSIBILITY
    hub_key: VerifyingKey | None = None
    enrolment_keys: tuple[VerifyingKey, ...] = ()
    claims: tuple[Claim, ...] = ()


def verify(shelf: Shelf, terms: Terms, on_block: Callable[[], None] = lambda: None) -> Report:
    """Return what there is to say of these messages; `on_block` is called after each block, for progress."""
    return _Verification(shelf, terms, on_block).run()


class _Verification:
    def __init__(self, shelf: Shelf, terms: Terms, on_block: Callable[[], None]) -> None:
        self._shelf = shelf
        self._terms = terms
        self._on_block = on_block
        self._findings = Findings()
        self._keyring = Keyring(terms.enrolment_keys)
        self._chains: dict[Stream, EpochChain] = {}
        self._wanted = {Place(claim.device, claim.epoch, claim.seq): None for claim in terms.claims}
        self._held: dict[Place, Shown] = {}
        self._receipted: dict[Stream, int] = {}
        self._meters: set[tuple[DeviceId, str]] = set()
        self._rows = 0
        self._spans: list[int] = []

    def run(self) -> Report:
        for sentence in self._shelf.strange:
            self._findings.error(Level.SIGNATURE, sentence)
        for block in self._shelf.first_blocks().values():
            self._keyring.learn(block)
        ordered = self._shelf.in_order()
        epochs: list[EpochShown] = []
        for device in dict.fromkeys(device for device, _ in ordered):
            epochs += self._walk(device, [stream for stream in ordered if stream[0] == device])
        for raw in self._shelf.receipts:
            self._check_receipt(raw)
        for claim in self._terms.claims:
            self._check_claim(claim)
        counts = Counts(
            blocks=self._shelf.block_count,
            receipts=len(self._shelf.receipts),
            readings=self._rows,
            meters=len(self._meters),
            from_at=min(self._spans, default=None),
            to_at=max(self._spans, default=None),
        )
        return Report(self._terms.level, tuple(epochs), counts, self._findings.through(self._terms.level))

    def _walk(self, device: DeviceId, streams: Sequence[Stream]) -> list[EpochShown]:
        """Verify the epochs of one device, in order."""
        plausibility, resealed = Plausibility(self._findings), Resealed()
        earlier: dict[Epoch, EpochChain] = {}
        sealed: dict[Place, bytes] = {}
        epochs: list[EpochShown] = []
        for stream in streams:
            chain = self._chains[stream] = EpochChain(stream, self._keyring, self._findings, earlier)
            has_begun = False
            for seq, copies in self._shelf.blocks[stream].items():
                shown = chain.take(seq, copies)
                self._on_block()
                if shown is None:
                    continue
                if not has_begun:
                    plausibility.begin_epoch(goes_on=_goes_on(shown, earlier))
                    has_begun = True
                if shown.place in self._wanted:
                    self._held[shown.place] = shown
                plausibility.take(shown)
                resealed.take(shown.place, shown.block, self._findings)
                sealed[shown.place] = shown.raw
            epochs.append(chain.shown(is_part=bool(self._terms.claims)))
            earlier[stream[1]] = chain
        for chain in earlier.values():
            chain.check_predecessor()
        if resealed:
            resealed.compare(sealed, self._findings)
        plausibility.finish()
        self._tally(device, plausibility, resealed)
        return epochs

    def _tally(self, device: DeviceId, plausibility: Plausibility, resealed: Resealed) -> None:
        self._rows += plausibility.rows - resealed.again
        self._meters |= {(device, serial) for serial in plausibility.serials}
        self._spans += [at for at in (plausibility.from_at, plausibility.to_at) if at is not None]
        if resealed.again:
            message = (
                f"{resealed.again} readings of device {format_device_id(device)} were sealed again in a later epoch: "
                "they count once"
            )
            self._findings.note(Level.PLAUSIBILITY, message)

    def _check_receipt(self, raw: bytes) -> None:
        hub_key = self._terms.hub_key
        if hub_key is None:
            message = "a receipt was not verified, because no hub key was given"
            self._findings.note(Level.SIGNATURE, message)
            return
        try:
            receipt = wire.read_receipt(raw, hub_key)
        except ProtocolError as error:
            self._findings.error(Level.SIGNATURE, f"a receipt cannot be believed: {error}")
            return
        place = Place(receipt.device, receipt.epoch, receipt.committed)
        if receipt.code is not ReceiptCode.OK:
            message = f"the hub says {receipt.code.name.lower().replace('_', ' ')} of this epoch"
            self._findings.warning(Level.SIGNATURE, message, place)
        self._compare_committed(receipt, place)

    def _compare_committed(self, receipt: Receipt, place: Place) -> None:
        chain = self._chains.get((receipt.device, receipt.epoch))
        held = None if chain is None else chain.hash_of(receipt.committed)
        said = (
            f"the hub signed at {utc(receipt.hub_at)} that it holds this epoch through block {receipt.committed}, safe "
            f"through {receipt.safe}"
        )
        if held is None:
            self._findings.note(Level.CHAIN, f"{said}; that block was not shown", place)
        elif held[:SHORT_HASH_LENGTH] == receipt.committed_hash:
            self._findings.note(Level.CHAIN, f"{said}; it is the block shown", place)
            stream = receipt.device, receipt.epoch
            self._receipted[stream] = max(receipt.committed, self._receipted.get(stream, -1))
        else:
            self._findings.error(Level.CHAIN, f"{said}; but it is not the block shown", place)

    def _check_claim(self, claim: Claim) -> None:
        place = Place(claim.device, claim.epoch, claim.seq)
        times_ten = f" x 10^{claim.exponent}" if claim.exponent else ""
        value = f"{claim.value}{times_ten} {claim.unit} (count {claim.raw})"
        what = f"{claim.serial}/{claim.obis}@{utc(claim.read_at)} = {value}"
        shown = self._held.get(place)
        fault = (
            f"block {claim.seq}, which is said to hold it, was not shown intact"
            if shown is None
            else fault_in(claim, shown.block, shown.descriptors)
        )
        if fault is None:
            self._findings.note(Level.SIGNATURE, f"the claim {what} is borne out by block {claim.seq}", place)
        else:
            self._findings.error(Level.SIGNATURE, f"the claim {what} is not borne out: {fault}", place)
        if self._receipted.get((claim.device, claim.epoch), -1) < claim.seq:
            message = f"no verified receipt of the hub reaches the block of the claim {what}"
            self._findings.warning(Level.SIGNATURE, message, place)


def _goes_on(shown: Shown, earlier: dict[Epoch, EpochChain]) -> bool:
    """Return whether an epoch begins right where what was shown of the one before it ends."""
    genesis = shown.block.frames[0]
    if shown.block.seq or not isinstance(genesis, Genesis):
        return False
    if genesis.predecessor is None:
        # Nothing is said of what came before: then nothing is known to be missing either.
        return True
    before = earlier.get(genesis.predecessor[0])
    return before is not None and before.last >= genesis.predecessor[1]
