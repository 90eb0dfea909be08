"""The exact commands that answer what pages ask for: copy, fill in what stands in capitals, run."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from protocol.identity import format_device_id

if TYPE_CHECKING:
    from pathlib import Path

    from hub.services.read_meters import MeterView
    from protocol.identity import DeviceId


def device_command(folder: Path, device: DeviceId) -> str:
    """Return the command that registers this device, given the public key file that it made."""
    return f"meter-hub device add --data {shlex.quote(str(folder))} --key {format_device_id(device)}.pem"


def meter_command(folder: Path, view: MeterView) -> str:
    """Return the command that registers a meter that is read and belongs to no system yet.

    A meter that names no serial number cannot be registered: for it this is a comment that says what to do.
    """
    if not view.serial:
        return (
            "# This meter gives no serial number, so no system can claim it: have its device read one "
            "(a meter profile that names the register of the serial number)."
        )
    return (
        f"meter-hub meter add --data {shlex.quote(str(folder))} --system PTS-ID "
        f"--device {view.device_id} --serial {shlex.quote(view.serial)}"
    )


def system_command(folder: Path) -> str:
    """Return the command that registers a system."""
    return f"meter-hub system add --data {shlex.quote(str(folder))} PTS-ID --name NAME --capacity-kw-dc KW"


def device_id(device: DeviceId) -> str:
    """Return the device id as text."""
    return format_device_id(device)
