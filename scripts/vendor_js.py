"""Copy the three browser libraries out of node_modules into ledger_api/web/static/vendor, as they were published.

Only what our pages import is copied, byte for byte; bare names of packages in import lines become paths, because a browser knows no
packages. `--check` says whether the committed files are those of the locked versions.
"""

import json
import re
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
TARGET = ROOT / "ledger_api" / "web" / "static" / "vendor"
# what our pages import, and the folder of each package
ENTRIES = ("@noble/curves/secp256k1.js", "@noble/hashes/sha3.js", "@noble/hashes/sha2.js", "@noble/hashes/hmac.js", "qr/index.js")
FOLDERS = {"@noble/curves": "noble-curves", "@noble/hashes": "noble-hashes", "qr": "qr"}
_IMPORT = re.compile(r"""(?P<before>^(?:import|export)\s[^;'"]*?from\s*)(?P<quote>['"])(?P<name>[^'"]+)(?P=quote)""", re.MULTILINE)


def package_of(path: str) -> str:
    return next(package for package in FOLDERS if path.startswith(package + "/"))


def place_of(path: str) -> str:
    package = package_of(path)
    return FOLDERS[package] + path.removeprefix(package)


def resolved(name: str, importer: str) -> str:
    """The path below node_modules of what `importer` calls `name`."""
    if not name.startswith("."):
        return name
    parts = importer.split("/")[:-1]
    for part in name.split("/"):
        match part:
            case ".":
                pass
            case "..":
                parts.pop()
            case _:
                parts.append(part)
    return "/".join(parts)


def rewritten(text: str, path: str) -> tuple[str, set[str]]:
    """The file as a browser can load it, and what it imports."""
    imported = set[str]()
    up = "../" * (len(place_of(path).split("/")) - 1)

    def relative(found: re.Match[str]) -> str:
        name = resolved(found["name"], path)
        imported.add(name)
        shown = found["name"] if found["name"].startswith(".") else up + place_of(name)
        return f"{found['before']}{found['quote']}{shown}{found['quote']}"

    return _IMPORT.sub(relative, text), imported


def files() -> Iterator[tuple[str, str]]:
    """(path below the target, text) of every file to be there."""
    waiting, seen, sums = set(ENTRIES), set[str](), dict[str, str]()
    while waiting:
        path = min(waiting)
        waiting.discard(path)
        seen.add(path)
        original = (MODULES / path).read_text()
        text, imported = rewritten(original, path)
        waiting |= imported - seen
        sums[path] = sha256(original.encode()).hexdigest()
        yield place_of(path), text
    for package, folder in FOLDERS.items():
        yield f"{folder}/LICENSE", (MODULES / package / "LICENSE").read_text()
    yield "README.md", readme(sums)


def readme(sums: dict[str, str]) -> str:
    versions = {package: json.loads((MODULES / package / "package.json").read_text())["version"] for package in FOLDERS}
    lines = [
        "# Libraries that run in the browser",
        "",
        "Copied by `scripts/vendor_js.py` from the locked npm packages; only the package names in import lines became paths.",
        "Never edited by hand.",
        "",
        "| package | version | licence |",
        "|---|---|---|",
        *(f"| {package} | {version} | [{FOLDERS[package]}/LICENSE]({FOLDERS[package]}/LICENSE) |" for package, version in versions.items()),
        "",
        "| published file | SHA-256 |",
        "|---|---|",
        *(f"| {path} | `{digest}` |" for path, digest in sorted(sums.items())),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    wanted = dict(files())
    found = {str(path.relative_to(TARGET)): path.read_text() for path in sorted(TARGET.rglob("*")) if path.is_file()}
    stale = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if "--check" in sys.argv:
        print(f"stale: {', '.join(stale)}" if stale else "vendored files are up to date")
        return 1 if stale else 0
    for name in stale:
        path = TARGET / name
        if name not in wanted:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[name])
    print(f"{len(wanted)} files, {len(stale)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
