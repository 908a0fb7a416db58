"""Screenshots, of a browser that may have to be asked twice: on a machine that stood still it gives none."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Error, Page

TRIES = 3


def picture(page: Page, path: Path, *, full_page: bool = True) -> None:
    """For people to look at."""
    taken(lambda: page.screenshot(path=path, full_page=full_page))


def taken(take: Callable[[], bytes]) -> bytes:
    for _ in range(TRIES - 1):
        try:
            return take()
        except Error as error:
            if "Unable to capture screenshot" not in str(error):
                raise
    return take()
