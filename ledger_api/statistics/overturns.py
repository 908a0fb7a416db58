"""Which opinions count, what overturns one, and how sure a rate can be: pure.

1. What counts is an opinion *authentic* or *not authentic* (a verdict or an enrolment) on an item of another organization's. One without a
   conclusion is counted beside, and so is one that was signed with a key compromised before.
2. An opinion is *reviewed* by a later ruling, or a later opinion of somebody else by a stronger method, that came to a conclusion and
   stands (neither void nor withdrawn). Of several the ruling weighs most, then the stronger method, then the later one.
3. It is *overturned* when what weighs most came to the other conclusion. Where nothing of that kind was said, it is overturned when its
   author, after a dispute about it, corrected it to the other conclusion: it was changed on appeal.
4. Who corrects an opinion of its own without a dispute, or changes it in a later one, before somebody else contradicts it, has
   *corrected* itself: that opinion leaves the count and is told beside it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import sqrt
from typing import NamedTuple

from ledger_verify.codes import Kind, Method, Outcome

Z_95 = 1.959963984540054  # of the normal distribution, both sides
SMALL = 30  # opinions: below it a rate says little, and the interval says how little
CONCLUSIONS = (Outcome.AUTHENTIC, Outcome.NOT_AUTHENTIC)
OPINIONS = (Kind.VERDICT, Kind.ENROLMENT)


class Word(NamedTuple):
    """A verdict, enrolment, ruling, or what is said of one: a dispute, a correction of what was the effective one.

    `about` is the sequence of the opinion that it disputes or corrects.
    """

    item: bytes
    sequence: int
    kind: int
    organization: bytes
    brand: bytes
    outcome: int
    method: int
    is_void: bool
    about: int = 0
    category: int = 0
    recorded_at: int = 0


class Fate(NamedTuple):
    """What became of one opinion. `by`: the sequence of what overturned or corrected it.

    `stands` is the conclusion that holds now, as far as it was this opinion's to give: none where it is void, withdrawn, or replaced by
    its author's later opinion, which has a fate of its own.
    """

    word: Word
    is_counted: bool
    is_reviewed: bool = False
    is_overturned: bool = False
    is_corrected: bool = False
    by: int = 0
    is_appealed: bool = False
    stands: int = Outcome.NONE


@dataclass(slots=True)
class Tally:
    """`opinions` = `authentic` + `not_authentic`; inconclusive, corrected and void ones are beside it."""

    opinions: int = 0
    authentic: int = 0
    not_authentic: int = 0
    reviewed: int = 0
    overturned: int = 0
    corrected: int = 0
    inconclusive: int = 0
    void: int = 0


class Rate(NamedTuple):
    value: float
    low: float
    high: float


def wilson(successes: int, trials: int) -> Rate | None:
    """The share with Wilson's interval of 95 %, which stays honest for few trials; None when there were none."""
    if trials == 0:
        return None
    share, square = successes / trials, Z_95 * Z_95
    centre = (share + square / (2 * trials)) / (1 + square / trials)
    reach = Z_95 / (1 + square / trials) * sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    return Rate(share, max(0.0, centre - reach), min(1.0, centre + reach))


def fates(words: Iterable[Word]) -> Iterator[Fate]:
    """Of every opinion on another's item. Words come item by item, in the order of the ledger."""
    for _item, told in groupby(words, key=lambda word: word.item):
        history = list(told)
        yield from (_fate(word, history) for word in history if word.kind in OPINIONS and word.organization != word.brand)


def tally(words: Iterable[Word]) -> dict[bytes, Tally]:
    """By organization, for each that gave an opinion on another's item."""
    found: defaultdict[bytes, Tally] = defaultdict(Tally)
    for fate in fates(words):
        counted = found[fate.word.organization]
        counted.void += fate.word.is_void
        counted.inconclusive += not fate.word.is_void and fate.word.outcome not in CONCLUSIONS
        counted.corrected += fate.is_corrected
        if fate.is_counted:
            counted.opinions += 1
            counted.authentic += fate.word.outcome == Outcome.AUTHENTIC
            counted.not_authentic += fate.word.outcome == Outcome.NOT_AUTHENTIC
            counted.reviewed += fate.is_reviewed
            counted.overturned += fate.is_overturned
    return dict(found)


def _fate(word: Word, history: Sequence[Word]) -> Fate:
    if word.is_void:
        return Fate(word, is_counted=False)
    if len(history) == 1:  # most of them: nobody said anything else
        return Fate(word, is_counted=word.outcome in CONCLUSIONS, stands=word.outcome)
    disputed = min(
        (one.sequence for one in history if one.kind == Kind.DISPUTE and one.about == word.sequence and not one.is_void), default=0
    )
    changed = min(_changes(word, history), default=None, key=lambda one: one.sequence)
    plain = Fate(word, is_counted=word.outcome in CONCLUSIONS, is_appealed=disputed > 0, stands=word.outcome)
    if not plain.is_counted:  # no conclusion was given that anybody could overturn
        return plain if changed is None else plain._replace(stands=_left_by(changed))
    reviews = [one for one in _standing(history) if _reviews(one, word)]
    contradicted = min((one.sequence for one in reviews if one.outcome != word.outcome), default=None)
    by_appeal = False
    if changed is not None and (contradicted is None or changed.sequence < contradicted):
        by_appeal = 0 < disputed < changed.sequence and changed.kind == Kind.CORRECTION and changed.outcome in CONCLUSIONS
        if not by_appeal:
            return plain._replace(is_counted=False, is_corrected=True, by=changed.sequence, stands=_left_by(changed))
    if not reviews and not by_appeal:
        return plain
    weightiest = max(reviews, key=lambda one: (one.method, one.sequence), default=changed)
    assert weightiest is not None
    overturned = weightiest.outcome != word.outcome
    return plain._replace(is_reviewed=True, is_overturned=overturned, by=weightiest.sequence, stands=weightiest.outcome)


def _left_by(change: Word) -> int:
    """The outcome that a correction puts in the place of the first; a later opinion stands for itself."""
    return change.outcome if change.kind == Kind.CORRECTION else Outcome.NONE


def _standing(history: Sequence[Word]) -> Iterator[Word]:
    """Opinions and rulings as they stand once corrections are applied; void ones are none."""
    corrected = {word.about: word.outcome for word in history if word.kind == Kind.CORRECTION and not word.is_void}
    for word in history:
        if word.kind not in (Kind.CORRECTION, Kind.DISPUTE) and not word.is_void:
            yield word._replace(outcome=corrected.get(word.sequence, word.outcome))


def _reviews(other: Word, word: Word) -> bool:
    if other.sequence <= word.sequence or other.outcome not in CONCLUSIONS:
        return False
    return other.method == Method.RULING or (other.organization != word.organization and other.method > word.method)


def _changes(word: Word, history: Sequence[Word]) -> Iterator[Word]:
    """Where its own author took the opinion back or said the contrary."""
    for one in history:
        if one.is_void or one.organization != word.organization or one.sequence <= word.sequence or one.outcome == word.outcome:
            continue
        is_contrary = one.kind in OPINIONS and one.outcome in CONCLUSIONS
        if is_contrary or (one.kind == Kind.CORRECTION and one.about == word.sequence):
            yield one
