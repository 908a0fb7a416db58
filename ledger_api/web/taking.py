"""What a case's page says to whoever has the piece in hand: what is to be photographed, how, and what the last photo was like. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ledger_api.desk.asking import PATIENT_ATTEMPTS
from ledger_api.web.asking import DRAWINGS, PLAIN_DRAWING
from ledger_api.web.languages import Language

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToTake:
    """A detail that has no good photo yet."""

    name: str
    title: Markup
    look: Markup | None  # what to look for on the piece
    hint: Markup  # how to photograph it
    drawing: str
    mark: Markup  # how much it is wanted
    better: Sequence[Markup]  # of the newest photo, where it is not good: what to do better


@dataclass(frozen=True, slots=True)
class Answer:
    """To the photo that was just sent."""

    title: Markup
    is_good: bool
    better: Sequence[Markup]
    is_enough: bool


@dataclass(frozen=True, slots=True)
class Taking:
    shots: Sequence[ToTake]
    before: Markup | None  # what nobody decides without
    answer: Answer | None


def taking(told: Json, language: Language, titles: Mapping[str, Markup], *, taken: str | None) -> Taking:
    """`told` is the case as its door tells it; `taken`: the shot that was just sent."""
    newest = {shot["name"]: shot for shot in told["shots"]}
    wanted = [name for name in told["shot_list"] if name not in newest or name in told["missing"]]
    missing = language.plain(", ").join(titles[name] for name in told["missing"])
    last = None if taken is None else newest.get(taken)
    return Taking(
        shots=[_to_take(name, newest.get(name), told, titles[name], language) for name in wanted],
        before=language.say("appraise.before_deciding", shots=missing) if missing else None,
        answer=None if last is None or last["name"] not in titles else _answer(last, titles[last["name"]], language),
    )


def _to_take(name: str, shot: Json | None, told: Json, title: Markup, language: Language) -> ToTake:
    look, hint = f"appraise.look_{name}", f"shot.{name}_hint"
    mark = "optional" if name not in told["missing"] else "missing" if shot is None else "poor"
    return ToTake(
        name=name,
        title=title,
        look=language.say(look) if language.knows(look) else None,
        hint=language.say(hint if language.knows(hint) else "shot.detail_hint"),
        drawing=name if name in DRAWINGS else PLAIN_DRAWING,
        mark=language.say(f"ask_mark.{mark}"),
        better=[] if shot is None else _better(shot, language),
    )


def _answer(shot: Json, title: Markup, language: Language) -> Answer:
    is_good = shot["state"] == "good"
    return Answer(title, is_good, [] if is_good else _better(shot, language), not is_good and shot["attempt"] >= PATIENT_ATTEMPTS)


def _better(shot: Json, language: Language) -> list[Markup]:
    codes = [one["code"] for one in shot["quality"].get("defects", ())]
    return [language.say(f"better.{code}") for code in codes if language.knows(f"better.{code}")]
