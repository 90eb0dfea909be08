"""All series at one instant: what was counted, then what the database and the disk say, as OpenMetrics writes it.

https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

import functools
import json
import platform
from importlib.metadata import distribution, version
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from hub.errors import StoreUnavailableError
from hub.fleet.axes import WORDS
from hub.fleet.standing import Standing as ReportStanding
from hub.services.check_ready import check_ready
from hub.services.checks import Standing
from hub.services.read_operations import read_operations
from hub.services.sum_fleet import POLL_KINDS
from hub.store.database import SCHEMA_REVISION
from hub.store.notices_outbox import NoticeState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from prometheus_client.metrics_core import Metric

    from hub.fleet.looks import FleetLook
    from hub.services.read_operations import Operations
    from hub.services.sum_fleet import FleetSums
    from hub.web.context import Hub

MEDIA_TYPE = CONTENT_TYPE_LATEST
SKEW_BUCKETS = (1.0, 5.0, 15.0, 60.0, 300.0, 3600.0)


def expose(hub: Hub) -> bytes:
    """Return the exposition. Where the database cannot be read, the series that come from it are left out."""
    text: bytes = generate_latest(_Scrape(hub))  # type: ignore[no-untyped-call]
    return text


class _Scrape(Collector):
    """What the library writes down."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        hub = self._hub
        yield from hub.counting.registry.collect()
        yield _stands(hub.counting.fleet)
        checks = check_ready(hub.database, broker_connected=hub.broker_connected)
        good = {check.name: int(check.standing is not Standing.BAD) for check in checks}
        ends = {one.use: (one.until or 0) / 1000 for one in hub.counting.certificates}
        yield _by("certificate_expiry_timestamp_seconds", "Until when it is good; 0: not to be read.", "use", ends)
        if hub.counting.crl is not None:
            renewed_at = (hub.counting.crl.until or 0) / 1000
            yield _one("crl_next_update_timestamp_seconds", "Until when it is good; 0: not to be read.", renewed_at)
        yield _one("sse_clients", "Pages that are open and hear of changes.", hub.feed.listeners)
        yield _by("ready", "Whether a check of /readyz is good.", "check", good)
        try:
            operations = read_operations(hub.database, hub.now())
        except StoreUnavailableError:
            return
        yield _build(operations)
        if hub.counting.links is not None and hub.counting.sums is not None:
            yield from _fleet(hub.counting.links, hub.counting.sums, hub.now())
            yield from _told(hub.counting.sums)
        yield _one(
            "devices_unregistered",
            "Devices that speak and are not registered, 100 at most.",
            operations.unknown_devices,
        )
        yield from _keeping(operations)
        yield from _window(operations, hub.now(), hub.counting.missing.systems)


def _build(found: Operations) -> InfoMetricFamily:
    family = InfoMetricFamily("meterline_build", "Which programs and schema these are.")
    family.add_metric(
        (),
        {
            "version": version("meterline"),
            "commit": find_commit(),
            "python": platform.python_version(),
            "sqlite": found.sqlite_version,
            "schema": SCHEMA_REVISION,
        },
    )
    return family


@functools.cache
def find_commit() -> str:
    """Return the commit that these programs were installed from, empty where they did not come out of a repository.

    https://packaging.python.org/en/latest/specifications/direct-url/
    """
    origin = json.loads(distribution("meterline").read_text("direct_url.json") or "{}")
    return str(origin.get("vcs_info", {}).get("commit_id", ""))


def _fleet(links: Mapping[str, int], found: FleetSums, now: int) -> Iterator[Metric]:
    by_link = {_word(link): number for link, number in links.items()}
    yield _by("devices", "Registered devices, by how the hub stands with them.", "link", by_link)
    yield _one("devices_contested", "Devices of which two speak.", found.contested)
    yield _by("meters", "Meters that devices read, by how that goes.", "state", found.meters)
    stated = {"suspect": found.suspect, "frozen": found.frozen}
    yield _by("meters_stated", "Meters of which devices say that something is wrong.", "what", stated)
    yield _skew(found.skews_ms)
    failed = {kind: found.failed.get(kind, 0) for kind in POLL_KINDS}
    yield _by("poll_errors_last_day", "Polls that failed in the last day, by cause.", "cause", failed)
    systems = {_word(standing.value): found.systems.get(standing, 0) for standing in ReportStanding}
    yield _by("systems", "Systems, by how they stand towards the month of the window.", "report", systems)
    yield _one("custody_backlog_blocks", "Sealed blocks that devices named and the hub lacks.", found.backlog)
    yield _one("custody_unsafe_blocks", "Blocks held that devices may not let go of yet.", found.unsafe)
    oldest, newest = found.oldest_block_at, found.newest_block_at
    yield _one(
        "custody_oldest_age_seconds",
        "Age of the last block of the device that has been without one for longest; 0 before the first block.",
        0 if oldest is None else max(0, now - oldest) / 1000,
    )
    yield _one(
        "custody_newest_timestamp_seconds",
        "When a block last came; 0 before the first.",
        0 if newest is None else newest / 1000,
    )


def _stands(look: FleetLook | None) -> GaugeMetricFamily:
    text = "Devices at each word of each axis, as they were last looked at; none before the first look."
    family = GaugeMetricFamily("meterline_devices_standing", text, labels=["axis", "word"])
    if look is not None:
        for axis, words in WORDS.items():
            for word in words:
                family.add_metric([axis.value, word.replace(" ", "_")], look.counts[axis].get(word, 0))
    return family


def _skew(skews_ms: Sequence[int]) -> Metric:
    """Return the clocks of devices as a histogram of one instant: each device is in it once."""
    buckets = [(str(limit), sum(skew <= 1000 * limit for skew in skews_ms)) for limit in SKEW_BUCKETS]
    return GaugeHistogramMetricFamily(
        "meterline_clock_skew_seconds",
        "By how much clocks of devices in service were off, either way, when last heard.",
        [*buckets, ("+Inf", len(skews_ms))],
        sum(skews_ms) / 1000,
    )


def _told(found: FleetSums) -> Iterator[Metric]:
    labels = ("rule", "severity", "state")
    alerts = GaugeMetricFamily(
        "meterline_alerts", "Alerts that are not over; only those that there are.", labels=labels
    )
    for (code, severity, standing), number in found.alerts.items():
        alerts.add_metric([code.value, severity.value, standing.value], number)
    yield alerts
    mails = {state.value: found.mails.numbers.get(state, 0) for state in NoticeState}
    yield _by("mails", "Mails made in the last 60 days, by state.", "state", mails)
    waiting = found.mails.waiting_since
    yield _one(
        "mail_waiting_since_timestamp_seconds",
        "When the oldest mail that waits was made; 0 if none waits.",
        0 if waiting is None else waiting / 1000,
    )


def _keeping(found: Operations) -> Iterator[Metric]:
    backup = found.backup_at
    yield _one(
        "backup_last_success_timestamp_seconds",
        "When a backup was last read back whole; 0 before the first.",
        0 if backup is None else backup / 1000,
    )
    drilled = found.drilled_at
    yield _one(
        "restore_drill_last_success_timestamp_seconds",
        "When a restore was last drilled; 0 before the first.",
        0 if drilled is None else drilled / 1000,
    )
    yield _one("database_size_bytes", "Bytes of the database with its log.", found.database_bytes)


def _window(found: Operations, now: int, missing: int | None) -> Iterator[Metric]:
    yield _one("window_open", "Whether a month can be reported now.", int(found.is_window_open))
    yield _one(
        "window_closes_in_seconds",
        "Time to the close of the window that is open, or of the next one.",
        (found.window.closes_at - now) / 1000,
    )
    text = "Systems that lack the month of the open window; none between two windows, and until it was looked at."
    yield _by("window_missing_systems", text, "", {} if missing is None or not found.is_window_open else {"": missing})


def _word(text: str) -> str:
    return text.replace(" ", "_")


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return _by(name, text, "", {"": value})


def _by(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    """Return a family of gauges, one for each value of the label; of the single value "" without a label."""
    family = GaugeMetricFamily(f"meterline_{name}", text, labels=[label] if label else [])
    for value, number in values.items():
        family.add_metric([value] if label else [], number)
    return family
