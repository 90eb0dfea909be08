"""Signing in, as decisions: what a password may be, what a code proves, how long a session lasts, when to wait."""
