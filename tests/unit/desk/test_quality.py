"""What a machine says of one photo: nothing of a good one, and of a spoiled one what to do better."""

import cv2
import numpy as np
import pytest

from benchmarks.photos import DEFECTS, degrade, draw, jpeg
from ledger_api.desk.quality import VERSION, look

SEEDS = (11, 12, 14)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_good_photo_has_no_defect(seed: int) -> None:
    assert look(jpeg(draw(seed))).defects == ()


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_spoiled_one_says_how(seed: int, defect: str) -> None:
    seen = look(jpeg(degrade(draw(seed), defect, strength=0.8, seed=seed)))

    codes = {one.code for one in seen.defects}
    assert codes & ({"blurred", "moved"} if defect in ("blurred", "moved") else {defect})


def test_a_picture_with_few_pixels_says_so_whatever_else_is_good() -> None:
    assert "too-few-pixels" in {one.code for one in look(jpeg(draw(11, size=(640, 480)))).defects}


def test_measures_hardly_depend_on_how_many_pixels_the_camera_has() -> None:
    whole = draw(12, size=(1600, 1200))
    small, large = look(whole), look(np.asarray(cv2.resize(whole, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), np.uint8))

    assert small.defects == large.defects == ()
    assert abs(small.brightness - large.brightness) < 0.05 and abs(small.subject - large.subject) < 0.1


def test_what_is_kept_has_the_version_and_the_limits() -> None:
    told = look(degrade(draw(11), "too-dark", strength=1)).as_json()

    assert told["version"] == VERSION
    assert next(one for one in told["defects"] if one["code"] == "too-dark")["measured"] < told["defects"][0]["limit"]
