"""What can be done to many devices: what each needs, and what it cannot have."""

from __future__ import annotations

import pytest

from hub.errors import InputError
from hub.fleet.bulks import BulkAction, BulkKind, check_action


@pytest.mark.parametrize(
    "action",
    [
        BulkAction(BulkKind.MAINTAIN, 5),
        BulkAction(BulkKind.ACKNOWLEDGE, 5),
        BulkAction(BulkKind.UNTAG, tags=("lte",)),
        BulkAction(BulkKind.RESEND),
    ],
)
def test_what_makes_sense_passes(action: BulkAction) -> None:
    """An end where something ends, tags where some are put on or off."""
    check_action(action)


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (BulkAction(BulkKind.SILENCE), "until: say until when to silence"),
        (BulkAction(BulkKind.RESUME, 5), "until: resume has no end"),
        (BulkAction(BulkKind.TAG), "tags: name at least one"),
        (BulkAction(BulkKind.STATE, tags=("lte",)), "tags: state takes none"),
    ],
)
def test_what_makes_none_is_refused(action: BulkAction, told: str) -> None:
    """The sentence begins with the field that is wrong."""
    with pytest.raises(InputError, match=told):
        check_action(action)


def test_only_decommissioning_is_destructive() -> None:
    """It alone wants its number whatever that is."""
    assert [kind for kind in BulkKind if BulkAction(kind).is_destructive] == [BulkKind.RETIRE]
