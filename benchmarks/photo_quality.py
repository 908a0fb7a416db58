"""How well the measures of `desk/quality.py` tell good photos from spoiled ones, defect by defect.

    python -m benchmarks.photo_quality                 precision and recall on pictures that set nothing
    python -m benchmarks.photo_quality --calibrate     the thresholds that the other pictures suggest

A picture is drawn (benchmarks/photos.py), and spoiled by each defect in strengths from just noticeable to useless. A defect is *found* when
its code is among those answered; a good picture with any defect is a false alarm, and so is a code on a picture spoiled otherwise.
"""

import sys
from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.figures import Figure
from benchmarks.photos import DEFECTS, degrade, draw
from ledger_api.desk import quality
from ledger_api.desk.quality import Quality

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
CATEGORIES = ("handbag", "watch", "shoes", "scarf", "jewellery")
SIZE = (1024, 816)  # of what is cut off enough pixels are left
SET_BY, TOLD_OF = range(1_000, 1_040), range(2_000, 2_060)
CODES = {"moved": ("moved", "blurred"), "blurred": ("blurred", "moved")}  # either sends the asker back to hold still
MEASURE = {  # "too-few-pixels" is counted, and its limit decided
    "blurred": "sharpness",
    "moved": "sharpness",
    "too-dark": "brightness",
    "too-bright": "brightness",
    "glare": "glare",
    "too-far": "subject",
    "cut-off": "margin",
}


def pictures(seeds: Sequence[int]) -> Iterator[tuple[str, float, Quality]]:
    """(defect or "good", strength, what was measured)"""
    for seed in seeds:
        drawn = draw(seed, category=CATEGORIES[seed % len(CATEGORIES)], size=SIZE)
        yield "good", 0.0, quality.look(drawn)
        for defect in DEFECTS:
            strength = STRENGTHS[(seed // len(CATEGORIES)) % len(STRENGTHS)]
            yield defect, strength, quality.look(degrade(drawn, defect, strength=strength, seed=seed))


def scores(seen: Sequence[tuple[str, float, Quality]]) -> dict[str, tuple[float, float, int]]:
    """By defect: precision, recall, how many pictures had it."""
    told = {}
    for defect in DEFECTS:
        codes = CODES.get(defect, (defect,))
        also = {other for other in DEFECTS if CODES.get(other, (other,))[0] in codes}  # blurred and moved count for each other
        found = [(kind, bool({one.code for one in measured.defects} & set(codes))) for kind, _, measured in seen]
        right = sum(is_found for kind, is_found in found if kind == defect)
        wrong = sum(is_found for kind, is_found in found if kind != defect and kind not in also)
        total = sum(kind == defect for kind, _ in found)
        told[defect] = (right / (right + wrong) if right + wrong else 0.0, right / total, total)
    return told


def measure() -> list[Figure]:
    seen = list(pictures(TOLD_OF))
    told = scores(seen)
    good = [measured for kind, _, measured in seen if kind == "good"]
    alarms = sum(bool(measured.defects) for measured in good)
    said = " · ".join(f"{defect} {precision:.2f}/{recall:.2f}" for defect, (precision, recall, _) in told.items())
    worst = min(min(precision, recall) for precision, recall, _ in told.values())
    return [
        Figure(
            name="quality_precision_recall",
            value=round(worst, 3),
            unit="worst of all",
            bar="≥ 0.8",
            note=f"precision/recall: {said}; {len(good)} pictures of each, from just noticeable to useless; "
            f"false alarms on good ones {alarms} of {len(good)}; drawn pictures, seeds apart from those that set the thresholds",
        )
    ]


def calibrate() -> None:
    """For each defect the threshold half way between good pictures and just noticeable ones, by their medians of the worst tenth."""
    seen = list(pictures(SET_BY))
    for defect, name in MEASURE.items():
        good = sorted(getattr(measured, name) for kind, _, measured in seen if kind == "good")
        bad = sorted(getattr(measured, name) for kind, _, measured in seen if kind == defect)
        is_low = median(bad) < median(good)
        near_good = good[len(good) // 20] if is_low else good[-1 - len(good) // 20]
        near_bad = bad[-1 - len(bad) // 20] if is_low else bad[len(bad) // 20]
        print(f"{defect}: {name} of good ones {near_good:.4f}, of spoiled ones {near_bad:.4f}, half way {(near_good + near_bad) / 2:.4f}")
    print("direction of blurred and moved ones:")
    for kind in ("blurred", "moved"):
        directions = sorted(measured.direction for defect, _, measured in seen if defect == kind)
        print(f"  {kind}: {directions[0]:.2f} to {directions[-1]:.2f}, median {median(directions):.2f}")


if __name__ == "__main__":
    if "--calibrate" in sys.argv:
        calibrate()
    else:
        from benchmarks.figures import keep

        figures = measure()
        keep(figures)
        print(figures[0].note)
