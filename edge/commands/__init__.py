"""The hub's commands at the device: each carried out at most once, whenever the power goes.

A command's row, its result and its effect, or the durable intent of it, are one transaction of the journal. What is
still running at a start is finished there. Whatever needs the agent anew (another configuration, another signing key)
is brought about by a restart inside the process, which is the same path that a start after a crash takes.

`Clerk` decides, without I/O; `open_log` is the start.
"""

from edge.commands.clerk import Clerk, ClerkTerms, RepollOrder
from edge.commands.opening import Log, open_log

__all__ = ["Clerk", "ClerkTerms", "Log", "RepollOrder", "open_log"]
