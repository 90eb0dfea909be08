"""The edge's half of custody: offers sealed blocks, takes the hub's receipts, makes its word durable.

`Desk` decides, without I/O: time, chance and messages are arguments. `Custodian` is the rim that owns the session with
the hub, the clock and chance. What a receipt means is for `protocol.custody.sender` to say.
"""

from edge.custody.custodian import Custodian, SystemChance
from edge.custody.desk import RESEND_MAX, Desk
from edge.custody.terms import Chance, CommandDesk, DeskTerms, Moment, Outgoing

__all__ = [
    "RESEND_MAX",
    "Chance",
    "CommandDesk",
    "Custodian",
    "Desk",
    "DeskTerms",
    "Moment",
    "Outgoing",
    "SystemChance",
]
