"""Checking a proof in the visitor's browser: how long a fresh page takes for the first check of 5 and of 50 events.

A real Chromium, the modules of the page, proofs of a state on paper with every signer shown; nothing is compiled or cached before.
"""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import sync_playwright

from benchmarks.figures import Figure, keep
from ledger_verify.proof import canonical
from tests import servers
from tests.unit.ledger_verify.proven import by_state, life

STATIC = Path(__file__).parents[1] / "ledger_api" / "web" / "static"
ROUNDS = 9
CHECK = """async ([modules, text]) => {
  const { check } = await import(modules);
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const began = performance.now();
  const { verdict, followed } = check(bytes);
  return [performance.now() - began, verdict, followed.length];
}"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(STATIC))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def proof_of(events: int) -> bytes:
    return canonical(by_state(life(events)))


def measure() -> list[Figure]:
    figures = []
    with serving() as url, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=servers.chromium_path(), args=["--no-sandbox"])
        for events in (5, 50):
            proof = proof_of(events)
            taken = median(_fresh(chromium, url, proof, events) for _ in range(ROUNDS))
            note = f"{len(proof)} bytes, {events} events and signers, first check of a fresh page in Chromium; median of {ROUNDS}"
            figures.append(Figure(f"proof_check_in_browser_ms_{events}", round(taken), "ms", note=note))
        chromium.close()
    return figures


def _fresh(chromium: Any, url: str, proof: bytes, events: int) -> float:
    page = chromium.new_page()
    page.goto(f"{url}/mark.svg")
    taken, verdict, followed = page.evaluate(CHECK, [f"{url}/verify/recipe.js", base64.b64encode(proof).decode()])
    assert (verdict, followed) == ("consistent, not anchored", events)
    page.close()
    return float(taken)


def main() -> None:
    figures = measure()
    keep(figures)
    print(json.dumps({figure.name: figure.value for figure in figures}))


if __name__ == "__main__":
    main()
