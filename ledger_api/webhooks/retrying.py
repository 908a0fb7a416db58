"""When a delivery that failed is tried again. Pure: counts and a drawn number in, seconds out.

    after the try   1    2    3     4      5       6      7        8     9    10   11
    first pause 5 s 5 s  20 s 80 s  5 min  21 min  85 min 5.7 h  22.8 h  24 h 24 h 24 h

so that the twelfth and last try is made more than three days after the first, however short each pause happens to be.
"""

FACTOR = 4.0
LONGEST_SECONDS = 86_400.0
MOST_TRIES = 12
JITTER = 0.25  # each pause is longer or shorter by up to so much: what failed together does not come back together


def pause(tries: int, *, first_seconds: float, draw: float) -> float | None:
    """Seconds until the next try after `tries` have failed; None: that was the last one. `draw` is from [0, 1)."""
    if tries >= MOST_TRIES:
        return None
    plain = min(LONGEST_SECONDS, first_seconds * FACTOR ** (tries - 1))
    return plain * (1 - JITTER + 2 * JITTER * draw)
