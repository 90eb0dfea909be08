"""Where the hub's notices come from: the windows of the rules, and what is registered."""

from __future__ import annotations

from hub.rules.windows import window_of
from hub.services.load_responsibilities import load_responsibilities
from hub.services.queue_notices import Sources

SOURCES = Sources(window_of=window_of, load=load_responsibilities)
