"""The [[pulse]] sections of the configuration file: meters whose pulse output is counted on GPIO lines.

ConfigError         one sentence: what is wrong, where, and what to do
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, get_args

from edge.config.section import ConfigError
from edge.settings import Bias, Contact, MeterSettings, PulseForm, PulseMeter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edge.config.section import Section

_LINE_MAX = 1023
_DEBOUNCE_MS_MAX = 10_000
_KWH_MAX = Decimal(10**9)
_WH_MIN, _WH_MAX = Decimal("0.000001"), Decimal(10**6)


def read_pulse(section: Section) -> PulseMeter:
    """Return the meter in a [[pulse]] section; raises ConfigError."""
    lines: dict[Contact, int] = {"y": section.whole("line", None, 0, _LINE_MAX)}
    form: PulseForm = section.choice(
        "count", "closings", tuple(one for one in get_args(PulseForm) if one != "alternate")
    )
    if section.has("z_line"):
        if section.has("count"):
            section.refuse(
                "count", "has no effect with z_line: two contacts are counted in turn; remove one of the two"
            )
        lines["z"] = section.whole("z_line", None, 0, _LINE_MAX)
        form = "alternate"
    if lines["y"] == lines.get("z"):
        section.refuse("z_line", "is the line of the other contact; give the second wire's own line")
    meter = PulseMeter(
        name=section.text("name"),
        index=section.whole("number", None, 0, 999),
        chip=section.text("chip", "/dev/gpiochip0"),
        lines=lines,
        form=form,
        bias=section.choice("bias", "pull-up", get_args(Bias)),
        debounce_ms=section.whole("debounce_ms", 20, 0, _DEBOUNCE_MS_MAX),
        start_kwh=section.decimal("start_kwh", Decimal(0), _KWH_MAX),
        wh_per_pulse=section.decimal("wh_per_pulse", _WH_MIN, _WH_MAX),
        make=section.label("make"),
        model=section.label("model"),
        serial=section.label("serial"),
    )
    section.finish()
    return meter


def refuse_double_pulses(path: Path, pulses: Sequence[PulseMeter], meters: Sequence[MeterSettings]) -> None:
    """Raise ConfigError if two meters share a number, or two pulse outputs a line."""
    by_index: dict[int, MeterSettings | PulseMeter] = {meter.index: meter for meter in meters}
    by_line: dict[tuple[str, int], PulseMeter] = {}
    for pulse in pulses:
        if (twin := by_index.setdefault(pulse.index, pulse)) is not pulse:
            message = (
                f"{path}: meters {twin.name!r} and {pulse.name!r} both have number {pulse.index};"
                " numbers name meters in the log, so each needs its own, for ever"
            )
            raise ConfigError(message)
        for line in pulse.lines.values():
            if (other := by_line.setdefault((pulse.chip, line), pulse)) is not pulse:
                message = (
                    f"{path}: meters {other.name!r} and {pulse.name!r} are both on line {line} of {pulse.chip};"
                    " one pulse must not count twice: correct one of them"
                )
                raise ConfigError(message)
