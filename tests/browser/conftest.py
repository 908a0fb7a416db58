"""A real Chromium before a real server: the gallery on a free port, one browser for each file of tests.

`open_page` gives a page that notes everything a visitor must never meet: an error on the console, a request to somebody else.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect, sync_playwright

from ledger_api.settings import Settings
from tests import servers
from tests.browser.listening import listen
from tests.gallery import Gallery, gallery_app, make_gallery
from tests.living import PATIENCE_SECONDS

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@dataclass
class Museum:
    """The gallery as it is served: its address, and a folder for screenshots."""

    gallery: Gallery
    url: str
    pictures: Path

    def at(self, piece: str, query: str = "") -> str:
        return f"{self.url}{self.gallery.path(piece)}{query}"


@dataclass
class Opened:
    """A page, what went wrong on it, and whom it asked."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def go(self, address: str) -> Page:
        self.page.goto(address if address.startswith("http") else self.url + address)
        return self.page

    def assert_quiet(self) -> None:
        assert self.errors == [] and self.strangers == []


@contextmanager
def served(app: FastAPI, port: int) -> Iterator[str]:
    """The application on a port of this machine, in a thread: its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=60)


@pytest.fixture(scope="module")
def museum(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Museum]:
    folder = tmp_path_factory.mktemp("museum")
    gallery = make_gallery(f"sqlite:///{folder / 'ledger.db'}")
    port = servers.free_port()
    gallery.settings = Settings(port=port, rate_per_minute_anonymous=100_000)
    with served(gallery_app(gallery), port) as url:
        yield Museum(gallery, url, folder)
    gallery.engine.dispose()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = servers.chromium_path()
    assert path is not None, "missing: a Chromium (make browser says how to get one)"
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser, museum: Museum) -> Iterator[Any]:
    contexts = []

    def opened(**options: Any) -> Opened:
        context = browser.new_context(**({"viewport": DESKTOP, "locale": "en-GB"} | options))
        contexts.append(context)
        here = Opened(context.new_page(), museum.url)
        listen(here.page, here.errors)
        here.page.on("request", lambda request: None if request.url.startswith(museum.url) else here.strangers.append(request.url))
        return here

    yield opened
    for context in contexts:
        context.close()
