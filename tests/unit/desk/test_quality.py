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


def test_what_is_cut_off_says_so_at_whichever_side_and_nothing_else() -> None:
    cut = degrade(draw(12), "cut-off", strength=0.4, seed=1)

    assert [[one.code for one in look(np.ascontiguousarray(np.rot90(cut, turn))).defects] for turn in range(4)] == [["cut-off"]] * 4


@pytest.mark.parametrize("band", [(320, 440), (0, 0)], ids=["a zip from edge to edge", "grain all around"])
def test_a_detail_that_fills_the_frame_is_not_cut_off(band: tuple[int, int]) -> None:
    grain = cv2.resize(np.random.default_rng(3).normal(0, 1, (128, 170)).astype(np.float32), (1024, 768), interpolation=cv2.INTER_CUBIC)
    leather = np.clip(np.array((150, 96, 60)) + 22 * grain[..., None], 0, 255).astype(np.uint8)
    leather[slice(*band)] //= 3
    cv2.putText(leather, "ORO", (400, 420), cv2.FONT_HERSHEY_DUPLEX, 4, (240, 220, 180), 8, cv2.LINE_AA)

    seen = look(leather)

    assert seen.margin < 0.1 and "cut-off" not in {one.code for one in seen.defects}


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
