"""Where an axis ends: on the next round number."""

_NICE_TENTHS = (10, 15, 20, 30, 40, 50, 60, 80)


def nice_ceiling(value: int, least: int = 2000) -> int:
    """Return the next round number that is not below `value` nor below `least`; both are positive or zero."""
    power = 1
    while True:
        for step in _NICE_TENTHS:
            if step * power >= max(value, least):
                return step * power
        power *= 10
