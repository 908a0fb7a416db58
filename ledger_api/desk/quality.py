"""Is a photo good enough to judge by? Measures of one picture, thresholds in one table, and what to do better in codes.

All measures are of the picture reduced to `SIDE` pixels, so that they mean the same for every camera; what a threshold was set by, and how
often it errs, is in benchmarks/photo_quality.py. A machine's "poor" is advice: whoever has tried three times may go on, and a person looks.
"""

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
VERSION = "quality-2"
SIDE = 1024  # of the longer side, for every measure
FEWEST_PIXELS = 800  # of the longer side as it was sent: below it details are gone
EDGE = 24  # the gradient from which a pixel belongs to something
BORDER = 12  # pixels of the reduced picture: what reaches into them has left the frame


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Set by `python -m benchmarks.photo_quality --calibrate` on pictures that were degraded by known amounts."""

    sharpness: float = 16.0  # below: blurred
    direction: float = 2.0  # above, where it is not sharp either: moved
    dark: float = 0.22  # below, of the middle brightness: too dark
    bright: float = 0.82  # above: too bright
    glare: float = 0.025  # share of burnt-out pixels in blots
    subject: float = 0.134  # share of the frame that the subject takes
    margin: float = 0.15  # share of a side of the frame by which the subject leaves it, and not by the side opposite: cut off


THRESHOLDS = Thresholds()


@dataclass(frozen=True, slots=True)
class Defect:
    """`code` is for programs and texts; `measured` and `limit` for whoever wants to know why."""

    code: str
    measured: float
    limit: float


@dataclass(frozen=True, slots=True)
class Quality:
    sharpness: float
    direction: float
    brightness: float
    glare: float
    subject: float
    margin: float
    longer_side: int
    defects: tuple[Defect, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"defects": [asdict(defect) for defect in self.defects], "version": VERSION}


def look(photo: bytes | Pixels, *, thresholds: Thresholds = THRESHOLDS) -> Quality:
    """The measures of a photo (JPEG, or rows of RGB pixels) and what is wrong with it."""
    pixels = _read(photo) if isinstance(photo, bytes) else photo
    longer = max(pixels.shape[:2])
    grey = cv2.cvtColor(_reduced(pixels), cv2.COLOR_RGB2GRAY)
    sharpness, direction = _edges(grey)
    box, subject, margin = _subject(grey)
    measured = {
        "sharpness": sharpness,
        "direction": direction,
        "brightness": float(np.median(grey)) / 255,
        "glare": _glare(grey, box),
        "subject": subject,
        "margin": margin,
    }
    rounded = {name: round(value, 4) for name, value in measured.items()}
    return Quality(longer_side=longer, defects=_defects(rounded, longer, thresholds), **rounded)


def _defects(measured: dict[str, float], longer: int, limits: Thresholds) -> tuple[Defect, ...]:
    """One cause, one code: what is too far away, or drowned in light, is not sharp either, and what is burnt out has an outline."""
    found = []
    is_burnt = measured["brightness"] > limits.bright or measured["glare"] > limits.glare
    if longer < FEWEST_PIXELS:
        found.append(Defect("too-few-pixels", longer, FEWEST_PIXELS))
    if measured["subject"] < limits.subject:
        found.append(Defect("too-far", measured["subject"], limits.subject))
    elif measured["sharpness"] < limits.sharpness and measured["glare"] <= limits.glare:
        code = "moved" if measured["direction"] > limits.direction else "blurred"
        found.append(Defect(code, measured["sharpness"], limits.sharpness))
    if measured["brightness"] < limits.dark:
        found.append(Defect("too-dark", measured["brightness"], limits.dark))
    elif measured["brightness"] > limits.bright:
        found.append(Defect("too-bright", measured["brightness"], limits.bright))
    elif measured["glare"] > limits.glare:
        found.append(Defect("glare", measured["glare"], limits.glare))
    if measured["margin"] > limits.margin and not is_burnt:
        found.append(Defect("cut-off", measured["margin"], limits.margin))
    return tuple(found)


def _read(photo: bytes) -> Pixels:
    decoded = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None, "a received photo can be decoded"
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _reduced(pixels: Pixels) -> Pixels:
    scale = SIDE / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _edges(grey: Any) -> tuple[float, float]:
    """How steep the steepest edges are (blur flattens them), against the contrast that there is; and how much they point one way."""
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    steep = cv2.magnitude(across, down)
    contrast = max(8.0, float(np.percentile(grey, 99)) - float(np.percentile(grey, 1)))
    sharpness = 10 * float(np.percentile(steep, 99.5)) / contrast
    # of the structure tensor: one direction of motion wipes out the edges across it
    a, b, c = (float(np.mean(one)) for one in (across * across, down * down, across * down))
    spread = float(np.hypot((a - b) / 2, c))
    return sharpness, (((a + b) / 2) + spread) / max(1e-6, ((a + b) / 2) - spread)


def _glare(grey: Any, box: tuple[slice, slice]) -> float:
    """The share of burnt-out blots on the subject: single bright pixels (white stitches, a letter) are none."""
    burnt = (grey[box] >= 250).astype(np.uint8)
    if not burnt.size:
        return 0.0
    return float(np.mean(cv2.morphologyEx(burnt, cv2.MORPH_OPEN, np.ones((9, 9), np.uint8))))


def _subject(grey: Any) -> tuple[tuple[slice, slice], float, float]:
    """The box in which nearly all structure lies, its share of the frame, and how far it leaves the frame."""
    height, width = grey.shape
    smooth = cv2.GaussianBlur(grey, (0, 0), 2)
    steep = cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    there = cv2.morphologyEx((steep > max(EDGE / 2, float(np.percentile(steep, 90)) / 2)).astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2)))
    rows, columns = np.nonzero(there)
    if not len(rows):
        return (slice(0, height), slice(0, width)), 0.0, 0.0
    top, bottom = (int(one) for one in np.percentile(rows, (1, 99)))
    left, right = (int(one) for one in np.percentile(columns, (1, 99)))
    share = (bottom - top + 1) * (right - left + 1) / (height * width)
    return (slice(top, bottom + 1), slice(left, right + 1)), share, _margin(steep)


def _margin(steep: Any) -> float:
    """By how much of a side the outline leaves the frame there and not opposite. What lies on both sides alike is ground, or a detail from
    near by: leather all around a logo, a zip from edge to edge."""
    strong = (steep > max(EDGE / 2, float(np.percentile(steep, 97)) / 2)).astype(np.uint8)
    outline = cv2.morphologyEx(strong, cv2.MORPH_OPEN, np.ones((3, 3)))
    sides = (outline[:BORDER], outline[-BORDER:], outline[:, :BORDER].T, outline[:, -BORDER:].T)
    top, bottom, left, right = (_span(side) for side in sides)
    return max(abs(top - bottom), abs(left - right))


def _span(side: Any) -> float:
    """The share of its length between the first place that is touched and the last."""
    touched = np.flatnonzero(side.max(axis=0))
    return float(touched[-1] - touched[0]) / side.shape[1] if len(touched) else 0.0
