"""How many verdicts there were, and what they said: per week, brand, category, method and authenticator. Pure.

1. A verdict is an opinion (verdict or enrolment) on an item of another organization's. It belongs to the ISO week, in UTC, of the block
   that recorded it: when it is said to have happened is a claim, the block is not.
2. It counts at the conclusion that *stands*: overturned, at the one that overturned it; corrected by its author, at the corrected one, or
   as *withdrawn*. One that its author replaced by a later opinion is withdrawn too; the later one counts for itself. A past week
   therefore changes when somebody is proven wrong, and `overturned` and `corrected` say how often that was.
3. The *fake rate* is *not authentic* among the conclusions (*authentic* and *not authentic*), with Wilson's interval of 95 %. Inconclusive,
   withdrawn and void verdicts (signed with a key compromised before) are told beside it.
4. *Appealed* is a verdict that a dispute on the ledger is about; *overturned* as in the statistics of authenticators.
5. What the ledger does not know is not counted: cases about items that are not on it, and verdicts that were not recorded.
6. Fewer than {smallest} verdicts are not told, because they could be somebody's: such a row is hidden, with it the next smallest where a
   subtraction from the total would give it away, and the total too where there is no other row. An answer to filters is told only
   where it would be told as a row of the table without each of them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, NamedTuple

from ledger_api.statistics.overturns import Fate
from ledger_verify.codes import Outcome

SMALLEST = 5
RULES = "\n".join((__doc__ or "").splitlines()[2:]).replace("{smallest}", str(SMALLEST))
Grouping = Literal["week", "brand", "category", "method", "authenticator"]
GROUPINGS: tuple[Grouping, ...] = ("week", "brand", "category", "method", "authenticator")
Label = str | bytes | int
_DAY = 86_400


class Cell(NamedTuple):
    """What one verdict is counted under, in the order of `GROUPINGS`."""

    week: str
    brand: bytes
    category: int
    method: int
    authenticator: bytes


@dataclass(frozen=True, slots=True)
class Counts:
    """`verdicts` = `authentic` + `not_authentic` + `inconclusive` + `withdrawn`; `void` is beside it, the rest are some of them."""

    verdicts: int = 0
    authentic: int = 0
    not_authentic: int = 0
    inconclusive: int = 0
    withdrawn: int = 0
    appealed: int = 0
    overturned: int = 0
    corrected: int = 0
    void: int = 0

    @property
    def concluded(self) -> int:
        return self.authentic + self.not_authentic

    def packed(self) -> int:
        """All of them as one number, so that cells are added by the hundred thousand at once."""
        return sum(getattr(self, name) * unit for name, unit in UNITS.items())


_BITS = 32  # of one count
UNITS = {one.name: 1 << _BITS * place for place, one in enumerate(fields(Counts))}
Cells = Mapping[Cell, int]  # packed counts


def unpacked(packed: int) -> Counts:
    return Counts(*(packed >> _BITS * place & (1 << _BITS) - 1 for place in range(len(UNITS))))


def size_of(packed: int) -> int:
    """Everybody of whom a number is told: verdicts, and void ones."""
    return (packed & (1 << _BITS) - 1) + (packed >> _BITS * (len(UNITS) - 1))


@dataclass(frozen=True, slots=True)
class Question:
    """Which verdicts (both weeks included; None: all), and told by what."""

    group_by: Grouping = "week"
    from_week: str | None = None
    to_week: str | None = None
    brand: bytes | None = None
    category: int | None = None
    method: int | None = None
    authenticator: bytes | None = None

    def filters(self) -> "dict[str, _Filter]":
        """By name, those that choose anything."""
        wanted: dict[str, Label | None] = {name: getattr(self, name) for name in GROUPINGS[1:]}
        found = {name: _Filter(GROUPINGS.index(name), value) for name, value in wanted.items() if value is not None}
        if self.from_week is not None or self.to_week is not None:
            found["weeks"] = _Filter(0, "within", self.from_week or "", self.to_week or "~")
        return found


class _Filter(NamedTuple):
    place: int  # in a Cell
    wanted: Label
    first: str = ""
    last: str = ""

    def label(self, cell: Cell) -> Label:
        """The row that a cell has in the table which this filter chooses one row of."""
        value: Label = cell[self.place]
        if not self.last:
            return value
        return "before" if str(value) < self.first else "after" if str(value) > self.last else "within"


@dataclass(frozen=True, slots=True)
class Row:
    """`counts` None: too few to be told, or hidden so that others stay so."""

    label: Label
    counts: Counts | None


@dataclass(frozen=True, slots=True)
class Table:
    total: Counts | None
    rows: list[Row] = field(default_factory=list)


def count(fates: Iterable[Fate]) -> dict[Cell, int]:
    """Every cell that has a verdict."""
    found: defaultdict[Cell, int] = defaultdict(int)
    for fate in fates:
        word = fate.word
        cell = Cell(week_of(word.recorded_at), word.brand, word.category, word.method, word.organization)
        found[cell] += UNITS["void"] if word.is_void else _unit_of(fate.stands, fate.is_appealed, fate.is_overturned, fate.is_corrected)
    return dict(found)


@lru_cache
def _unit_of(stands: int, is_appealed: bool, is_overturned: bool, is_corrected: bool) -> int:
    """One verdict, packed."""
    return Counts(
        verdicts=1,
        authentic=stands == Outcome.AUTHENTIC,
        not_authentic=stands == Outcome.NOT_AUTHENTIC,
        inconclusive=stands == Outcome.INCONCLUSIVE,
        withdrawn=stands == Outcome.NONE,
        appealed=is_appealed,
        overturned=is_overturned,
        corrected=is_corrected,
    ).packed()


def week_of(seconds: int) -> str:
    """The ISO week in UTC: `2026-W48`. As text they sort as they came."""
    return _week_of_day(seconds // _DAY)


@lru_cache(maxsize=4096)
def _week_of_day(day: int) -> str:
    year, week, _ = datetime.fromtimestamp(day * _DAY, UTC).isocalendar()
    return f"{year:04d}-W{week:02d}"


def tabulate(cells: Cells, question: Question) -> Table:
    """Rows in the order of their labels, weeks that had none left out. What must not be told is None."""
    sieve = _Sieve(cells, question.filters())
    place = GROUPINGS.index(question.group_by)
    groups = _by(sieve.left(sieve.names), lambda cell: cell[place])
    labels = sorted(groups, key=lambda label: (str(type(label)), label))
    if not sieve.is_open(sieve.names):
        return Table(None, [Row(label, None) for label in labels])
    sizes = {label: size_of(groups[label]) for label in labels}
    hidden = hidden_rows(sizes, sieve.closed_elsewhere(place))
    is_alone = bool(labels) and set(labels) == hidden and not _cover_each_other(list(sizes.values()))
    rows = [Row(label, None if label in hidden else unpacked(groups[label])) for label in labels]
    return Table(None if is_alone else unpacked(sum(groups.values())), rows)


def hidden_rows(sizes: Mapping[Label, int], closed: Iterable[Label] = ()) -> set[Label]:
    """The rows that are too small or closed for another reason; and the smallest of the others, where the total would give them away."""
    hidden = {label for label, size in sizes.items() if 0 < size < SMALLEST} | set(closed)
    if hidden and not _cover_each_other([sizes[label] for label in hidden]):
        others = sorted((size, str(label), label) for label, size in sizes.items() if size and label not in hidden)
        hidden |= {label for _, _, label in others[:1]}
    return hidden


def _cover_each_other(sizes: list[int]) -> bool:
    """Whether several hidden rows have a sum that none of them can be told from: enough verdicts, and more than one way to share them."""
    if len(sizes) < 2 or sum(sizes) < SMALLEST:
        return False
    return any(size >= SMALLEST for size in sizes) or len(sizes) < sum(sizes) < len(sizes) * (SMALLEST - 1)


def _by(pairs: Iterable[tuple[Cell, int]], label: Callable[[Cell], Label]) -> dict[Label, int]:
    found: defaultdict[Label, int] = defaultdict(int)
    for cell, packed in pairs:
        found[label(cell)] += packed
    return dict(found)


class _Sieve:
    """What each set of the filters leaves, sifted once."""

    def __init__(self, cells: Cells, filters: Mapping[str, _Filter]) -> None:
        self._filters, self.names = filters, frozenset(filters)
        self._left: dict[frozenset[str], list[tuple[Cell, int]]] = {frozenset(): list(cells.items())}

    def left(self, names: frozenset[str]) -> list[tuple[Cell, int]]:
        if names not in self._left:
            name = min(names)
            one = self._filters[name]
            self._left[names] = [pair for pair in self.left(names - {name}) if one.label(pair[0]) == one.wanted]
        return self._left[names]

    def is_open(self, names: frozenset[str]) -> bool:
        """Whether the verdicts that all these filters leave are told as a row of each table that lacks one of them."""
        if not names:
            size = size_of(sum(packed for _, packed in self.left(names)))
            return size == 0 or size >= SMALLEST
        for name in names:
            one, others = self._filters[name], names - {name}
            sizes = {label: size_of(packed) for label, packed in _by(self.left(others), one.label).items()}
            if one.wanted in hidden_rows(sizes) or not self.is_open(others):
                return False
        return True

    def closed_elsewhere(self, place: int) -> set[Label]:
        """Rows that are hidden in another table they are in too: that of the same row without one of the filters, told by it."""
        closed: set[Label] = set()
        for name, one in self._filters.items():
            sizes: defaultdict[Label, defaultdict[Label, int]] = defaultdict(lambda: defaultdict(int))
            for cell, packed in self.left(self.names - {name}):
                sizes[cell[place]][one.label(cell)] += size_of(packed)
            closed |= {label for label, its in sizes.items() if one.wanted in its and one.wanted in hidden_rows(its)}
        return closed
