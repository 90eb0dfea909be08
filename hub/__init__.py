"""The production tracking system: takes custody of blocks, computes production, shows people what they may see."""
