"""Pictures that stand for photos: drawn, seeded, with texture, stitches, metal, letters, light and sensor noise.

    draw(7, category="handbag", shot="logo")     the same pixels for the same words, for ever
    degrade(picture, "blurred", strength=0.5)    spoiled by a known amount
    jpeg(picture)                                as a phone would send it

Used by tests, benchmarks and `scripts/make_photos.py`. Drawn pictures are no photos: what is measured on them says how the measures behave,
not how the world is.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
DEFECTS = ("blurred", "moved", "too-dark", "too-bright", "glare", "too-far", "cut-off", "too-few-pixels")
LEATHERS = ((92, 58, 36), (24, 24, 26), (150, 30, 40), (40, 84, 58), (196, 170, 128), (60, 66, 120), (222, 214, 200))
GROUNDS = ((214, 208, 200), (170, 150, 130), (120, 124, 130), (236, 234, 230), (96, 84, 74), (190, 200, 206))
WORDS = ("MAISON", "VERNE", "LUNE", "ATELIER", "SELLIER", "ORO")


def draw(
    seed: int, *, category: str = "handbag", shot: str = "front", size: tuple[int, int] = (1200, 900), serial: str | None = None
) -> Pixels:
    """RGB rows. `size` is width, height."""
    words = "/".join((category, shot, serial or "")).encode()
    chance = np.random.default_rng([seed, *words])
    width, height = size
    picture = _ground(chance, width, height)
    body = _outline(chance, category, width, height)
    _fill(picture, body, chance, LEATHERS[int(chance.integers(len(LEATHERS)))])
    _stitches(picture, body, chance)
    _hardware(picture, body, chance)
    _letters(picture, body, chance, serial or WORDS[int(chance.integers(len(WORDS)))], large=shot in ("logo", "serial"))
    return _photographed(picture, chance)


def degrade(picture: Pixels, defect: str, *, strength: float = 0.5, seed: int = 0) -> Pixels:
    """`strength` from 0 (just noticeable) to 1 (useless)."""
    chance = np.random.default_rng([seed, *defect.encode()])
    height, width = picture.shape[:2]
    longer = max(width, height)
    match defect:
        case "blurred":
            spoiled = cv2.GaussianBlur(picture, (0, 0), longer * (0.0025 + 0.008 * strength))
        case "moved":
            spoiled = _moved(picture, int(longer * (0.012 + 0.04 * strength)), float(chance.uniform(0, 180)))
        case "too-dark":
            spoiled = np.clip(picture * (0.28 - 0.2 * strength), 0, 255)
        case "too-bright":
            spoiled = np.clip(picture * 1.0 * (1 + strength) + 90 + 60 * strength, 0, 255)
        case "glare":
            spoiled = _lit(picture, chance, radius=longer * (0.1 + 0.14 * strength))
        case "too-far":
            spoiled = _far(picture, chance, 0.22 - 0.14 * strength)
        case "cut-off":
            spoiled = _cut_off(picture, int(chance.integers(4)), 0.08 + 0.4 * strength)
        case "too-few-pixels":
            scale = (780 - 480 * strength) / longer
            spoiled = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        case _:
            raise ValueError(defect)
    return np.asarray(np.clip(spoiled.astype(np.float32) + chance.normal(0, 2, spoiled.shape), 0, 255), np.uint8)


def jpeg(picture: Pixels, *, quality: int = 88) -> bytes:
    done, body = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return bytes(body.tobytes())


# --- what is drawn -------------------------------------------------------------------------------------------------------


def _ground(chance: np.random.Generator, width: int, height: int) -> Pixels:
    plain = np.array(GROUNDS[int(chance.integers(len(GROUNDS)))], np.float32)
    grain = cv2.resize(chance.normal(0, 1, (height // 8 + 1, width // 8 + 1)).astype(np.float32), (width, height))
    return np.asarray(np.clip(plain + 5 * grain[..., None], 0, 255), np.uint8)


def _outline(chance: np.random.Generator, category: str, width: int, height: int) -> Pixels:
    """The mask of the thing itself, off the border."""
    mask = np.zeros((height, width), np.uint8)
    centre = (int(width * chance.uniform(0.45, 0.55)), int(height * chance.uniform(0.46, 0.56)))
    reach = min(width, height) * float(chance.uniform(0.3, 0.4))
    if category in ("watch", "jewellery"):
        cv2.circle(mask, centre, int(reach), 255, -1)
        return mask
    corners = 4 if category in ("scarf", "other") else int(chance.integers(4, 7))
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False) + np.pi / 4 + chance.normal(0, 0.08, corners)
    radii = reach * chance.uniform(0.92, 1.12, corners)
    points = np.stack((centre[0] + 1.2 * radii * np.cos(angles), centre[1] + radii * np.sin(angles)), axis=1).astype(np.int32)
    cv2.fillPoly(mask, [points], 255)
    return mask


def _fill(picture: Pixels, mask: Pixels, chance: np.random.Generator, colour: tuple[int, int, int]) -> None:
    height, width = mask.shape
    fine = chance.normal(0, 1, (height // 2 + 1, width // 2 + 1)).astype(np.float32)
    coarse = chance.normal(0, 1, (height // 24 + 1, width // 24 + 1)).astype(np.float32)
    grain = 10 * cv2.resize(fine, (width, height)) + 12 * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    leather = np.clip(np.array(colour, np.float32) + grain[..., None], 0, 255).astype(np.uint8)
    picture[mask > 0] = leather[mask > 0]
    edges, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(picture, edges, -1, tuple(int(one * 0.45) for one in colour), max(3, width // 240), cv2.LINE_AA)


def _stitches(picture: Pixels, mask: Pixels, chance: np.random.Generator) -> None:
    width = mask.shape[1]
    inner = cv2.erode(mask, np.ones((max(9, width // 40), max(9, width // 40)), np.uint8))
    edges, _ = cv2.findContours(inner, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    colour = tuple(int(one) for one in chance.integers(120, 235, 3))
    step, length = max(10, width // 90), max(5, width // 180)
    for edge in edges:
        points = edge[:, 0]
        for start in range(0, len(points) - length, step):
            cv2.line(picture, points[start].tolist(), points[start + length].tolist(), colour, max(2, width // 500), cv2.LINE_AA)


def _hardware(picture: Pixels, mask: Pixels, chance: np.random.Generator) -> None:
    height, width = mask.shape
    inside = np.argwhere(cv2.erode(mask, np.ones((width // 8, width // 8), np.uint8)) > 0)
    metal = (212, 178, 96) if chance.random() < 0.5 else (190, 194, 200)
    for _ in range(int(chance.integers(2, 6))):
        y, x = inside[int(chance.integers(len(inside)))] if len(inside) else (height // 2, width // 2)
        radius = int(width * chance.uniform(0.008, 0.022))
        cv2.circle(picture, (int(x), int(y)), radius, metal, -1, cv2.LINE_AA)
        cv2.circle(picture, (int(x), int(y)), radius, (60, 50, 40), max(2, width // 400), cv2.LINE_AA)
        cv2.circle(picture, (int(x) - radius // 3, int(y) - radius // 3), max(1, radius // 5), (245, 240, 225), -1, cv2.LINE_AA)


def _letters(picture: Pixels, mask: Pixels, chance: np.random.Generator, words: str, *, large: bool) -> None:
    height, width = mask.shape
    scale = width / (300 if large else 620) * (9 / max(9, len(words)))
    thick = max(2, int(scale * 2))
    (across, down), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_DUPLEX, scale, thick)
    rows, columns = np.nonzero(mask)
    x, y = int(columns.mean() - across / 2), int(rows.mean() + (0 if large else height * chance.uniform(-0.12, 0.12)))
    cv2.rectangle(picture, (x - down // 2, y - int(1.6 * down)), (x + across + down // 2, y + int(0.7 * down)), (228, 220, 200), -1)
    cv2.putText(picture, words, (x, y), cv2.FONT_HERSHEY_DUPLEX, scale, (40, 32, 28), thick, cv2.LINE_AA)


def _photographed(picture: Pixels, chance: np.random.Generator) -> Pixels:
    """Light from one side, a little tilt, a lens, a sensor."""
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(chance.uniform(-6, 6)), 1)
    tilted = cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
    angle, depth = chance.uniform(0, 2 * np.pi), chance.uniform(0.03, 0.16)
    across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    light = float(chance.uniform(0.7, 0.92)) * (1 + depth * (np.cos(angle) * across + np.sin(angle) * down))
    seen = cv2.GaussianBlur(tilted, (0, 0), width / 2400).astype(np.float32) * light[..., None]
    return np.asarray(np.clip(seen + chance.normal(0, chance.uniform(1.5, 4), picture.shape), 0, 255), np.uint8)


# --- how it is spoiled -----------------------------------------------------------------------------------------------------


def _moved(picture: Pixels, length: int, angle: float) -> Pixels:
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2, :] = 1
    turned = cv2.warpAffine(kernel, cv2.getRotationMatrix2D((length / 2 - 0.5, length / 2 - 0.5), angle, 1), (length, length))
    return np.asarray(cv2.filter2D(picture, -1, turned / max(1e-6, float(turned.sum()))), np.uint8)


def _lit(picture: Pixels, chance: np.random.Generator, *, radius: float) -> NDArray[np.float32]:
    height, width = picture.shape[:2]
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    x, y = width * chance.uniform(0.35, 0.65), height * chance.uniform(0.35, 0.65)
    spot = np.exp(-(((across - x) ** 2 + (down - y) ** 2) / (2 * (radius / 1.6) ** 2)))
    return np.asarray(picture + 420 * spot[..., None], np.float32)


def _far(picture: Pixels, chance: np.random.Generator, scale: float) -> Pixels:
    height, width = picture.shape[:2]
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    empty = np.full_like(picture, 205)
    top, left = int((height - small.shape[0]) * chance.uniform(0.3, 0.7)), int((width - small.shape[1]) * chance.uniform(0.3, 0.7))
    empty[top : top + small.shape[0], left : left + small.shape[1]] = small
    return np.asarray(empty, np.uint8)


def _cut_off(picture: Pixels, side: int, share: float) -> Pixels:
    """Without what lies beyond this share of the thing itself: nothing is scaled, so a picture has fewer pixels afterwards."""
    turned = np.rot90(picture, side)
    first, last = _extent(turned)
    return np.ascontiguousarray(np.rot90(turned[:, first + int(share * (last - first)) :], -side))


def _extent(picture: Pixels) -> tuple[int, int]:
    """The columns between which the thing lies: its outline is the steepest that there is."""
    grey = cv2.GaussianBlur(cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY), (0, 0), 3).astype(np.float32)
    steep = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    columns = np.nonzero(steep > float(np.percentile(steep, 99)) / 2)[1]
    first, last = np.percentile(columns, (0.5, 99.5))
    return int(first), int(last)
