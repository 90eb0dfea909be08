"""Keeps one subject from filling the log: a sentence a minute each."""

from __future__ import annotations

import threading

SENTENCE_SECONDS = 60.0
SENTENCE_SUBJECTS_MAX = 1000


class SentenceLimit:
    """Remembers when each subject was last spoken of; safe to ask from several threads."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}
        self._lock = threading.Lock()

    def is_due(self, subject: str, now: float) -> bool:
        """Return whether something may be said of `subject` at `now` (seconds that only grow)."""
        with self._lock:
            if now - self._said.get(subject, -SENTENCE_SECONDS) < SENTENCE_SECONDS:
                return False
            if len(self._said) >= SENTENCE_SUBJECTS_MAX:
                self._said.clear()
            self._said[subject] = now
            return True
