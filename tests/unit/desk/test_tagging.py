"""A classifier that the operator brings is really loaded and really asked; one that does not fit is refused when it is opened."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from benchmarks.photos import Pixels, jpeg
from ledger_api.desk import screening
from ledger_api.desk.errors import ModelUnusable
from ledger_api.desk.policy import default
from ledger_api.desk.tagging import Tagger

LABELS = ("colour:red", "colour:blue", "weapon")


def model(folder: Path, labels: Sequence[str] = LABELS, *, taken: int = TensorProto.FLOAT, **terms: object) -> Path:
    """A tiny one: the mean of each colour, of which green stands for weapons. `taken`: the numbers that it takes; whole ones up to 255."""
    folder.mkdir(exist_ok=True)
    picture = helper.make_tensor_value_info("picture", taken, [1, 3, 16, 16])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 3])
    order = helper.make_tensor("order", TensorProto.INT64, [3], [0, 2, 1])
    axes = helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3])
    most = helper.make_tensor("most", TensorProto.FLOAT, [], [255.0 if taken == TensorProto.UINT8 else 1.0])
    nodes = [
        helper.make_node("Cast", ["picture"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["cast", "most"], ["shares"]),
        helper.make_node("ReduceMean", ["shares", "axes"], ["means"], keepdims=0),
        helper.make_node("Gather", ["means", "order"], ["scores"], axis=1),
    ]
    graph = helper.make_graph(nodes, "tiny", [picture], [scores], [order, axes, most])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(made)
    onnx.save(made, str(folder / "model.onnx"))
    (folder / "labels.txt").write_text("\n".join(labels))
    (folder / "model.json").write_text(json.dumps({"width": 16, "height": 16} | terms))
    return folder


def plain(red: int, green: int, blue: int) -> bytes:
    pixels: Pixels = np.full((240, 320, 3), (red, green, blue), np.uint8)
    return jpeg(pixels)


def test_what_the_model_is_sure_of_becomes_tags_under_its_hash(tmp_path: Path) -> None:
    tagger = Tagger(model(tmp_path))

    said = tagger.tags(plain(230, 20, 20))

    assert [tag.label for tag in said] == ["colour:red"] and 0.85 < said[0].score < 0.95
    assert tagger.version == Tagger(model(tmp_path)).version != Tagger(model(tmp_path / "other", least=0.4)).version


@pytest.mark.parametrize("taken", [TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.UINT8])
def test_a_model_is_fed_the_numbers_that_it_takes(tmp_path: Path, taken: int) -> None:
    said = Tagger(model(tmp_path, taken=taken)).tags(plain(230, 20, 20))

    assert [tag.label for tag in said] == ["colour:red"] and 0.85 < said[0].score < 0.95


@pytest.mark.parametrize(
    ("taken", "terms", "why"), [(TensorProto.UINT8, {"scale": 127.5}, "pixels as they are"), (TensorProto.INT64, {}, "tensor(int64)")]
)
def test_a_model_that_takes_other_numbers_is_refused(tmp_path: Path, taken: int, terms: dict[str, object], why: str) -> None:
    with pytest.raises(ModelUnusable) as told:
        Tagger(model(tmp_path, taken=taken, **terms))

    assert why in str(told.value.facts["why"])


def test_scores_that_are_logits_become_shares_of_one(tmp_path: Path) -> None:
    tagger = Tagger(model(tmp_path, softmax=True, least=0.0))

    assert sum(tag.score for tag in tagger.tags(plain(230, 20, 20))) == pytest.approx(1, abs=1e-3)


def test_colours_go_in_as_the_terms_say(tmp_path: Path) -> None:
    tagger = Tagger(model(tmp_path, mean=[0.5, 0.0, 0.0], std=[0.5, 1.0, 1.0]))

    assert [tag.label for tag in tagger.tags(plain(180, 20, 20))] == []
    assert [tag.label for tag in tagger.tags(plain(250, 20, 20))] == ["colour:red"]


@pytest.mark.parametrize(
    ("file", "body", "why"),
    [
        ("model.onnx", b"not a model", "model.onnx"),
        ("labels.txt", b"one\ntwo", "no output"),
        ("labels.txt", b"", "no label"),
        ("labels.txt", b"\xff\xfe", "utf-8"),
        ("model.json", b'{"width": 0}', "width"),
        ("model.json", b'{"width": 32, "height": 32}', "does not take"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_when_it_is_opened(tmp_path: Path, file: str, body: bytes, why: str) -> None:
    folder = model(tmp_path)
    (folder / file).write_bytes(body)

    with pytest.raises(ModelUnusable) as told:
        Tagger(folder)

    assert why in str(told.value.facts["why"])


def test_a_folder_that_is_not_there_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable):
        Tagger(tmp_path / "nowhere")


def test_what_the_policy_prohibits_is_flagged_and_the_rest_fills_the_case(tmp_path: Path) -> None:
    tagger = Tagger(model(tmp_path))

    told = screening.screen(tagger, [plain(230, 20, 20), plain(10, 250, 10), plain(20, 20, 200)], default())

    assert told.state == "flagged" and [(flag.photo, flag.label) for flag in told.flags] == [(1, "weapon")]
    assert told.tags == {"colour": "red"} and told.version == tagger.version
    assert screening.screen(tagger, [plain(230, 20, 20)], default()).state == "clear"


def test_without_a_model_the_check_is_off() -> None:
    assert screening.screen(None, [plain(1, 250, 1)], default()) == screening.Screened("off", "", {}, ())


def test_a_prohibited_word_is_meant_in_every_group() -> None:
    assert [default().prohibits(label) for label in ("weapon", "thing:weapon", "colour:red", "weaponry")] == [True, True, False, False]
