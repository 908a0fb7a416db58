"""The recipe of docs/screening.md, run as it stands: what it exports is what the desk opens."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.photos import Pixels, jpeg
from ledger_api.desk.tagging import Tagger
from scripts.train_screening import main


def picture(colour: tuple[int, int, int], seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(-25, 26, (48, 64, 3))
    pixels: Pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    return jpeg(pixels)


@pytest.mark.parametrize("labels", [("colour=blue", "colour=red"), ("colour=blue", "colour=red", "weapon")])
def test_a_model_that_was_trained_from_a_folder_is_opened_and_tells_its_labels_apart(
    tmp_path: Path, labels: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    colours = ((30, 40, 210), (210, 40, 30), (40, 200, 40))[: len(labels)]
    for label, colour in zip(labels, colours, strict=True):
        (tmp_path / "pictures" / label).mkdir(parents=True)
        for number in range(20):
            (tmp_path / "pictures" / label / f"{number}.jpg").write_bytes(picture(colour, number))

    main(tmp_path / "pictures", tmp_path / "model")

    tagger = Tagger(tmp_path / "model")
    told = capsys.readouterr().out.splitlines()
    said = [[tag.label for tag in tagger.tags(picture(colour, 99))] for colour in colours]
    assert said == [[label.replace("=", ":")] for label in labels] == [[label] for label in tagger.labels]
    assert [line.partition(":")[0] for line in told] == [label.partition("=")[0] for label in labels]
    assert all("precision 1.00, recall 1.00 of 6 held out" in line for line in told)
