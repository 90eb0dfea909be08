"""Report a month's reading by hand: judged at once, final when it is accepted, and kept whatever comes of it."""

from __future__ import annotations
