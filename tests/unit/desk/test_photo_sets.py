"""`scripts/make_photos.py`: the photos that tests and measurements are made with can be made again, to the byte."""

from pathlib import Path

import pytest

from ledger_api.desk.quality import look
from scripts import make_photos

SMALL = ("--size", "320x240", "--category", "watch")


def made(folder: Path, *words: str) -> dict[str, bytes]:
    make_photos.main([str(folder), *SMALL, *words])
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("spoiled", [(), ("--defect", "glare", "--strength", "0.8")], ids=["good", "spoiled"])
def test_the_same_words_make_the_same_photos_to_the_byte(tmp_path: Path, spoiled: tuple[str, ...]) -> None:
    first, second = (made(tmp_path / name, "--count", "3", "--seed", "5", *spoiled) for name in "ab")

    assert first == second and len(set(first.values())) == 3


def test_sets_share_the_photos_of_the_seeds_that_they_share(tmp_path: Path) -> None:
    first, second = made(tmp_path / "a", "--count", "3", "--seed", "5"), made(tmp_path / "b", "--count", "3", "--seed", "7")

    assert {name for name in first if first[name] == second.get(name)} == {"watch-7.jpg"}


def test_a_spoiled_set_is_spoiled(tmp_path: Path) -> None:
    photos = made(tmp_path, "--count", "2", "--size", "1200x900", "--defect", "too-dark", "--strength", "1")

    assert sorted(photos) == ["watch-1-too-dark.jpg", "watch-2-too-dark.jpg"]
    assert all("too-dark" in {one.code for one in look(photo).defects} for photo in photos.values())


@pytest.mark.parametrize("words", [("--strength", "2"), ("--size", "wide"), ("--defect", "dull")])
def test_words_that_mean_nothing_are_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        made(tmp_path / "none", *words)

    assert not (tmp_path / "none").exists()
