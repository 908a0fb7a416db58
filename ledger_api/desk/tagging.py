"""What is on a photo, in the words of a classifier that the operator brings: a folder with `model.onnx` and `labels.txt`.

`labels.txt` has one label a line, in the order of the scores: `category:handbag`, `colour:red`, or a plain word such as `animal`.
`model.json` may say how pictures go in and scores come out (`Terms`). None is bundled and none is fetched. The version of a result is the
hash of all three files.
How to make one: docs/screening.md.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ledger_api.desk.errors import ModelUnusable

LONGEST_LABEL = 64
TAKEN = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64, "tensor(uint8)": np.uint8}
Three = Annotated[list[float], Field(min_length=3, max_length=3)]


class Terms(BaseModel):
    """A pixel goes in as (value / scale - mean) / std, colours in the order red, green, blue; into a model of whole numbers as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    width: Annotated[int, Field(ge=8, le=2048)] = 224
    height: Annotated[int, Field(ge=8, le=2048)] = 224
    layout: Literal["nchw", "nhwc"] = "nchw"
    scale: Annotated[float, Field(gt=0)] = 255.0
    mean: Three = [0.0, 0.0, 0.0]
    std: Three = [1.0, 1.0, 1.0]
    softmax: bool = False  # the model gives logits, not probabilities
    least: Annotated[float, Field(ge=0, le=1)] = 0.5  # score from which a label is said


@dataclass(frozen=True, slots=True)
class Tag:
    label: str
    score: float


class Tagger:
    """Opened once per process. Safe to ask from several threads."""

    def __init__(self, folder: Path) -> None:
        """Raises ModelUnusable: and what is wrong with the folder."""
        import onnxruntime  # type: ignore[import-untyped]  # it ships no types

        try:
            model = (folder / "model.onnx").read_bytes()
            labels = (folder / "labels.txt").read_bytes()
            terms = (folder / "model.json").read_bytes() if (folder / "model.json").exists() else b"{}"
            self._terms = Terms.model_validate_json(terms)
            self.labels = tuple(line.strip() for line in labels.decode().splitlines() if line.strip())
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except (OSError, UnicodeDecodeError, ValidationError) as error:
            raise ModelUnusable(folder=str(folder), why=str(error)[:300]) from None
        except Exception as error:  # what the runtime raises for a file that is no model has no common name
            raise ModelUnusable(folder=str(folder), why=f"model.onnx: {type(error).__name__}") from None
        if not self.labels or any(len(label) > LONGEST_LABEL for label in self.labels):
            raise ModelUnusable(folder=str(folder), why=f"labels.txt has no label, or one longer than {LONGEST_LABEL} letters")
        self.version = "tags-" + hashlib.sha256(b"\0".join((hashlib.sha256(model).digest(), labels, terms))).hexdigest()[:32]
        self._scores(np.zeros((self._terms.height, self._terms.width, 3), np.uint8))  # what does not fit is found out now

    def tags(self, photo: bytes) -> tuple[Tag, ...]:
        """What the model is sure enough of, the surest first."""
        decoded = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
        assert decoded is not None, "a received photo can be decoded"
        scores = self._scores(np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8))
        said = [Tag(label, round(float(score), 4)) for label, score in zip(self.labels, scores, strict=True) if score >= self._terms.least]
        return tuple(sorted(said, key=lambda tag: (-tag.score, tag.label)))

    def _scores(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Raises ModelUnusable: the model does not fit its labels or its terms."""
        terms, taken = self._terms, self._session.get_inputs()[0]
        fed = self._fed(cv2.resize(pixels, (terms.width, terms.height), interpolation=cv2.INTER_AREA), taken.type)
        batch = fed[None] if terms.layout == "nhwc" else fed.transpose(2, 0, 1)[None]
        try:
            told: list[Any] = self._session.run(None, {taken.name: np.ascontiguousarray(batch)})
        except Exception as error:  # as above
            raise ModelUnusable(why=f"the model does not take such a picture: {type(error).__name__}") from None
        fitting = [one for one in told if isinstance(one, np.ndarray) and one.dtype.kind == "f" and one.size == len(self.labels)]
        if not fitting:
            raise ModelUnusable(why=f"no output of the model has a score for each of {len(self.labels)} labels")
        scores = np.asarray(fitting[0], np.float64).ravel()
        if terms.softmax:
            raised = np.exp(scores - scores.max())
            scores = raised / raised.sum()
        return scores

    def _fed(self, small: Any, taken: str) -> NDArray[Any]:
        """In the numbers that the model takes. Raises ModelUnusable."""
        terms = self._terms
        if taken not in TAKEN:
            raise ModelUnusable(why=f"the model takes {taken}, not one of {', '.join(TAKEN)}")
        if TAKEN[taken] is np.uint8:
            if terms.model_fields_set & {"scale", "mean", "std"}:
                raise ModelUnusable(why="a model of whole numbers takes pixels as they are: leave scale, mean and std out of model.json")
            return np.asarray(small, np.uint8)
        fed = (small.astype(np.float32) / np.float32(terms.scale) - np.array(terms.mean, np.float32)) / np.array(terms.std, np.float32)
        return np.asarray(fed, TAKEN[taken])
