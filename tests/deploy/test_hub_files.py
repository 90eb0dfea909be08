"""What is given to whoever operates a hub: files that parse, and name nothing that is not there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.main
import yaml
from fastapi.testclient import TestClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import hub.cli
from hub.app import build_app
from hub.config import Address, CertificateFile, HubSettings
from hub.services.accept_blocks import accept_blocks
from hub.services.register_device import register_device
from tests.hub.making import NOW, TERMS, MadeDevice, make_meter
from tests.hub.programs import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[2] / "deploy" / "hub"
UNIT = FOLDER / "meterline-hub.service"
SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "gaugehistogram": ("_bucket", "_gcount", "_gsum"),
    "histogram": ("_bucket", "_count", "_sum"),
    "info": ("_info",),
}
SEVERITIES = {"warning", "critical"}
ALERTS = {
    "MeterlineFleetSilent",
    "MeterlineHubNotReady",
    "MeterlineCustodyBacklog",
    "MeterlineMailStuck",
    "MeterlineWindowClosesWithMissing",
    "MeterlineBackupTooOld",
}
PROXIES = {"Caddyfile": "flush_interval -1", "nginx.conf": "proxy_buffering    off;"}


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Return what a hub exposes, after a request: every name that a query may use, with the labels it has."""
    missing = tmp_path_factory.mktemp("certificates") / "missing.pem"
    settings = HubSettings(
        tmp_path_factory.mktemp("hub"),
        broker=None,
        listen=Address("127.0.0.1", 0),
        certificates=(CertificateFile("pages", missing),),
        crl=missing,
    )
    app, device = build_app(settings), MadeDevice()
    # With a block and no backup there is an alert.
    register_device(app.state.hub.database, device.pem, "Barn", NOW)
    device.seal(make_meter())
    accept_blocks(app.state.hub.database, device.arrivals(), TERMS, NOW)
    with TestClient(app, client=("127.0.0.1", 1)) as client:
        client.get("/livez")
        wait_until(lambda: "alerts" in app.state.hub.counting.jobs, "the first look")
        text = client.get("/metrics").text
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        for suffix in SUFFIXES[family.type]:
            found[family.name + suffix] = {label for sample in family.samples for label in sample.labels}
    return found


def rules() -> list[dict[str, Any]]:
    """Return the alerts of the example."""
    document = yaml.safe_load((FOLDER / "rules.yml").read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Return the panels of the example dashboard."""
    found: list[dict[str, Any]] = json.loads((FOLDER / "grafana-dashboard.json").read_text(encoding="utf-8"))["panels"]
    return found


def queries() -> Iterator[str]:
    """Yield every query of both."""
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])


@pytest.mark.parametrize("query", list(queries()))
def test_a_query_names_series_that_the_hub_has(query: str, exposed: dict[str, set[str]]) -> None:
    """An alert on a series that is not there never fires."""
    named = re.findall(r"\b((?:meterline|process)_\w+)(?:\{([^}]*)\})?", query)
    assert named or "up{" in query
    for name, matchers in named:
        assert name in exposed
        labels = set(re.findall(r"(\w+)[=!]", matchers)) - {"job"}
        assert labels <= exposed[name]


def test_every_series_of_the_hub_can_be_seen(exposed: dict[str, set[str]]) -> None:
    """On the dashboard or in an alert; only what programs the hub runs on is for whoever looks it up."""
    shown = set(re.findall(r"meterline_\w+", " ".join(queries())))
    ours = {re.sub(r"_(bucket|g?count|g?sum)$", "", name) for name in exposed if name.startswith("meterline_")}
    assert ours - {re.sub(r"_bucket$", "", name) for name in shown} == {"meterline_build_info"}


def test_alerts_say_what_happened_and_how_bad_it_is() -> None:
    """Each has a name of its own, a severity and a sentence."""
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    assert set(names) >= ALERTS
    for rule in rules():
        assert rule["labels"]["severity"] in SEVERITIES
        assert rule["annotations"]["summary"].endswith(".")


def test_panels_do_not_cover_each_other() -> None:
    """Each field of the grid belongs to one panel, and each panel has a number of its own."""
    fields: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not fields & own
        assert max(x for x, _ in own) < 24
        fields |= own
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_the_unit_starts_a_command_that_exists() -> None:
    """Every option of its command line is one of `meter-hub serve`."""
    (line,) = re.findall(r"^ExecStart=\S+/meter-hub (.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    name, *words = line.split()
    group = typer.main.get_command(hub.cli.app)
    known = {option for parameter in group.commands[name].params for option in parameter.opts}  # type: ignore[attr-defined]
    assert {word for word in words if word.startswith("--")} <= known


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """No word in it is unknown to systemd; the program is not installed here, so another stands in."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: the hub's unit is not verified")
    copy = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8").replace("/opt/meter-hub/bin/meter-hub", "/bin/true")
    copy.write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, timeout=60, check=False
    )
    assert [line for line in done.stderr.splitlines() if copy.name in line] == []


@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy_speaks_nothing_older_than_tls_1_2(name: str) -> None:
    """Plain HTTP is led to TLS, and browsers are told to come back so for a year at least; Caddy does so by itself."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert not re.search(r"SSLv\d|TLSv1(\.[01])?[\s;]|tls1\.[01]|auto_https\s+(off|disable_redirects)", text)
    assert (name != "nginx.conf") or re.findall(r"ssl_protocols\s+([^;]+);", text) == ["TLSv1.2 TLSv1.3"]
    (seconds,) = re.findall(r'Strict-Transport-Security "max-age=(\d+)', text)
    assert int(seconds) >= 365 * 86_400
    assert (name != "nginx.conf") or "return 308 https://" in text


@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy_streams_events_and_keeps_metrics_to_itself(name: str) -> None:
    """Events leave at once, health and metrics do not leave, braces match."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert PROXIES[name] in text
    assert all(word in text for word in ("/events", "metrics", "livez", "readyz", "X-Request-ID"))
    assert text.count("{") == text.count("}")
