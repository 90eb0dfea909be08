"""The agent at the meter: reads registers, journals them, seals them into signed blocks, releases them on receipt."""

__version__ = "0.1.0"
"""The version of the distribution, and with it of the agent; stated here because reading it from the installed metadata
would cost the agent three megabytes of memory."""
