"""What goes wrong on a page: one ear for every browser test."""

from playwright.sync_api import Page


def listen(page: Page, errors: list[str]) -> None:
    """From now on `errors` gets all that its console warns of: resources that did not come, exceptions that nobody caught."""
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
