"""A small classifier for the desk's photos, from a folder of labelled pictures: `python scripts/train_screening.py PICTURES MODEL`.

PICTURES has one folder per label; `=` in a name stands for `:` (`category=watch`). A logistic regression on 24 × 24 pixels is exported as
the folder that LEDGER_DESK_MODEL names. Three of ten pictures of each label are held out; precision and recall are of those alone.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_fscore_support
from sklearn.model_selection import train_test_split

SIDE, HELD_OUT, SEED = 24, 0.3, 7


def main(pictures: Path, target: Path) -> None:
    folders = sorted(folder for folder in pictures.iterdir() if folder.is_dir())
    labels = [folder.name.replace("=", ":") for folder in folders]
    read = [(_pixels(path), number) for number, folder in enumerate(folders) for path in sorted(folder.iterdir())]
    inputs, wanted = np.stack([one for one, _ in read]), np.array([number for _, number in read])
    learn, test, learned, tested = train_test_split(inputs, wanted, test_size=HELD_OUT, random_state=SEED, stratify=wanted)
    fitted = LogisticRegression(C=0.02, max_iter=2_000, random_state=SEED).fit(learn, learned)
    told = fitted.predict(test)
    precision, recall, _, count = precision_recall_fscore_support(tested, told, labels=range(len(labels)), zero_division=0)
    for label, right, found, held in zip(labels, precision, recall, count, strict=True):
        print(f"{label}: precision {right:.2f}, recall {found:.2f} of {held} held out")
    _export(target, labels, *_weights(fitted, len(labels)))


def _pixels(path: Path) -> NDArray[np.float32]:
    """As `tagging.Tagger` will feed them: planes of red, green, blue, from 0 to 1."""
    decoded = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert decoded is not None, f"{path} is no picture"
    small = cv2.resize(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small.astype(np.float32) / 255, np.float32).transpose(2, 0, 1).ravel()


def _weights(fitted: LogisticRegression, labels: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One row for each label, two labels included, of which the library keeps one."""
    weights, bias = fitted.coef_, fitted.intercept_
    if labels == 2:
        weights, bias = np.concatenate([np.zeros_like(weights), weights]), np.concatenate([np.zeros_like(bias), bias])
    return weights.astype(np.float32), bias.astype(np.float32)


def _export(target: Path, labels: list[str], weights: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    nodes = [
        helper.make_node("Flatten", ["picture"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "bias"], ["raw"], transB=1),
        helper.make_node("Softmax", ["raw"], ["scores"], axis=1),
    ]
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, len(labels)])
    kept = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")]
    graph = helper.make_graph(nodes, "screening", [picture], [scores], kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, str(target / "model.onnx"))
    (target / "labels.txt").write_text("\n".join(labels) + "\n", encoding="utf-8")
    (target / "model.json").write_text(json.dumps({"width": SIDE, "height": SIDE}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
