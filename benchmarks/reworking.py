"""What people do to a photo that they did not take: for tests and benchmarks/photo_reuse.py.

changed(picture, "screen", seed=3)     the bytes that would be sent
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.photos import Pixels, jpeg

CHANGES = ("same", "recompressed", "resized", "mirror", "crop", "close-crop", "mirrored-crop", "turned", "screen")


def changed(picture: Pixels, change: str, *, seed: int) -> bytes:
    chance = np.random.default_rng([seed, *change.encode()])
    match change:
        case "same":
            return jpeg(picture, quality=92)
        case "recompressed":
            return jpeg(picture, quality=int(chance.integers(35, 60)))
        case "resized":
            return jpeg(_scaled(picture, float(chance.uniform(0.55, 0.8))), quality=70)
        case "mirror":
            return jpeg(_mirrored(picture), quality=85)
        case "crop":
            return jpeg(_cut(picture, chance, float(chance.uniform(0.55, 0.85))), quality=85)
        case "close-crop":
            return jpeg(_cut(picture, chance, float(chance.uniform(0.3, 0.45))), quality=85)
        case "mirrored-crop":
            return jpeg(_mirrored(_cut(picture, chance, float(chance.uniform(0.55, 0.85)))), quality=85)
        case "turned":
            return jpeg(_turned(picture, float(chance.choice([90, 180, 270])) + float(chance.uniform(-8, 8))), quality=85)
        case "screen":
            return jpeg(_screen(picture, chance), quality=80)
        case _:
            raise ValueError(change)


def _scaled(picture: Pixels, scale: float) -> Pixels:
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def _mirrored(picture: Pixels) -> Pixels:
    return np.ascontiguousarray(picture[:, ::-1])


def _cut(picture: Pixels, chance: np.random.Generator, share: float) -> Pixels:
    """A part that has this share of the area."""
    height, width = picture.shape[:2]
    tall, wide = int(height * share**0.5), int(width * share**0.5)
    top, left = int(chance.integers(height - tall + 1)), int(chance.integers(width - wide + 1))
    return np.ascontiguousarray(picture[top : top + tall, left : left + wide])


def _turned(picture: Pixels, degrees: float) -> Pixels:
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return np.asarray(cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _screen(picture: Pixels, chance: np.random.Generator) -> Pixels:
    """Taken off a screen: its dark frame, a tilt, its grid beating with the sensor's, uneven light, noise."""
    height, width = picture.shape[:2]
    tall, wide = int(height * 1.25), int(width * 1.25)
    frame = np.full((tall, wide, 3), float(chance.integers(10, 60)), np.float32)
    frame[height // 8 : height // 8 + height, width // 8 : width // 8 + width] = picture
    corners = np.array([(0, 0), (wide, 0), (wide, tall), (0, tall)], np.float32)
    tilted = corners + chance.uniform(-0.08, 0.08, (4, 2)).astype(np.float32) * np.array([wide, tall], np.float32)
    seen = cv2.warpPerspective(
        frame, cv2.getPerspectiveTransform(corners, tilted.astype(np.float32)), (wide, tall), borderValue=(30, 30, 30)
    )
    lit = seen * (_grid(chance, wide, tall) * _light(chance, wide))[..., None]
    return np.asarray(np.clip(lit + chance.normal(0, 4, lit.shape), 0, 255), np.uint8)


def _grid(chance: np.random.Generator, wide: int, tall: int) -> NDArray[np.float64]:
    down, across = np.mgrid[0:tall, 0:wide]
    angle, often, slow = chance.uniform(0, np.pi), chance.uniform(0.15, 0.35), chance.uniform(15, 40)
    fine = np.sin(2 * np.pi * often * (np.cos(angle) * across + np.sin(angle) * down))
    wide_beat = np.sin(2 * np.pi * (np.cos(angle + 0.4) * across + np.sin(angle + 0.4) * down) / slow)
    return np.asarray(1 + 0.08 * fine + 0.05 * wide_beat)


def _light(chance: np.random.Generator, wide: int) -> NDArray[np.float64]:
    return np.asarray(chance.uniform(0.6, 1.1) * (1 + chance.uniform(0.1, 0.3) * np.arange(wide) / wide))[None, :]
