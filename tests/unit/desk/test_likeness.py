"""Two photos of one picture are told from two pictures, and how the one was made from the other."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from benchmarks.photo_reuse import picture
from benchmarks.photos import Pixels, draw, jpeg
from benchmarks.reworking import CHANGES, changed
from ledger_api.desk import likeness
from ledger_api.desk.likeness import Likeness

FIRST, SECOND = (draw(seed, shot="logo", size=(600, 450)) for seed in (801, 802))


def looked_for(photo: bytes, other: bytes, *, is_mirrored: bool = False) -> Likeness | None:
    mine, theirs = likeness.without_grid(likeness.read(photo)), likeness.read(other)
    if is_mirrored:
        mine = likeness.mirrored(mine)
    lay = likeness.align(likeness.marks(mine, most=likeness.ASKED_MARKS), likeness.marks(theirs))
    return None if lay is None else likeness.compare(likeness.fine(mine), theirs, lay)


@pytest.mark.parametrize(
    ("change", "how"), [("recompressed", "copy"), ("resized", "copy"), ("crop", "crop"), ("screen", "reworked"), ("turned", "reworked")]
)
def test_a_picture_that_was_changed_is_the_same_picture(change: str, how: str) -> None:
    found = looked_for(changed(FIRST, change, seed=1), jpeg(FIRST))

    assert found is not None and found.how == how


def test_a_mirrored_picture_is_found_in_the_mirror_alone() -> None:
    body = changed(FIRST, "mirror", seed=1)

    straight, in_the_mirror = looked_for(body, jpeg(FIRST)), looked_for(body, jpeg(FIRST), is_mirrored=True)

    assert straight is None and in_the_mirror is not None and in_the_mirror.how == "copy"


def test_the_same_letters_on_another_bag_are_no_match() -> None:
    other = SECOND.copy()
    other[180:270, 120:480] = FIRST[180:270, 120:480]  # the plate with the name, cut out and put on

    assert looked_for(jpeg(other), jpeg(FIRST)) is None


def test_the_grid_of_a_screen_is_taken_off_and_what_has_none_is_left_as_it_is() -> None:
    plain = likeness.read(jpeg(FIRST))
    across = np.arange(plain.shape[1])[None, :]
    gridded = np.clip(plain * (1 + 0.08 * np.sin(2 * np.pi * 0.234 * across)), 0, 255).astype(np.uint8)

    cleared = likeness.without_grid(gridded)

    def off(grey: likeness.Grey) -> float:
        return float(np.abs(grey.astype(float) - plain).mean())

    assert off(cleared) < off(gridded) / 4
    assert all(likeness.without_grid(grey) is grey for grey in (plain, likeness.read(changed(FIRST, "recompressed", seed=1))))


@pytest.mark.parametrize("number", [47, 287, 527, 1227])
def test_a_screen_whose_beat_lies_over_plain_ground_shows_the_same_picture(number: int) -> None:
    small = picture(number)

    found = looked_for(changed(small, "screen", seed=number), jpeg(small, quality=92))

    assert found is not None and found.how == "reworked" and found.like > 0.9


@pytest.mark.parametrize(
    ("change", "number", "other", "is_mirrored"),
    [("screen", 3172, 298, False), ("turned", 3061, 1720, True), ("close-crop", 2437, 820, False)],
    ids=["one name on two round bags", "two round bags with a name each", "the plate alone"],
)
def test_bags_that_were_taken_for_each_other_are_told_apart(change: str, number: int, other: int, is_mirrored: bool) -> None:
    assert looked_for(changed(picture(number), change, seed=number), jpeg(picture(other), quality=92), is_mirrored=is_mirrored) is None


def test_a_woven_photo_is_found_again_though_its_weave_is_taken_for_a_grid() -> None:
    across = np.arange(FIRST.shape[1])[None, :, None]
    woven = np.clip(FIRST * (1 + 0.1 * np.sin(2 * np.pi * 0.2 * across)), 0, 255).astype(np.uint8)
    grey = likeness.read(jpeg(woven))

    found = looked_for(changed(woven, "recompressed", seed=1), jpeg(woven))

    assert likeness.without_grid(grey) is not grey and found is not None and found.how == "copy"


@pytest.mark.parametrize("make", [lambda: np.full((300, 400, 3), 120, np.uint8), lambda: np.zeros((300, 400, 3), np.uint8)])
def test_an_empty_picture_is_like_nothing(make: Callable[[], Pixels]) -> None:
    plain = jpeg(make())

    assert looked_for(plain, jpeg(FIRST)) is None and looked_for(plain, plain) is None


def test_marks_are_the_same_each_time_and_near_after_recompression() -> None:
    grey = likeness.read(jpeg(FIRST))
    again = likeness.read(jpeg(FIRST, quality=50))

    first, second, after = likeness.marks(grey), likeness.marks(grey), likeness.marks(again)

    assert (first.hashes == second.hashes).all() and len(first.hashes) == likeness.MOST_MARKS + 1
    assert (likeness.differing(first.hashes, after.hashes).min(axis=1) <= likeness.NEAR).mean() > 0.5


def test_bands_are_the_hash_in_four_parts() -> None:
    hashes = np.array([0x0001_8000_FFFF_1234], np.uint64)

    assert likeness.bands(hashes).tolist() == [[0x0001, 0x8000, 0xFFFF, 0x1234]]


def test_every_change_that_is_measured_makes_a_photo() -> None:
    for change in CHANGES:
        assert cv2.imdecode(np.frombuffer(changed(FIRST, change, seed=3), np.uint8), cv2.IMREAD_COLOR) is not None


def test_what_is_no_photo_is_no_picture() -> None:
    with pytest.raises(ValueError, match="no photo"):
        likeness.read(b"nothing")
