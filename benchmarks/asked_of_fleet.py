"""By which addresses the pages of a made hub are asked for that show its fleet: devices, alerts, and systems."""

from __future__ import annotations

from urllib.parse import urlencode

from benchmarks.asked import Asked, Marks, Pages, device_text
from benchmarks.made_devices import OFTEN, TAG, TAGGED, name_of, unregistered
from benchmarks.made_lists import BULKS, CHANGES, ENDED, MESSAGES, THRESHOLD
from benchmarks.made_months import MONTH, first_meter, system_name
from benchmarks.made_people import INSTALLER, OWNER, PROVIDER, number_of
from benchmarks.made_site import SITE, site_device
from protocol.identity import format_device_id


def pages_of_fleet(marks: Marks) -> Pages:
    """Return what is asked for of them."""
    return _devices(marks) | _bulks(marks) | _alerts(marks) | _systems(marks) | _of_system(marks) | _registering(marks)


def _devices(marks: Marks) -> Pages:
    device, late = device_text(marks.middle), marks.middle
    after = urlencode({"after": f"{device},{name_of(late)}"})
    roof = marks.middle // 5 * 5
    often = urlencode({"tag": OFTEN, "after": f"{device_text(roof)},{name_of(roof)}"})
    site = format_device_id(site_device().id)
    return {
        "/": (Asked("fleet", "/"),),
        "/board": (
            Asked("window board", "/board"),
            Asked("board, accepted", "/board?standing=accepted", far=f"/board?standing=accepted&after={marks.board}"),
        ),
        "/devices": (
            Asked("devices", "/devices", far=f"/devices?{after}"),
            Asked("devices, silent", "/devices?axis=link&stands=silent"),
            Asked("devices, late", "/devices?axis=link&stands=late"),
            Asked("devices, searched", f"/devices?search={late}"),
            Asked("devices, tagged", f"/devices?tag={OFTEN}", far=f"/devices?{often}"),
            Asked("devices, one version", "/devices?version=0.1.1"),
            Asked("devices, no version", "/devices?version=9.9"),
        ),
        "/devices.csv": (Asked("devices, saved", "/devices.csv"),),
        "/devices/{device}": (Asked("a device", f"/devices/{device}"), Asked("a site's device", f"/devices/{site}")),
    }


def _bulks(marks: Marks) -> Pages:
    bulk = f"/bulks/{marks.part(BULKS) + 1}"
    tagged = min(TAGGED, marks.devices // 2) // 2
    return {
        "/devices/all": (
            Asked("all devices at once", "/devices/all"),
            Asked("tagged ones at once", f"/devices/all?tag={TAG}"),
        ),
        "/bulks": (Asked("bulks", "/bulks", far=f"/bulks?before={marks.part(BULKS) // 2}"),),
        "/bulks/{number}": (Asked("a bulk", bulk, far=f"{bulk}?after={device_text(tagged)},0"),),
        "/bulks/{number}/cancel": (Asked("a bulk withdrawn", f"{bulk}/cancel"),),
        "/hub": (Asked("the hub itself", "/hub"),),
    }


def _alerts(marks: Marks) -> Pages:
    over, threshold = "/alerts?standing=resolved", f"/alerts/thresholds/{THRESHOLD}"
    return {
        "/alerts": (
            Asked("alerts", "/alerts"),
            Asked("alerts, firing", "/alerts?standing=firing"),
            Asked("alerts, over", over, far=f"{over}&before={marks.part(ENDED) // 2}"),
        ),
        "/alerts/{number}": (
            Asked("an alert", "/alerts/1"),
            Asked("an open alert", f"/alerts/{marks.alert}"),
        ),
        "/alerts/thresholds": (Asked("thresholds", "/alerts/thresholds"),),
        "/alerts/thresholds/{threshold}": (
            Asked("a threshold", threshold, far=f"{threshold}?before={marks.part(CHANGES) // 2}"),
        ),
        "/alerts/thresholds/{threshold}/new": (Asked("a threshold changed", f"{threshold}/new"),),
        "/channels": (Asked("channels", "/channels"),),
        "/channels/new": (Asked("a new channel", "/channels/new"),),
        "/channels/{number}": (
            Asked("a channel", "/channels/1", far=f"/channels/1?before={marks.part(MESSAGES) // 2}"),
        ),
    }


def _systems(marks: Marks) -> Pages:
    system, by_hand = system_name(marks.middle), system_name(marks.devices - 1)
    owned = system_name(number_of(marks.devices, OWNER) // 2)
    provided = system_name(number_of(marks.devices, PROVIDER) // 2)
    return {
        "/systems": (
            Asked("systems", "/systems", far=f"/systems?after={system}"),
            Asked("systems", "/systems", OWNER, far=f"/systems?after={owned}"),
            Asked("systems", "/systems", PROVIDER, far=f"/systems?after={provided}"),
        ),
        "/systems/{pts_id}": (
            Asked("a system", f"/systems/{system}"),
            Asked("a system", f"/systems/{system_name(0)}", OWNER),
            Asked("a system by hand", f"/systems/{by_hand}"),
            Asked("a site with a year", f"/systems/{SITE}"),
            Asked("a site's month", f"/systems/{SITE}?month={marks.site_month}"),
        ),
    }


def _of_system(marks: Marks) -> Pages:
    system = system_name(marks.middle)
    (meter,) = site_device().meters
    of_site = f"/systems/{SITE}/meters/{meter.serial}"
    return {
        "/systems/{pts_id}/meters/{serial:path}": (
            Asked("a meter", f"/systems/{system}/meters/BM-{first_meter(marks.middle)}"),
            Asked("a site's meter", of_site, far=f"{of_site}?before={marks.reading}"),
        ),
        "/systems/{pts_id}/months/{month}": (
            Asked("evidence", f"/systems/{system}/months/{MONTH}"),
            Asked("a site's evidence", f"/systems/{SITE}/months/{marks.site_month}"),
        ),
        "/systems/{pts_id}/months/{month}/evidence": (
            Asked("a bundle", f"/systems/{SITE}/months/{marks.site_month}/evidence"),
            Asked("a whole chain", f"/systems/{SITE}/months/{marks.site_month}/evidence?full=true"),
        ),
        "/systems/{pts_id}/statements/{month}.{form}": (
            Asked("a statement, PDF", f"/systems/{system_name(0)}/statements/{MONTH}.pdf"),
            Asked("a statement, CSV", f"/systems/{system_name(0)}/statements/{MONTH}.csv"),
        ),
    }


def _registering(marks: Marks) -> Pages:
    system = system_name(marks.middle)
    strangers = unregistered(marks.devices)
    waiting = first_meter(strangers.start - len(strangers) // 2)
    commissioning = f"/systems/{system}/meters/BM-{first_meter(marks.middle)}/commissioning"
    return {
        "/onboarding": (Asked("onboarding", "/onboarding", far=f"/onboarding?after={waiting}"),),
        "/devices/new": (Asked("a new device", "/devices/new"),),
        "/systems/new": (Asked("a new system", "/systems/new"),),
        "/systems/{pts_id}/facts/new": (Asked("new facts", f"/systems/{system}/facts/new"),),
        "/systems/{pts_id}/programmes/new": (Asked("a new programme", f"/systems/{system}/programmes/new"),),
        "/systems/{pts_id}/meters/new": (Asked("a new meter", f"/systems/{system}/meters/new"),),
        "/systems/{pts_id}/exchanges/new": (
            Asked("a new exchange", f"/systems/{system}/exchanges/new"),
            Asked("a new exchange", f"/systems/{system_name(0)}/exchanges/new", INSTALLER),
        ),
        "/systems/{pts_id}/meters/{serial}/commissioning": (
            Asked("a dial", commissioning),
            Asked("a dial", f"/systems/{system_name(0)}/meters/BM-1/commissioning", INSTALLER),
        ),
    }
