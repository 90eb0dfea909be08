"""The agent at the meter: reads registers, journals them, seals them into signed blocks, releases them on receipt."""
