"""Statistics of verdicts as a visitor reads them: figures in words, charts as plain SVG that stretches with the page. Pure.

A chart holds no text: its words stand beside it in HTML, where every language and every screen can set them, and its numbers stand again
in a table. Nothing is drawn for what is hidden but a mark that something is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from markupsafe import Markup

from ledger_api.statistics.overturns import Rate, wilson
from ledger_api.statistics.telling import key_of
from ledger_api.statistics.verdicts import Counts, Label, Row, Table
from ledger_api.web.languages import Language

MOST_WEEKS = 53
MOST_ROWS = 24
_TOPS = (0.1, 0.25, 0.5, 1.0)  # of an axis of shares
_STEP = 10  # of one week in a chart, whose height is 100
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers as a language writes them: its text shows how it would one thousand two hundred thirty-four and a half."""

    language: Language

    def number(self, value: int) -> str:
        return f"{value:,}".replace(",", self.language.texts["counting.number"][1])

    def percent(self, share: float) -> str:
        return f"{100 * share:.1f}".replace(".", self.language.texts["counting.number"][-2])

    def end(self, share: float) -> str:
        """Where an axis ends: no more digits than it needs."""
        return f"{100 * share:g}".replace(".", self.language.texts["counting.number"][-2])

    def week(self, week: str) -> Markup:
        monday = _monday(week)
        return self.language.say("counting.week", number=monday.isocalendar().week, date=_written(monday, self.language))


@dataclass(frozen=True, slots=True)
class Told:
    """One group: its numbers in words, its rate as a picture. `rate` None: there is none, or it is hidden."""

    name: Markup
    verdicts: str | None
    rate: str | None
    reach: Markup | None
    notes: Sequence[Markup]
    picture: Markup | None


@dataclass(frozen=True, slots=True)
class Section:
    grouping: str
    rows: Sequence[Told]
    more: int  # that are not shown
    top: str
    chart: "Chart | None" = None


@dataclass(frozen=True, slots=True)
class Chart:
    """Of weeks: how many, and which share. `first` and `last` in words."""

    shares: Markup
    columns: Markup
    top: str
    middle: str
    most: str
    first: Markup
    last: Markup
    text: Markup


def make_total(counts: Counts | None, language: Language) -> Told | None:
    """None: hidden."""
    if counts is None:
        return None
    return _told(Row("", counts), Markup(""), language, _top([counts]))


def make_section(grouping: str, table: Table, names: Mapping[bytes, str], language: Language) -> Section:
    """Weeks as they came, newest first; everything else by size."""
    if grouping == "week":
        return _weeks(table, language)
    ordered = sorted(table.rows, key=lambda row: (row.counts is None, -(row.counts.verdicts if row.counts else 0), str(row.label)))
    shown = ordered[:MOST_ROWS]
    top = _top([row.counts for row in shown])
    rows = [_told(row, name_of(row.label, grouping, names, language), language, top) for row in shown]
    return Section(grouping, rows, len(ordered) - len(shown), Figures(language).end(top))


def name_of(label: Label, grouping: str, names: Mapping[bytes, str], language: Language) -> Markup:
    """A row's name for people."""
    if isinstance(label, bytes):
        return Markup("<bdi>{}</bdi>").format(names.get(label) or language.say("organization.unnamed"))
    key = key_of(label, grouping)
    if grouping == "week":
        return Figures(language).week(key)
    return language.say(f"counting.{key}" if language.knows(f"counting.{key}") else "counting.unspecified")


def _weeks(table: Table, language: Language) -> Section:
    shown = table.rows[-MOST_WEEKS:]
    counts = [row.counts for row in shown]
    top = _top(counts)
    rows = [_told(row, Figures(language).week(str(row.label)), language, top) for row in reversed(shown)]
    chart = _chart(shown, top, language) if len(shown) > 1 else None
    return Section("week", rows, len(table.rows) - len(shown), Figures(language).end(top), chart)


def _told(row: Row, name: Markup, language: Language, top: float) -> Told:
    counts, figures = row.counts, Figures(language)
    if counts is None:
        return Told(name, None, None, None, [], None)
    rate = wilson(counts.not_authentic, counts.concluded)
    reach = None if rate is None else _reach(rate, counts, figures)
    beside = ("inconclusive", "appealed", "overturned", "corrected", "withdrawn", "void")
    notes = [language.say(f"counting.with_{one}", count=figures.number(getattr(counts, one))) for one in beside if getattr(counts, one)]
    shown = None if rate is None else figures.percent(rate.value)
    return Told(name, figures.number(counts.verdicts), shown, reach, notes, None if rate is None else _whisker(rate, top))


def _reach(rate: Rate, counts: Counts, figures: Figures) -> Markup:
    low, high = figures.percent(rate.low), figures.percent(rate.high)
    return figures.language.say("counting.reach", low=low, high=high, of=figures.number(counts.concluded))


# --- pictures ----------------------------------------------------------------------------------------------------------


def _whisker(rate: Rate, top: float) -> Markup:
    """A share with its interval, on an axis from nothing to `top`."""
    low, value, high = (_place(share, top) for share in (rate.low, rate.value, rate.high))
    body = f'<path class="axis" d="M0 6H100"/><path class="reach" d="M{low} 6H{high}"/><path class="dot" d="M{value} 6h0"/>'
    return Markup('<svg class="whisker" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">{}</svg>').format(Markup(body))


def _chart(rows: Sequence[Row], top: float, language: Language) -> Chart:
    by_week = {str(row.label): row.counts for row in rows}
    weeks = _weeks_between(str(rows[0].label), str(rows[-1].label))
    most = max((counts.verdicts for counts in by_week.values() if counts), default=0) or 1
    placed = [(_STEP * place + _STEP / 2, by_week[week]) for place, week in enumerate(weeks) if week in by_week]
    figures, width = Figures(language), _STEP * len(weeks)
    first, last = (_written(_monday(week), language) for week in (weeks[0], weeks[-1]))
    return Chart(
        shares=_svg("shares", width, _grid(width) + "".join(_share(x, counts, top) for x, counts in placed), language),
        columns=_svg("columns", width, "".join(_column(x, counts, most) for x, counts in placed), language),
        top=figures.end(top),
        middle=figures.end(top / 2),
        most=figures.number(most),
        first=first,
        last=last,
        text=language.say("counting.chart_text", first=first, last=last),
    )


def _svg(what: str, width: int, body: str, language: Language) -> Markup:
    return Markup(
        '<svg class="{what}" viewBox="0 0 {width} 100" preserveAspectRatio="none" role="img" aria-labelledby="chart-{what}">'
        '<title id="chart-{what}">{title}</title>{body}</svg>'
    ).format(what=what, width=width, title=language.say(f"counting.chart_{what}"), body=Markup(body))  # numbers alone


def _grid(width: int) -> str:
    return "".join(f'<path class="axis" d="M0 {y}H{width}"/>' for y in (0, 50, 100))


def _share(x: float, counts: Counts | None, top: float) -> str:
    if counts is None:
        return f'<path class="unsaid" d="M{x} 100V92"/>'
    rate = wilson(counts.not_authentic, counts.concluded)
    if rate is None:
        return ""
    low, value, high = (round(100 - _place(share, top), 2) for share in (rate.low, rate.value, rate.high))
    return f'<path class="reach" d="M{x} {low}V{high}"/><path class="dot" d="M{x} {value}h0"/>'


def _column(x: float, counts: Counts | None, most: int) -> str:
    """From the ground: authentic, not authentic, without a conclusion."""
    if counts is None:
        return f'<path class="unsaid" d="M{x} 100V92"/>'
    parts = (("sound", counts.authentic), ("fake", counts.not_authentic), ("open", counts.inconclusive + counts.withdrawn))
    drawn, ground = [], 0
    for name, count in parts:
        height = round(100 * count / most, 2)
        top = round(100 - 100 * (ground + count) / most, 2)
        drawn.append(f'<rect class="{name}" x="{x - 0.4 * _STEP:g}" y="{top}" width="{0.8 * _STEP:g}" height="{height}"/>' if count else "")
        ground += count
    return "".join(drawn)


def _top(counts: Sequence[Counts | None]) -> float:
    """Where an axis of shares ends: the least round number that every interval fits below."""
    rates = [rate for one in counts if one is not None and (rate := wilson(one.not_authentic, one.concluded)) is not None]
    highest = max((rate.high for rate in rates), default=0.0)
    return next(top for top in _TOPS if highest <= top)


def _place(share: float, top: float) -> float:
    return round(100 * share / top, 2)


def _monday(week: str) -> date:
    year, number = week.split("-W")
    return date.fromisocalendar(int(year), int(number), 1)


def _weeks_between(first: str, last: str) -> list[str]:
    found, monday, end = list[str](), _monday(first), _monday(last)
    while monday <= end:
        year, number, _ = monday.isocalendar()
        found.append(f"{year:04d}-W{number:02d}")
        monday += _WEEK
    return found


def _written(monday: date, language: Language) -> Markup:
    return Markup.escape(language.date(datetime(monday.year, monday.month, monday.day, tzinfo=UTC)))
