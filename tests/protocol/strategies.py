"""Hypothesis strategies for every value of MRC/1, and a few fixed keys."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import strategies as st

from protocol.commands import (
    AskState,
    Command,
    Order,
    Repoll,
    Resend,
    RestartAgent,
    Result,
    ResultStatus,
    RotateSigningKey,
    SetConfig,
)
from protocol.cose import SigningKey
from protocol.identity import BlockHash, BootId, DescriptorId, DeviceId, Epoch
from protocol.messages import (
    Block,
    ClockEvent,
    CommandEvent,
    Frame,
    Gap,
    GapCause,
    Genesis,
    GenesisReason,
    Instant,
    KeyEvent,
    Latest,
    MeterDescriptor,
    MeterEvent,
    MeterEventKind,
    PollErrors,
    Readings,
    Receipt,
    ReceiptCode,
    Register,
    State,
    TimeQuality,
    UnknownFrame,
)

DEVICE_KEY = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
HUB_KEY = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64))))
COMMAND_KEY = SigningKey.from_private(Ed25519PrivateKey.from_private_bytes(bytes(range(64, 96))))
P256_KEY = SigningKey.from_private(derive_private_key(2**200 + 1, SECP256R1()))

seqs = st.integers(0, 2**53 - 1)
times = st.integers(0, 2**48 - 1)
signed_times = st.integers(-(2**48) + 1, 2**48 - 1)
counts = st.integers(0, 2**64 - 1)
meters = st.integers(0, 2**16 - 1)
register_ids = st.integers(0, 2**16 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
notes = st.none() | texts
qualities = st.sampled_from(TimeQuality)
devices = st.binary(min_size=10, max_size=10).map(DeviceId)
epochs = st.binary(min_size=8, max_size=8).map(Epoch)
hashes = st.binary(min_size=32, max_size=32).map(BlockHash)
boot_ids = st.binary(min_size=4, max_size=4).map(BootId)
descriptor_ids = st.binary(min_size=8, max_size=8).map(DescriptorId)
instants = st.builds(Instant, wall_ms=times, boottime_ms=times, quality=qualities)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.binary(max_size=30)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
)
map_keys = st.integers(-(2**64), 2**64 - 1) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


def cbor_values(depth: int = 5) -> st.SearchStrategy[object]:
    """Return values of at most `depth` nested containers."""
    if depth == 0:
        return scalars
    inner = cbor_values(depth - 1)
    return scalars | st.lists(inner, max_size=4) | st.dictionaries(map_keys, inner, max_size=4)


registers = st.builds(
    Register,
    obis=st.text(st.characters(codec="ascii"), min_size=1, max_size=12),
    unit=st.sampled_from(["Wh", "varh", "W"]),
    scale_exponent=st.integers(-24, 24),
    width_bits=st.sampled_from([16, 32, 48, 64]),
    kind=st.sampled_from(["u", "s", "f"]),
    rollover_counts=st.integers(1, 2**64),
    function_code=st.sampled_from([3, 4]),
    address=register_ids,
    word_order=st.sampled_from(["big", "little"]),
    sign=st.sampled_from([-1, 1]),
)
ratio_terms = st.integers(1, 2**32 - 1)
descriptors = st.builds(
    MeterDescriptor,
    meter=meters,
    make=texts,
    model=texts,
    serial=texts,
    firmware=texts,
    ratio=st.tuples(ratio_terms, ratio_terms),
    bus=st.sampled_from(["rtu", "tcp"]),
    unit_id=st.integers(0, 255),
    registers=st.dictionaries(register_ids, registers, max_size=3),
    has_clock=st.booleans(),
    note=notes,
    unread=st.dictionaries(st.integers(11, 2**32), st.text(max_size=3) | st.lists(counts, max_size=2), max_size=2),
)


@st.composite
def readings(draw: st.DrawFn) -> Readings:
    """Draw readings with columns of one length, some of them constant."""
    rows = draw(st.integers(1, 12))

    def column(values: st.SearchStrategy[int]) -> tuple[int, ...]:
        return draw(st.lists(values, min_size=rows, max_size=rows).map(tuple) | values.map(lambda one: (one,) * rows))

    quality = draw(st.lists(qualities, min_size=rows, max_size=rows))
    return Readings(
        meter=draw(meters),
        descriptor=draw(descriptor_ids),
        read_at=column(times),
        offset_ms=column(signed_times),
        quality=tuple(quality),
        registers={rid: column(counts) for rid in draw(st.sets(register_ids, min_size=1, max_size=3))},
        status=column(st.integers(0, 2**32 - 1)),
        boot_id=draw(st.none() | boot_ids),
        note=draw(notes),
    )


geneses = st.builds(
    Genesis,
    reason=st.sampled_from(GenesisReason),
    signing_key_spki=st.binary(min_size=1, max_size=100),
    agent_version=texts,
    predecessor=st.none() | st.tuples(epochs, seqs, hashes),
    predecessor_receipt=st.none() | st.binary(min_size=1, max_size=200),
    key_history=st.lists(st.binary(min_size=1, max_size=50), max_size=3).map(tuple),
    note=notes,
)
clock_events = st.builds(
    ClockEvent,
    boottime_ms=times,
    old_offset_ms=signed_times,
    new_offset_ms=signed_times,
    source=st.integers(0, 5),
    error_ms=times,
    note=notes,
)
spans = st.tuples(times, times).map(sorted)
gaps = st.builds(
    lambda span, meter, cause, note: Gap(meter=meter, from_at=span[0], to_at=span[1], cause=cause, note=note),
    spans,
    meters,
    st.sampled_from(GapCause),
    notes,
)
poll_errors = st.builds(
    lambda span, meter, polls, note: PollErrors(meter=meter, from_at=span[0], to_at=span[1], counts=polls, note=note),
    spans,
    meters,
    st.dictionaries(st.sampled_from(["timeout", "exception-2", "identity"]), st.integers(1, 2**32 - 1)),
    notes,
)
counted = st.none() | st.tuples(st.integers(0, 2**48 - 1), st.integers(0, 2**64 - 1))
meter_events = st.builds(
    MeterEvent,
    meter=meters,
    at=st.integers(0, 2**48 - 1),
    kind=st.sampled_from(MeterEventKind) | words.map(lambda word: word[:32]),
    register=st.none() | st.integers(0, 2**16 - 1),
    before=counted,
    after=counted,
    was=st.just("") | words,
    now=st.just("") | words,
    note=notes,
)
command_events = st.builds(
    CommandEvent,
    number=seqs,
    operation=words,
    outcome=words,
    config_hash=st.just(b"") | st.binary(min_size=8, max_size=8),
    note=notes,
)
key_events = st.builds(KeyEvent, statement=st.binary(min_size=1, max_size=100), note=notes)
unknown_frames = st.builds(
    UnknownFrame,
    kind=st.integers(10, 2**16 - 1) | st.just(7),
    content=st.dictionaries(st.integers(1, 2**32), cbor_values(2), max_size=3),
)
frames: st.SearchStrategy[Frame] = st.one_of(
    readings(),
    geneses,
    descriptors,
    clock_events,
    command_events,
    gaps,
    key_events,
    poll_errors,
    meter_events,
    unknown_frames,
)
blocks = st.builds(
    Block,
    device=devices,
    epoch=epochs,
    seq=seqs,
    first_record=seqs,
    previous=hashes,
    boot_count=st.integers(0, 2**32 - 1),
    boot_id=boot_ids,
    frames=st.lists(frames, min_size=1, max_size=4).map(tuple),
    sealed=instants,
    flags=st.integers(0, 7),
)
optional_seqs = st.integers(-1, 2**53 - 1)
latest = st.builds(Latest, read_at=times, registers=st.dictionaries(register_ids, counts, max_size=2))


@st.composite
def states(draw: st.DrawFn) -> State:
    """Draw a state; an error bound comes only with a time."""
    at = draw(st.none() | instants)
    return State(
        device=draw(devices),
        nonce=draw(st.binary(min_size=4, max_size=4)),
        online=draw(st.booleans()),
        epoch=draw(st.none() | epochs),
        head=draw(optional_seqs),
        head_hash=draw(st.just(b"") | st.binary(min_size=16, max_size=16)),
        committed=draw(optional_seqs),
        safe=draw(optional_seqs),
        floor=draw(seqs),
        boot_count=draw(st.integers(0, 2**32 - 1)),
        kernel_boot_id=draw(st.just(b"") | st.binary(min_size=16, max_size=16)),
        at=at,
        error_ms=draw(times) if at else 0,
        agent_version=draw(texts),
        capabilities=tuple(draw(st.lists(st.integers(0, 2**16 - 1), max_size=4))),
        instance=draw(st.just(b"") | st.binary(min_size=8, max_size=8)),
        latest=draw(st.dictionaries(meters, latest, max_size=2)),
        health=draw(
            st.dictionaries(st.sampled_from(["disk_free_bytes", "rssi"]), st.integers(-(2**53) + 1, 2**53 - 1))
        ),
        session=draw(st.just(b"") | st.binary(min_size=4, max_size=4)),
        key_history=tuple(draw(st.lists(st.binary(min_size=1, max_size=50), max_size=3))),
    )


@st.composite
def receipts(draw: st.DrawFn) -> Receipt:
    """Draw a receipt with its watermarks and ranges in order."""
    committed = draw(st.integers(-1, 2**40))
    selective, edge = [], committed
    for _ in range(draw(st.integers(0, 8))):
        first = edge + draw(st.integers(2, 9))
        edge = first + draw(st.integers(0, 9))
        selective.append((first, edge))
    return Receipt(
        device=draw(devices),
        epoch=draw(epochs),
        committed=committed,
        safe=draw(st.integers(-1, committed)),
        committed_hash=draw(st.binary(min_size=16, max_size=16)) if committed >= 0 else b"",
        selective=tuple(selective),
        window=draw(st.integers(0, 64)),
        pace_ms=draw(st.integers(0, 2**32 - 1)),
        nonce=draw(st.just(b"") | st.binary(min_size=4, max_size=4)),
        hub_at=draw(times),
        code=draw(st.sampled_from(ReceiptCode)),
        code_seq=draw(optional_seqs),
        timeline=draw(st.binary(max_size=16)),
    )


spans_of_blocks = st.tuples(seqs, seqs).map(sorted)
orders: st.SearchStrategy[Order] = st.one_of(
    st.builds(AskState),
    st.builds(lambda epoch, span: Resend(epoch=epoch, first=span[0], last=span[1]), epochs, spans_of_blocks),
    st.builds(Repoll, meter=meters),
    st.builds(
        SetConfig,
        patch=st.dictionaries(words, st.integers(-(2**53) + 1, 2**53 - 1), max_size=3),
        expected_version=seqs,
        revert_seconds=st.integers(0, 2**32 - 1),
    ),
    st.builds(RotateSigningKey),
    st.builds(RestartAgent),
)
commands = st.builds(
    Command,
    device=devices,
    number=seqs,
    order=orders,
    issued_at=times,
    ttl_seconds=st.integers(0, 2**32 - 1),
    id=st.binary(min_size=8, max_size=8),
)
results = st.builds(
    Result,
    device=devices,
    number=seqs,
    status=st.sampled_from(ResultStatus),
    detail=texts,
    config_version=seqs,
)
