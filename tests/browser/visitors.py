"""Somebody with a browser of their own before the whole service: what they see, what files they keep, what goes wrong on their page."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.listening import listen
from tests.browser.pictures import picture, taken
from tests.living import PATIENCE_SECONDS, World


@dataclass
class Visitor:
    """A browser of somebody's own: its page, what went wrong on it, whom else it asked, and whom else it asked."""

    name: str
    page: Page
    world: World
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def go(self, address: str) -> Page:
        self.page.goto(address if address.startswith("http") else self.world.url + address)
        self.page.wait_for_selector("[data-page][data-ready=yes]")
        return self.page

    def shown(self, step: str) -> None:
        """Waits until this step of the page is shown."""
        self.page.wait_for_selector(f'[data-step="{step}"]:not([hidden])')

    def picture(self, name: str) -> None:
        """As it is on this screen, and on a telephone."""
        stem = f"{len(list(self.world.folder.glob('*-390.png'))) + 1:02d}-{self.name}-{name}"
        for size in (DESKTOP, PHONE):
            self.page.set_viewport_size(size)
            picture(self.page, self.world.folder / f"{stem}-{size['width']}.png")
        self.page.set_viewport_size(DESKTOP)

    def pixels_of(self, selector: str) -> memoryview:
        """What a camera would see of a part of the page: a screenshot as rows of grey."""
        return pixels_of(self.page, selector)

    def another_window(self) -> "Visitor":
        return Visitor(f"{self.name}-too", self.page.context.new_page(), self.world)

    def tab_to(self, selector: str) -> None:
        """By the keyboard alone; fails when it cannot be reached so."""
        for _ in range(60):
            if self.page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{selector} cannot be reached by the keyboard")

    def assert_quiet(self) -> None:
        """Nobody else was asked, and nothing went wrong but what the service refused for a reason."""
        assert self.strangers == []
        assert [error for error in self.errors if "status of 409" not in error] == []

    def keep_download(self, press: Callable[[], None]) -> Path:
        with self.page.expect_download() as given:
            press()
        kept = self.world.folder / f"{self.name}-{given.value.suggested_filename}"
        given.value.save_as(kept)
        return kept


def pixels_of(page: Page, selector: str) -> memoryview:
    """A screenshot of a part of the page as rows of grey."""
    seen = base64.b64encode(taken(page.locator(selector).screenshot)).decode()
    blank = page.context.browser.new_page()  # type: ignore[union-attr]  # a context made by a browser has one
    width, height, grey = blank.evaluate(_GREY, seen)
    blank.close()
    return memoryview(bytes(grey)).cast("B", shape=[height, width])


def visitor(world: World, browser: Browser, name: str, **options: Any) -> Visitor:
    context = browser.new_context(**({"viewport": DESKTOP, "locale": "en-GB", "accept_downloads": True} | options))
    context.set_default_timeout(PATIENCE_SECONDS * 1000)
    made = Visitor(name, context.new_page(), world)
    ours = (world.url + "/", f"blob:{world.url}/")
    listen(made.page, made.errors)
    context.on("request", lambda request: None if request.url.startswith(ours) else made.strangers.append(request.url))
    return made


# a PNG in base64, drawn by a browser
_GREY = """async (png) => {
  const image = new Image();
  image.src = 'data:image/png;base64,' + png;
  await image.decode();
  const canvas = Object.assign(document.createElement('canvas'), {width: image.width, height: image.height});
  const pen = canvas.getContext('2d');
  pen.drawImage(image, 0, 0);
  return [image.width, image.height, [...pen.getImageData(0, 0, image.width, image.height).data].filter((_, index) => index % 4 === 0)];
}"""
