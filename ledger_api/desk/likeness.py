"""Are two photos one picture? Marks of a photo that survive recompression, cutting, mirroring and a camera held at a screen.

    without_grid(photo)     as it was before a camera saw it on a screen, as far as the grid of the screen goes
    marks(photo)            64-bit hashes of the picture as a whole and of its most telling places, with where they are
    align(mine, theirs)     how the other picture must lie under this one, from the marks alone; None: it does not
    compare(photo, other, lay)   whether the pixels agree there too: a shared logo aligns, and the leather around it does not

A mark is a perceptual hash: marks of the same place differ in few bits. Two marks with one of four 16-bit bands in common are looked at,
so an index on the bands finds them. Nothing is learned and nothing is fetched; the marks of a photo never change under one `VERSION`.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Hashes = NDArray[np.uint64]
Points = NDArray[np.float32]
How = Literal["copy", "crop", "reworked"]

VERSION = "reuse-1"  # of the marks
SIDE = 512  # of the longer side, for marks and comparison
MOST_MARKS = 96  # that are kept of a photo, beside the one of the whole
ASKED_MARKS = 128  # of a photo that is looked for
CELLS = 6  # marks are spread over so many rows and columns: whatever part is cut out has its share
SMALLEST = 3.0  # pixels across; below it is noise of the sensor or the screen
NEAR = 10  # bits of 64 in which two marks of one place may differ
FEWEST_TOGETHER = 6  # marks that must lie as one plane
MOST_CORNERS = 400  # places of a photo that are looked for again on another, when the lay is made exact
CLOSE = 14.0  # pixels within which a place must be found again
BACK = 1.0  # pixels within which the way back from there must end
STEPS = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 10, 0.03)  # of following a corner, on each of four scales
BLOCK = 24  # pixels of a side, in which the pictures are compared
TEXTURE = 1.5  # standard deviation from which a block says anything
FEWEST_BLOCKS = 8
WORST = (10, 20)  # percentiles of the blocks, the middle of which decides: what is another picture differs somewhere
# correlation from which it is the same; set on benchmarks/photo_reuse.py
AGREES = 0.7  # of what a camera saw again, if enough of it is seen: light, tilt and noise are between the two
AGREES_CLOSELY = 0.9  # of a copy and a crop: nothing but compression is between them
AGREES_WHOLLY = 0.97  # of what was tilted and shows little: the plate with one logo, seen closely, is alike on two bags
WELL_SEEN = 80  # blocks; two bags with one logo are alike on fewer
MAY_AGREE = 0.5  # middle correlation from which it is worth a look whether only a screen's beat and its frame are between the two
FLOOR = 8.0  # added before a logarithm is taken: noise in the dark is no structure
SLOW = 12.0  # standard deviation in pixels of the light that is taken off before waves are looked for
FAINTEST = 0.012  # of the light around it, from which a wave is one
GRID = (0.12, 0.49)  # waves to a pixel, of a screen's grid
BEAT = (1 / 60, 0.11)  # of the same grid where it beats with the sensor's
STANDS_OUT = {
    GRID: 12.0,
    BEAT: 17.0,
}  # times as strong as the waves around it: stitches and edges reach 10 and 14, screens begin at 19 and 25


@dataclass(frozen=True, slots=True)
class Marks:
    """The first is of the picture as a whole, at its middle. Points are pixels of the reduced picture."""

    hashes: Hashes
    points: Points
    size: tuple[int, int]  # width, height


@dataclass(frozen=True, slots=True)
class Lay:
    """A homography, and how many marks say so."""

    matrix: NDArray[np.float64]
    together: int


@dataclass(frozen=True, slots=True)
class Fine:
    """What is compared of a photo: itself, its middle structure, the same in grey, and the corners in it that can be found again."""

    pixels: Grey
    middle: NDArray[np.float32]
    grey: Grey
    corners: Points


@dataclass(frozen=True, slots=True)
class Likeness:
    how: How
    like: float  # the middle correlation of the blocks that were compared; 1: to the pixel
    covers: float  # share of the other picture that is in this one


def read(photo: bytes) -> Grey:
    """Raises ValueError for what is no photo."""
    decoded = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_REDUCED_GRAYSCALE_2)
    if decoded is not None and max(decoded.shape) < SIDE:
        decoded = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_GRAYSCALE)
    if decoded is None:
        raise ValueError("this is no photo")
    scale = SIDE / max(decoded.shape)
    if scale < 1:
        decoded = cv2.resize(decoded, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(decoded, np.uint8)


def without_grid(grey: Grey) -> Grey:
    """As it is if there is none: a grid is one or two even waves over the whole picture, and nothing else is."""
    light, window = _light(grey), _window(grey.shape)
    for _ in range(2):
        wave = _wave(light - cv2.GaussianBlur(light, (0, 0), SLOW), window, GRID)
        if wave is None:
            break
        light = light - wave
        grey = _dark(light)
    return grey


def mirrored(grey: Grey) -> Grey:
    return np.ascontiguousarray(grey[:, ::-1])


def marks(grey: Grey, *, most: int = MOST_MARKS) -> Marks:
    height, width = grey.shape
    places, described = _finder().detectAndCompute(grey, None)
    chosen = _spread(places, width, height, most)
    points = np.array([(width / 2, height / 2), *(places[one].pt for one in chosen)], np.float32)
    hashes = [np.array([_whole(grey)], np.uint64)]
    if chosen:
        hashes.append(_hashed(described[chosen]))
    return Marks(np.concatenate(hashes), points, (width, height))


def bands(hashes: Hashes) -> NDArray[np.int64]:
    """Four numbers of 16 bits for each."""
    return np.stack([(hashes >> np.uint64(shift)) & np.uint64(0xFFFF) for shift in (48, 32, 16, 0)], axis=1).astype(np.int64)


def differing(mine: Hashes, theirs: Hashes) -> NDArray[np.uint8]:
    """Bits, of each of mine against each of theirs."""
    return np.asarray(np.bitwise_count(mine[:, None] ^ theirs[None, :]), np.uint8)


def align(mine: Marks, theirs: Marks) -> Lay | None:
    """How the other picture would lie under this one."""
    if differing(mine.hashes[:1], theirs.hashes[:1])[0, 0] <= NEAR // 2:
        (width, height), (their_width, their_height) = mine.size, theirs.size
        return Lay(np.diag([width / their_width, height / their_height, 1.0]), len(mine.hashes))
    if len(mine.hashes) < 2 or len(theirs.hashes) < 2:
        return None
    bits = differing(mine.hashes[1:], theirs.hashes[1:])
    best = bits.argmin(axis=0)
    ours = np.flatnonzero(bits.min(axis=0) <= NEAR + 4)
    if len(ours) < FEWEST_TOGETHER:
        return None
    there, here = theirs.points[1:][ours], mine.points[1:][best[ours]]
    lay, inside = cv2.findHomography(there, here, cv2.USAC_MAGSAC, 6.0, maxIters=500, confidence=0.999)
    if lay is None or int(inside.sum()) < FEWEST_TOGETHER or not _is_plausible(lay, theirs.size):
        return None
    return Lay(np.asarray(lay, np.float64), int(inside.sum()))


def fine(grey: Grey) -> Fine:
    middle = _middle(grey)
    in_grey = _in_grey(middle)
    corners = cv2.goodFeaturesToTrack(in_grey, MOST_CORNERS, 0.01, 6)
    return Fine(grey, middle, in_grey, np.zeros((0, 2), np.float32) if corners is None else np.asarray(corners, np.float32).reshape(-1, 2))


def compare(mine: Fine, theirs: Grey, supposed: Lay) -> Likeness | None:
    """None: what is seen there is not the same."""
    size, their_size = (mine.grey.shape[1], mine.grey.shape[0]), (theirs.shape[1], theirs.shape[0])
    lay = _settled(mine, theirs, supposed.matrix)
    if not _is_plausible(lay, their_size):
        return None
    laid, seen = _laid(theirs, lay, size), _laid(np.full_like(theirs, 255), lay, size) > 250
    agreed = _agreement(mine.middle, _middle(laid), seen)
    if len(agreed) < FEWEST_BLOCKS:
        return None
    covers = _covered(lay, size, their_size)
    how = _how(lay, covers, size, their_size)
    enough = AGREES_CLOSELY if how != "reworked" else AGREES if len(agreed) >= WELL_SEEN else AGREES_WHOLLY
    if enough == AGREES and _worst(agreed) < AGREES and float(np.median(agreed)) >= MAY_AGREE:
        agreed = _agreement(_middle_within(_without_beat(mine.pixels, laid, seen), seen), _middle_within(laid, seen), seen)
    if len(agreed) < FEWEST_BLOCKS or _worst(agreed) < enough:
        return None
    return Likeness(how, round(float(np.median(agreed)), 3), round(covers, 3))


# --- marks -------------------------------------------------------------------------------------------------------------


@cache
def _finder() -> Any:
    return cv2.SIFT.create(contrastThreshold=0.03)


@cache
def _directions() -> NDArray[np.float32]:
    """64 fixed directions, each without a mean: two descriptions that are near each other fall on the same side of most."""
    drawn = np.random.default_rng(64).choice([-1.0, 1.0], size=(128, 64)).astype(np.float32)
    return np.asarray(drawn - drawn.mean(axis=0), np.float32)


def _hashed(described: NDArray[np.float32]) -> Hashes:
    roots = np.sqrt(described / np.maximum(1e-6, described.sum(axis=1, keepdims=True)))
    return _packed(roots @ _directions() > 0)


def _packed(bits: NDArray[np.bool_]) -> Hashes:
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64)[:, 0]


def _whole(grey: Grey) -> np.uint64:
    """The signs of the slowest waves of the picture, against their median."""
    waves = cv2.dct(cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32))[:8, :8].ravel()
    bits = waves > np.median(waves[1:])
    bits[0] = False
    return np.uint64(_packed(bits[None, :])[0])


def _spread(places: Any, width: int, height: int, most: int) -> list[int]:
    """The strongest of each cell, then the second strongest of each, until there are enough."""
    by_cell: dict[tuple[int, int], list[int]] = {}
    for number in sorted(range(len(places)), key=lambda one: -places[one].response):
        place = places[number]
        if place.size >= SMALLEST:
            cell = (int(place.pt[0] * CELLS / width), int(place.pt[1] * CELLS / height))
            by_cell.setdefault(cell, []).append(number)
    ranked = sorted((rank, -places[number].response, number) for cell in by_cell.values() for rank, number in enumerate(cell))
    return [number for _, _, number in ranked[:most]]


# --- how one lies on the other -------------------------------------------------------------------------------------------


def _corners(size: tuple[int, int]) -> NDArray[np.float32]:
    width, height = size
    return np.array([[(0, 0), (width, 0), (width, height), (0, height)]], np.float32)


def _is_plausible(lay: NDArray[Any], size: tuple[int, int]) -> bool:
    """A picture laid on another keeps its orientation and is neither folded nor shrunk to nothing."""
    corners = cv2.perspectiveTransform(_corners(size), lay)[0]
    area = cv2.contourArea(corners.astype(np.float32), oriented=True)
    share = abs(area) / (size[0] * size[1])
    return bool(np.isfinite(corners).all() and cv2.isContourConvex(corners.astype(np.float32)) and area > 0 and 0.03 < share < 60)


def _settled(mine: Fine, theirs: Grey, lay: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same, made exact: every corner of the one is followed to where it is in the other, and back (Lucas and Kanade)."""
    if len(mine.corners) < FEWEST_TOGETHER:
        return lay
    laid = _in_grey(_middle(_laid(theirs, lay, (mine.grey.shape[1], mine.grey.shape[0]))))
    there, is_found, _ = cv2.calcOpticalFlowPyrLK(mine.grey, laid, mine.corners, None, criteria=STEPS)  # type: ignore[call-overload]  # None: no guess
    close = (is_found[:, 0] > 0) & (_apart(there, mine.corners) < CLOSE)
    if int(close.sum()) < FEWEST_TOGETHER:
        return lay
    here, there = mine.corners[close], there[close]
    back, is_back, _ = cv2.calcOpticalFlowPyrLK(laid, mine.grey, there, None, criteria=STEPS)  # type: ignore[call-overload]
    both = (is_back[:, 0] > 0) & (_apart(back, here) < BACK)
    if int(both.sum()) < FEWEST_TOGETHER:
        return lay
    exact, _ = cv2.findHomography(there[both], here[both], cv2.USAC_MAGSAC, 3.0, maxIters=500, confidence=0.999)
    return lay if exact is None else np.asarray(exact @ lay, np.float64)


def _apart(some: Points, others: Points) -> Points:
    return np.asarray(np.linalg.norm(some - others, axis=1), np.float32)


def _laid(theirs: Grey, lay: NDArray[np.float64], size: tuple[int, int]) -> Grey:
    return np.asarray(cv2.warpPerspective(theirs, lay, size, flags=cv2.INTER_LINEAR), np.uint8)


def _agreement(mine: NDArray[np.float32], laid: NDArray[np.float32], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The correlation of each block that both show and that has something to show. Light, noise and the grid of a screen do not count."""
    height, width = (side // BLOCK * BLOCK for side in mine.shape)

    def blocks(pixels: NDArray[Any]) -> NDArray[Any]:
        cut = pixels[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
        return np.asarray(cut.swapaxes(1, 2).reshape(-1, BLOCK * BLOCK))

    first, second = blocks(mine), blocks(laid)
    first, second = first - first.mean(axis=1, keepdims=True), second - second.mean(axis=1, keepdims=True)
    spread, other_spread = first.std(axis=1), second.std(axis=1)
    says = (blocks(seen).mean(axis=1) > 0.98) & (np.maximum(spread, other_spread) >= TEXTURE)
    together = (first * second).mean(axis=1) / np.maximum(1e-6, spread * other_spread)
    return np.asarray(together[says], np.float64)


def _worst(agreed: NDArray[np.float64]) -> float:
    return float(np.percentile(agreed, WORST).mean())


def _middle(grey: Grey) -> NDArray[np.float32]:
    """Neither the finest nor the widest structure; the widest is seen well enough in a quarter of the size."""
    fine = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 2.5)
    wide = cv2.GaussianBlur(cv2.resize(fine, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA), (0, 0), 2.5)
    return np.asarray(fine - cv2.resize(wide, fine.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _middle_within(grey: Grey, seen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The same of a part alone: what lies around it does not shine into its border."""
    shown = seen.astype(np.float32)
    fine, weight = (cv2.GaussianBlur(one, (0, 0), 2.5) for one in (grey * shown, shown))
    small = (cv2.resize(one, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA) for one in (fine, weight))
    wide, wide_weight = (cv2.resize(cv2.GaussianBlur(one, (0, 0), 2.5), fine.shape[::-1]) for one in small)
    return np.asarray(fine / np.maximum(1e-3, weight) - wide / np.maximum(1e-3, wide_weight), np.float32)


def _in_grey(middle: NDArray[np.float32]) -> Grey:
    """As strong as any other: a camera at a screen sees less of it."""
    return np.asarray(np.clip(128 + middle * (40 / max(1e-3, float(middle.std()))), 0, 255), np.uint8)


def _covered(lay: NDArray[np.float64], size: tuple[int, int], theirs: tuple[int, int]) -> float:
    corners = cv2.perspectiveTransform(_corners(theirs), lay)[0].astype(np.float32)
    whole = abs(cv2.contourArea(corners))
    inside, _ = cv2.intersectConvexConvex(corners, _corners(size)[0])
    return min(1.0, float(inside) / max(1.0, whole))


def _how(lay: NDArray[np.float64], covers: float, size: tuple[int, int], theirs: tuple[int, int]) -> How:
    """A copy lies exactly on the other, a crop is straight and shows less; all else was turned, tilted or set into something."""
    corners, ours = cv2.perspectiveTransform(_corners(theirs), lay)[0], _corners(size)[0]
    slack = 0.03 * max(size)
    if np.abs(corners - ours).max() <= slack:
        return "copy"
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    straight = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
    is_straight = np.abs(corners - straight).max() <= slack * (right - left) / size[0]
    holds_all = left <= slack and top <= slack and right >= size[0] - slack and bottom >= size[1] - slack
    return "crop" if is_straight and holds_all and covers < 0.97 else "reworked"


# --- the grid of a screen ------------------------------------------------------------------------------------------------


def _light(grey: Grey) -> NDArray[np.float32]:
    """A grid dims a picture by a share: of the logarithm it takes the same everywhere."""
    return np.asarray(np.log(grey.astype(np.float32) + FLOOR), np.float32)


def _dark(light: NDArray[np.float32]) -> Grey:
    return np.asarray(np.clip(np.exp(light) - FLOOR + 0.5, 0, 255), np.uint8)


@cache
def _window(shape: tuple[int, int]) -> NDArray[np.float32]:
    return np.outer(*(np.hanning(side) for side in shape)).astype(np.float32)


def _without_beat(mine: Grey, laid: Grey, seen: NDArray[np.bool_]) -> Grey:
    """Slow waves are in many pictures; one that stands out of the difference of two was not in the picture, but before it."""
    light, shown = _light(mine), seen.astype(np.float32)
    apart = np.where(seen, light - _light(laid), 0).astype(np.float32)
    around = cv2.GaussianBlur(apart, (0, 0), SLOW) / np.maximum(1e-3, cv2.GaussianBlur(shown, (0, 0), SLOW))
    apart = np.where(seen, np.clip(apart - around, -0.3, 0.3), 0).astype(np.float32)
    window = cv2.GaussianBlur(cv2.erode(shown, np.ones((9, 9), np.uint8)), (0, 0), SLOW / 2)
    wave = _wave(apart, np.asarray(window, np.float32), BEAT)
    return mine if wave is None else _dark(light - wave)


def _wave(light: NDArray[np.float32], window: NDArray[np.float32], often: tuple[float, float]) -> NDArray[np.float32] | None:
    """The strongest wave of the picture that stands out of all near it, as strong as it was before slow light was taken off."""
    height, width = light.shape
    parts = cv2.dft(light * window, flags=cv2.DFT_COMPLEX_OUTPUT)[:, : width // 2]
    strength = cv2.magnitude(parts[..., 0], parts[..., 1]) * (2 / max(1.0, float(window.sum())))
    down, across = np.fft.fftfreq(height)[:, None], np.arange(width // 2)[None, :] / width
    speed = np.hypot(down, across)
    is_one = (speed > often[0]) & (speed < often[1]) & (strength > STANDS_OUT[often] * cv2.blur(strength, (25, 25)))
    row, column = divmod(int(np.where(is_one, strength, 0).argmax()), width // 2)
    if not is_one[row, column] or strength[row, column] < FAINTEST:
        return None
    beside = np.arange(-1, 2)
    by_row = (float(down[row, 0]) * height + _summit(strength[(row + beside) % height, column])) / height
    by_column = (column + _summit(strength[row, np.abs(column + beside) % (width // 2)])) / width
    fitted = _fitted(light, window, by_row, by_column)
    return np.asarray(fitted / (1 - np.exp(-2 * (np.pi * SLOW * np.hypot(by_row, by_column)) ** 2)), np.float32)


def _summit(three: NDArray[np.float32]) -> float:
    """Where between these the strongest would be: a parabola through the logarithms."""
    before, at, after = np.log(np.maximum(1e-9, three)).tolist()
    bend = before - 2 * at + after
    return min(0.5, max(-0.5, 0.5 * (before - after) / bend)) if bend < 0 else 0.0


def _fitted(light: NDArray[np.float32], window: NDArray[np.float32], by_row: float, by_column: float) -> NDArray[np.float32]:
    """The wave of this direction and length that leaves least of the picture."""
    down, across = (np.arange(side, dtype=np.float32) for side in light.shape)
    turned = (2 * np.pi * by_row) * down[:, None] + (2 * np.pi * by_column) * across[None, :]
    waves = np.stack([np.cos(turned).ravel(), np.sin(turned).ravel()])
    weighed = waves * window.ravel()
    shares = np.linalg.solve(weighed @ waves.T + 1e-6 * np.eye(2), weighed @ light.ravel())
    return np.asarray((shares @ waves).reshape(light.shape), np.float32)
