"""Name in package-lock.json the optional packages of other machines that npm could not look up here.

`npm ci` wants every optional dependency in the lock, for every platform. Where a registry lacks one, npm leaves it out and
then refuses its own lock. The entry written here carries version, system and processor; npm skips it where they differ.
"""

import json
from pathlib import Path

LOCK = Path(__file__).resolve().parent.parent / "package-lock.json"
SYSTEMS = ("darwin", "linux", "win32", "freebsd", "android", "openbsd", "netbsd")
PROCESSORS = {"amd64": "x64", "x64": "x64", "arm64": "arm64", "ia32": "ia32", "arm": "arm"}


def platform_of(name: str) -> dict[str, list[str]]:
    parts = name.split("/")[-1].split("-")
    return {
        "os": [part for part in parts if part in SYSTEMS],
        "cpu": [PROCESSORS[part] for part in parts if part in PROCESSORS],
    }


def main() -> None:
    lock = json.loads(LOCK.read_text())
    packages = lock["packages"]
    missing = {
        f"node_modules/{name}": {"version": wanted, "optional": True, "dev": True, **platform_of(name)}
        for package in packages.values()
        for name, wanted in package.get("optionalDependencies", {}).items()
        if f"node_modules/{name}" not in packages and all(platform_of(name).values())
    }
    lock["packages"] = dict(sorted((packages | missing).items()))
    LOCK.write_text(json.dumps(lock, indent=2) + "\n")
    print(f"package-lock.json: {len(missing)} packages of other machines named")


if __name__ == "__main__":
    main()
