"""A set of drawn photos, always the same for the same words: `python scripts/make_photos.py FOLDER --count 20 --seed 1 --category watch`.

`--defect blurred --strength 0.8` spoils each by a known amount, from 0 (just noticeable) to 1 (useless). Photo n of a set is photo 0 of the
set whose seed is n higher, so sets of seeds far enough apart share none. What is drawn, and what it cannot stand for: benchmarks/photos.py.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.photos import DEFECTS, degrade, draw, jpeg  # beside the package, which is not installed


def main(words: Sequence[str] | None = None) -> None:
    asked = _parser().parse_args(words)
    asked.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(asked.seed, asked.seed + asked.count):
        picture = draw(seed, category=asked.category, shot=asked.shot, size=asked.size)
        name = f"{asked.category}-{seed}"
        if asked.defect is not None:
            picture, name = degrade(picture, asked.defect, strength=asked.strength, seed=seed), f"{name}-{asked.defect}"
        (asked.folder / f"{name}.jpg").write_bytes(jpeg(picture))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Draw a set of photos, always the same for the same words.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--category", default="handbag", help="watch and jewellery are round")
    parser.add_argument("--shot", default="front", help="logo and serial have large letters")
    parser.add_argument("--size", type=_size, default=(1200, 900), metavar="WIDTHxHEIGHT")
    parser.add_argument("--defect", choices=DEFECTS)
    parser.add_argument("--strength", type=_strength, default=0.5)
    return parser


def _size(word: str) -> tuple[int, int]:
    width, height = word.split("x")
    return int(width), int(height)


def _strength(word: str) -> float:
    strength = float(word)
    if not 0 <= strength <= 1:
        raise ValueError(word)
    return strength


if __name__ == "__main__":
    main()
