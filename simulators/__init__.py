"""Meters that lie on purpose: register images of real meter models, sunshine, a byte-level bus, and the whole line."""
