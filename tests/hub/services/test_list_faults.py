"""What of a hub is to be mended: one sentence for each fault, none for a hub that does well."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.alerting.thresholds import DEFAULTS
from hub.counting import JobFailure
from hub.exchange.certificates import Expiry
from hub.services.checks import Check, Standing
from hub.services.list_faults import Watched, list_faults
from tests.hub.making import NOW

HOUR_MS = 3_600_000
LAG_MS = DEFAULTS.ms("hub_ingest_lag_warning_seconds")
STALE_MS = DEFAULTS.ms("backup_stale_hours")
CERTIFICATE_LEFT_MS = DEFAULTS.ms("certificate_expiry_warning_days")
CRL_LEFT_MS = DEFAULTS.ms("crl_expiry_days")
WELL = Watched(
    checks=(Check("disk", Standing.OK, "The disk has room."),),
    failing={},
    lag_ms=LAG_MS,
    backup_at=NOW - STALE_MS,
    days_left=DEFAULTS["hub_space_days"],
    channels_off=0,
    certificates=(Expiry("pages", NOW + CERTIFICATE_LEFT_MS),),
    crl=Expiry("", NOW + CRL_LEFT_MS),
)


def test_a_hub_that_does_well_has_none() -> None:
    """At the very thresholds all is still well; what nobody can tell is no fault."""
    assert list_faults(WELL, NOW, DEFAULTS) == ()
    assert list_faults(replace(WELL, days_left=None), NOW, DEFAULTS) == ()


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (replace(WELL, checks=(Check("disk", Standing.BAD, "Free some of it."),)), "Free some of it."),
        (replace(WELL, failing={"mail": JobFailure(NOW, "the disk is full")}), "mail has failed since"),
        (replace(WELL, failing={"mail": JobFailure(NOW, "the disk is full")}), ": the disk is full."),
        (replace(WELL, lag_ms=LAG_MS + 1), "waits for 60 s to be committed"),
        (replace(WELL, backup_at=None), "No backup was ever verified"),
        (replace(WELL, backup_at=NOW - STALE_MS - 1), "verified 26 h ago"),
        (replace(WELL, days_left=DEFAULTS["hub_space_days"] - 1), "full in 13 days"),
        (replace(WELL, restorable_at=NOW - 36 * 86_400_000), "meter-hub drill"),
        (replace(WELL, certificates=(Expiry("pages", None),)), "certificate for pages cannot be read"),
        (replace(WELL, certificates=(Expiry("pages", NOW),)), "certificate for pages ended"),
        (replace(WELL, crl=Expiry("", NOW + CRL_LEFT_MS - 1)), "broker's revocation list ends"),
        (replace(WELL, channels_off=2), "Of the channels 2 took nothing"),
    ],
)
def test_each_fault_is_one_sentence(found: Watched, says: str) -> None:
    """With what to do, and nothing else beside it."""
    (fault,) = list_faults(found, NOW, DEFAULTS)
    assert says in fault
    assert fault.endswith(".")


def test_every_fault_is_named() -> None:
    """Also where there are several."""
    every = replace(WELL, lag_ms=LAG_MS + 1, backup_at=None, days_left=0, channels_off=1)
    assert len(list_faults(every, NOW, DEFAULTS)) == 4
