"""Seeds that once showed a fault, each with the fault in a sentence. They are run whenever the simulation is tested.

A seed means the same world only as long as nothing draws by lot in another order; so each fault has a test of its own
beside the code that had it, and these seeds are what is left of how it was found.
"""

from __future__ import annotations

REGRESSIONS = {
    7: "an epoch with a block that nobody can read could not be sealed again: the device's custody stopped for ever",
    49: "a block that nobody can read hid damaged copies behind it: the hub never asked for the intact ones",
    54: "a block beyond a gap that a lost card left for ever was held by the hub, and its readings were not counted",
}
