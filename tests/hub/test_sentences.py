"""The limit on what the log repeats."""

from __future__ import annotations

from hub.sentences import SENTENCE_SECONDS, SENTENCE_SUBJECTS_MAX, SentenceLimit


def test_a_subject_is_spoken_of_once_a_minute() -> None:
    """The first sentence is said at once, the next after the pause; other subjects do not wait."""
    limit = SentenceLimit()
    assert limit.is_due("a", 0.0)
    assert not limit.is_due("a", SENTENCE_SECONDS - 1)
    assert limit.is_due("b", SENTENCE_SECONDS - 1)
    assert limit.is_due("a", SENTENCE_SECONDS)


def test_subjects_are_forgotten_rather_than_gathered() -> None:
    """However many subjects there are, the limit stays small and goes on working."""
    limit = SentenceLimit()
    assert all(limit.is_due(str(number), 0.0) for number in range(3 * SENTENCE_SUBJECTS_MAX))
    assert len(limit._said) <= SENTENCE_SUBJECTS_MAX
