"""Verifications per second through `POST /v1/verifications/bulk`: lists of a thousand among 200,000 items, by HTTP, each answer signed.

The server is uvicorn with the real application; one caller sends list after list and reads each to its end. Every list is checked for
its order and a drawn answer for its signature. Keeps `bulk_verify_per_s` and `bulk_verify_p99_ms`; the notes have the time of single calls
and the limiter's usual rate, which is off here.

    python -m benchmarks.bulk         both figures
    python -m benchmarks.bulk p99     the second alone
"""

import json
import os
import random
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median, quantiles

import uvicorn
from eth_account import Account
from eth_account.messages import encode_typed_data
from sqlalchemy import text

from benchmarks.figures import Figure, keep
from benchmarks.lookup import NO_LIMIT, make_database
from ledger_api.auth import Limiter, Scope, create_key
from ledger_api.routes.verifications import QUESTIONS_OF_ONE_REQUEST
from ledger_api.settings import Settings
from ledger_api.store.engine import open_engine, reading
from tests.fake_chain import GTIN
from tests.gallery import SERVICE, address_of, sign
from tests.reading_app import reading_app
from tests.servers import free_port, started

ITEMS, QUESTIONS, LISTS, SINGLE = 200_000, 1_000, 200, 300


def serve(url: str, port: int) -> None:
    engine = open_engine(url)
    with reading(engine) as connection:
        latest = connection.execute(text("SELECT max(timestamp) FROM blocks")).scalar_one()
    limiter = Limiter(anonymous_per_minute=NO_LIMIT, key_per_minute=NO_LIMIT)
    app = reading_app(engine, limiter=limiter, clock=lambda: latest + 10, sign_statement=sign, statement_signer=address_of(SERVICE))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


class Caller:
    def __init__(self, port: int, token: str) -> None:
        self._url, self._headers = f"http://127.0.0.1:{port}/v1/verifications", {"Authorization": f"Bearer {token}"}

    def ask(self, path: str, body: object) -> tuple[bytes, float]:
        """(answer, seconds until its end)."""
        headers = self._headers | {"Content-Type": "application/json"}
        request = urllib.request.Request(self._url + path, json.dumps(body).encode(), headers)
        began = time.perf_counter()
        with urllib.request.urlopen(request, timeout=120) as answer:
            told = answer.read()
        return told, time.perf_counter() - began


def question(draw: random.Random) -> dict[str, object]:
    """As a listing asks: most items are there, the seller's words are compared."""
    number = draw.randrange(int(ITEMS * 1.02))
    return {"gtin": GTIN, "serial": f"S{number}", "expect": {"brand": "did:web:maison-verne.example", "model": "Cabas Verne 32"}}


def check(told: bytes, asked: int, draw: random.Random) -> None:
    lines = [json.loads(line) for line in told.splitlines()]
    assert [line["index"] for line in lines] == list(range(asked))
    answer = draw.choice(lines)["answer"]
    signer = Account.recover_message(encode_typed_data(full_message=answer["typed_data"]), signature=answer["signature"])
    assert signer.lower() == answer["signer"]


def measure(items: int = ITEMS, lists: int = LISTS) -> list[Figure]:
    draw = random.Random(11)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'ledger.db'}"
        make_database(url, items)
        engine, port = open_engine(url), free_port()
        with reading(engine) as connection:
            brand = connection.execute(text("SELECT brand FROM items LIMIT 1")).scalar_one()
        token = create_key(engine, organization=brand, name="bench", scopes=frozenset({Scope.VERIFY}), now=int(time.time())).token
        with started([sys.executable, "-m", "benchmarks.bulk", "serve", url, str(port)], port=port):
            caller = Caller(port, token)
            caller.ask("/bulk", [question(draw) for _ in range(QUESTIONS)])
            whole, single = [], []
            for _ in range(lists):
                told, seconds = caller.ask("/bulk", [question(draw) for _ in range(QUESTIONS)])
                whole.append(seconds)
                check(told, QUESTIONS, draw)
            single = [caller.ask("", question(draw))[1] for _ in range(SINGLE)]
        engine.dispose()
    return _figures(whole, single)


def _figures(whole: list[float], single: list[float]) -> list[Figure]:
    def p99(seconds: list[float]) -> float:
        return quantiles(seconds, n=100, method="inclusive")[98] * 1000

    per_second = round(QUESTIONS * len(whole) / sum(whole))
    lists = f"{len(whole)} lists of {QUESTIONS} among {ITEMS} items, one caller, one server process, an EIP-712 signature per answer"
    usual = Settings().rate_per_minute_key
    rate = f"without the limiter, which allows a key {usual} requests a minute: {usual * QUESTIONS_OF_ONE_REQUEST} questions in lists"
    times = f"median {median(whole) * 1000:.0f} ms, p99 of a single call {p99(single):.1f} ms"
    return [
        Figure("bulk_verify_per_s", per_second, "items/s", bar="≥ 2000", note=f"{lists}; {rate}"),
        Figure(
            "bulk_verify_p99_ms",
            round(p99(whole)),
            "ms",
            bar="< 1000",
            note=f"{lists}; from the question to the last line; {times}; {rate}",
        ),
    ]


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        os.nice(0)
        figures = [one for one in measure() if sys.argv[1:2] != ["p99"] or one.name == "bulk_verify_p99_ms"]
        keep(figures)
        print(json.dumps([vars(figure) for figure in figures], ensure_ascii=False))
