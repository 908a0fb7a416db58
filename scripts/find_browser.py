"""Is there a Chromium for the browser tests? Else install one where that is possible, else say how in one line."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def main() -> None:
    if find() is None and shutil.which("apt-get") and os.geteuid() == 0:
        print("installing chromium for the browser tests")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["apt-get", "update"], **quiet)
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", "chromium", "fonts-noto-cjk"], **quiet)
    if find() is None:
        sys.exit("missing: a Chromium for the browser tests (Debian: apt-get install chromium)")


if __name__ == "__main__":
    main()
