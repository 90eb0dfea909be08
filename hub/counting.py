"""What the hub counts while it works, for `/metrics`: the only module that knows how a counter is made.

One object for one hub, passed to whatever counts. No label names a device, a system or a person, so that the number of
series does not grow with the fleet (https://prometheus.io/docs/practices/naming/#labels).
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from hub.alerting.telling import Way
from hub.clock import monotonic_seconds, now_ms
from hub.errors import StoreUnavailableError
from hub.fleet.looks import Came

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from hub.clock import Now
    from hub.exchange.certificates import Expiry
    from hub.fleet.looks import FleetLook
    from hub.services.read_strangers import StrangersLook
    from hub.services.sum_fleet import FleetSums

WRITE_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
ANSWER_BUCKETS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0)
"""Few, for there is a histogram for each route."""
BLOCK_RESULTS = ("new", "duplicate", "supersedes", "junk", "conflict", "rejected", "unregistered")
"""What becomes of a block: `protocol.custody.receiver.DecisionKind`, or not taken, or of a device nobody registered."""
TAKEN_RESULTS = ("new", "supersedes")
MESSAGE_RESULTS = ("taken", "rejected", "unregistered", "ignored")
"""What becomes of a message from the broker: kept, dropped, of a device nobody registered, or nothing was in it."""
READING_RESULTS = ("stored", "duplicate", "conflict")
NOTIFICATION_RESULTS = ("sent", "later", "refused", "given_up")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD = "other"
"""Stands for every word that is no method, or else whoever asks could make series without end."""
STATUS_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
BATCHES_KEPT = 1_000
SIZES_KEPT = 7 * 24 + 1
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class Missing:
    """How many systems lacked the month of the open window when that was last looked at; None between two windows."""

    systems: int | None


@dataclass(frozen=True, slots=True)
class JobRun:
    """A job's last good round: when it ended (UTC ms), and how long it took."""

    ended_at: int
    seconds: float


@dataclass(frozen=True, slots=True)
class JobFailure:
    """A job whose rounds fail: since when (UTC ms), and why the last one did."""

    since: int
    why: str


@dataclass(frozen=True, slots=True)
class Commits:
    """The last batches that were committed: how many, and how many seconds the middle and the longest one took."""

    number: int
    middle_seconds: float
    longest_seconds: float


@dataclass(frozen=True, slots=True)
class Growth:
    """By how many bytes a day the database grew since an instant (UTC ms); negative where it shrank."""

    since: int
    bytes_per_day: int


class Counting:
    """The counters, gauges and histograms of one hub. Safe to use from several threads."""

    def __init__(self, now: Now = now_ms) -> None:
        self.registry = CollectorRegistry()
        self.missing = Missing(None)
        self.links: Mapping[str, int] | None = None
        """How many devices are heard how, as that was last looked at; None before the first look."""
        self.versions: Mapping[str, int] | None = None
        """How many devices run which agent, as that was last looked at; None before the first look."""
        self.fleet: FleetLook | None = None
        """Where the devices stood as that was last looked at; None before the first look."""
        self.strangers: StrangersLook | None = None
        """Which meters nobody had registered as that was last looked at; None before the first look."""
        self.came = Came()
        """Blocks that were taken since the start, and the readings in them."""
        self.sums: FleetSums | None = None
        """What else there is to say of the fleet in numbers, as it was last looked at; None before the first look."""
        self.certificates: tuple[Expiry, ...] = ()
        self.crl: Expiry | None = None
        """Until when certificates are good whose files are watched, and the revocation list, as last looked at."""
        self.jobs: dict[str, JobRun] = {}
        self._lock = threading.Lock()
        self.failing: dict[str, JobFailure] = {}
        self._batches: deque[float] = deque(maxlen=BATCHES_KEPT)
        self._sizes: deque[tuple[int, int]] = deque(maxlen=SIZES_KEPT)
        self._now = now
        ProcessCollector(registry=self.registry)
        self._blocks = self._counter("blocks", "Blocks that arrived, by what became of them.", "result")
        self._messages = self._counter("ingest_messages", "Messages from the broker, by what became of them.", "result")
        self._readings = self._counter("readings", "Readings in intact blocks, by what became of them.", "result")
        self._receipts = self._counter("receipts", "Receipts that were given.")
        self._told = self._counter("notifications", "Messages to channels and people, each try.", "channel", "result")
        self._lag = self._gauge("ingest_lag_seconds", "How long the oldest message waits that is not committed.")
        self._lag_of: Callable[[], float] = float
        self._is_connected: Callable[[], bool] | None = None
        self._batch = self._histogram("ingest_batch_seconds", "Time to commit what arrived together.", WRITE_BUCKETS)
        self._write = self._histogram("database_write_seconds", "Time of a write, with its turn.", WRITE_BUCKETS)
        self._job_at = self._gauge("job_last_success_timestamp_seconds", "When a job last ended well.", "job")
        self._job_took = self._gauge("job_last_duration_seconds", "How long a job's last good round took.", "job")
        self._requests = self._histogram(
            "http_request_duration_seconds",
            "Time from a request to the beginning of its answer.",
            *(ANSWER_BUCKETS, "route", "method", "status"),
        )
        # A series that begins with its first event would hide that event from a rate.
        for counter, results in (
            (self._blocks, BLOCK_RESULTS),
            (self._messages, MESSAGE_RESULTS),
            (self._readings, READING_RESULTS),
        ):
            for result in results:
                counter.labels(result)
        for way in Way:
            for result in NOTIFICATION_RESULTS:
                self._told.labels(way.value, result)

    def count_messages(self, result: str, number: int = 1) -> None:
        """Count messages from the broker by what became of them, one of `MESSAGE_RESULTS`."""
        self._messages.labels(result).inc(number)

    def count_blocks(self, results: Mapping[str, int], readings: Mapping[str, int]) -> None:
        """Count blocks and the readings in them by what became of them (`BLOCK_RESULTS`, `READING_RESULTS`)."""
        for counter, became in ((self._blocks, results), (self._readings, readings)):
            for result, number in became.items():
                counter.labels(result).inc(number)
        blocks = sum(results.get(result, 0) for result in TAKEN_RESULTS)
        with self._lock:
            self.came += Came(blocks, readings.get("stored", 0))

    def count_receipts(self, number: int) -> None:
        """Count receipts that were given."""
        self._receipts.inc(number)

    def count_notifications(self, way: Way, results: Iterable[tuple[str, int]]) -> None:
        """Count tries to tell somebody something by way and by what came of them, one of `NOTIFICATION_RESULTS`."""
        for result, number in results:
            self._told.labels(way.value, result).inc(number)

    def watch_lag(self, lag_of: Callable[[], float]) -> None:
        """Ask `lag_of` from now on for how many seconds the oldest message waits that arrived and is not committed."""
        self._lag_of = lag_of
        self._lag.set_function(lag_of)

    def watch_broker(self, is_connected: Callable[[], bool]) -> None:
        """Ask `is_connected` from now on whether blocks can arrive from the broker."""
        self._is_connected = is_connected

    def is_deaf(self) -> bool:
        """Return whether there is a broker to be heard, and no session with it now."""
        return self._is_connected is not None and not self._is_connected()

    def lag_ms(self) -> int:
        """Return how long the oldest such message waits now; 0 where none does, or where no broker is heard."""
        return int(1000 * self._lag_of())

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Measure how long a batch takes to be committed, unless that fails."""
        began = monotonic_seconds()
        yield
        took = monotonic_seconds() - began
        self._batch.observe(took)
        self._batches.append(took)

    def commits(self) -> Commits | None:
        """Return how long the last batches took to be committed, None before the first."""
        took = sorted(self._batches)
        return Commits(len(took), took[len(took) // 2], took[-1]) if took else None

    def note_size(self, size: int) -> None:
        """Keep how many bytes the database has now, one number an hour for a week."""
        now = self._now()
        if not self._sizes or now - self._sizes[-1][0] >= _HOUR_MS:
            self._sizes.append((now, size))

    def growth(self) -> Growth | None:
        """Return how the database grows; None until it was watched for a day, for its log alone grows and shrinks."""
        sizes = tuple(self._sizes)
        if not sizes or (elapsed := sizes[-1][0] - sizes[0][0]) < _DAY_MS:
            return None
        return Growth(sizes[0][0], (sizes[-1][1] - sizes[0][1]) * _DAY_MS // elapsed)

    def write_done(self, seconds: float) -> None:
        """Count a write to the database."""
        self._write.observe(seconds)

    @contextmanager
    def job(self, name: str) -> Iterator[None]:
        """Measure a round of a job and keep when it ended; where it fails for the store, keep since when and why."""
        began = monotonic_seconds()
        try:
            yield
        except StoreUnavailableError as error:
            since = self.failing[name].since if name in self.failing else self._now()
            self.failing[name] = JobFailure(since, str(error))
            raise
        self.failing.pop(name, None)
        run = JobRun(self._now(), monotonic_seconds() - began)
        self.jobs[name] = run
        self._job_at.labels(name).set(run.ended_at / 1000)
        self._job_took.labels(name).set(run.seconds)

    def count_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request by its route's template, its method and its status: how long its answer took to begin."""
        known = method if method in METHODS else OTHER_METHOD
        self._requests.labels(route, known, STATUS_CLASSES[status // 100 - 1]).observe(seconds)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"meterline_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"meterline_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"meterline_{name}", text, labels, registry=self.registry, buckets=buckets)
