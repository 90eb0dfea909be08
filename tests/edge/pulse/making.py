"""The meter with a pulse output that these tests have."""

from __future__ import annotations

from decimal import Decimal

from edge.settings import PulseMeter

OLD_METER = PulseMeter(
    name="Old meter",
    index=5,
    chip="/dev/gpiochip0",
    lines={"y": 17},
    form="closings",
    bias="pull-up",
    debounce_ms=20,
    start_kwh=Decimal("41877.2"),
    wh_per_pulse=Decimal("1.8"),
    make="Maker",
    model="Model",
    serial="4711",
)
