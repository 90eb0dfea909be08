"""Which door the settings ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.config import Interface
from hub.exchange.pts import TIMEOUT_SECONDS
from hub.exchange.pts_json import JsonDoor
from hub.exchange.pts_soap import SoapDoor

if TYPE_CHECKING:
    from hub.config import ForwardSettings
    from hub.exchange.pts import PtsDoor


def open_door(settings: ForwardSettings, timeout_seconds: float = TIMEOUT_SECONDS) -> PtsDoor:
    """Return the door to MassCEC's tracking system; raises SettingsError if the credentials cannot be read."""
    door = SoapDoor if settings.interface is Interface.SOAP else JsonDoor
    return door(settings, timeout_seconds)
