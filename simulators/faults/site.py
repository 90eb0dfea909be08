"""Faults of the site: what happens to the machine's clock, and to the adapters between its lines and the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.faults.kinds import ADAPTER_KINDS, FaultKind
from simulators.faults.plan import MACHINE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from simulators.bus import SerialBus
    from simulators.faults.plan import Fault, FaultPlan
    from simulators.virtual_time import VirtualTime


def clock_ahead(plan: FaultPlan) -> Callable[[int], int]:
    """Return what tells how many ms the machine's wall clock is ahead at a true instant (UTC ms)."""
    steps = plan.timeline(MACHINE, {FaultKind.CLOCK_STEP})

    def ahead_ms(at_ms: int) -> int:
        step = steps.active(at_ms)
        return 0 if step is None else step.amount

    return ahead_ms


async def play_site_faults(
    plan: FaultPlan, time: VirtualTime, lines: Mapping[str, SerialBus], strangers: Mapping[str, SerialBus]
) -> None:
    """Let the adapter faults of a plan happen, each at its time, to the started `lines` by their buses' names.

    A stranger is a line that is not started, with the same link as the bus of that name: it has the name while another
    adapter does. The machine's clock needs nobody to play: see `clock_ahead`.
    """
    for fault in plan.faults:
        if fault.kind in ADAPTER_KINDS and fault.target in lines:
            await time.sleep_until(fault.from_ms)
            await _befall(fault, time, lines[fault.target], strangers)


async def _befall(fault: Fault, time: VirtualTime, line: SerialBus, strangers: Mapping[str, SerialBus]) -> None:
    if fault.kind is FaultKind.PORT_RENUMBERING:
        await line.renumber()
        return
    # Each is there before the other goes, so that the kernel does not give both the same device number.
    async with strangers[fault.target]:
        await line.stop()
        await time.sleep_until(fault.until_ms)
        await line.start()
