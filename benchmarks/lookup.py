"""Passports by serial per second on one core, against an `async def` route that returns a constant of the same size in the same server.

Also the same among 1,000 and among 200,000 items. The body is a real passport; the server is uvicorn with the real application and
its middleware; serials are drawn at random. Prints one JSON line and keeps `lookup_vs_constant` and `lookup_growth`.
"""

import json
import os
import random
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import uvicorn
from fastapi import APIRouter, Response
from sqlalchemy import Engine, insert, text
from sqlmodel import SQLModel

from benchmarks.figures import Figure, keep
from ledger_api.indexer.loop import catch_up
from ledger_api.listings.scans import Scans
from ledger_verify.codes import Kind
from ledger_verify.hashing import claim_holder, keccak
from tests.fake_chain import GTIN, FakeChain, World
from tests.following import following, new_database
from tests.reading_app import reading_app
from tests.servers import free_port, started

FEW, MANY = 1_000, 200_000
CONNECTIONS = 16
SECONDS = 1.5
ROUNDS = 9
ROWS_AT_ONCE = 20_000
NO_LIMIT = 10**12


# --- the database --------------------------------------------------------------------------------------------------


def make_database(url: str, items: int) -> None:
    """One item with a whole life as the indexer writes it, and as many others whose passports differ in their ids."""
    engine = new_database(url)
    world = World(FakeChain(), engine)
    model = _life(world)
    world.mine(4)
    catch_up(following(engine, world.chain))
    _multiply(engine, model, items)
    engine.dispose()


def _life(world: World) -> bytes:
    maison = world.admit("did:web:maison-verne.example", "Maison Verne")
    tannery = world.admit("did:web:tannery-bianchi.example", "Conceria Bianchi")
    shop = world.admit("did:web:shop.example", "Galerie du Quai")
    expert = world.admit("did:web:expert.example", "Expert House")
    world.raw_material(tannery, "CONC-2025-0042", material="lambskin, full grain", origin="IT", certificates=["LWG Gold 2025"])
    bag = world.manufacture(
        maison, "S0", model="Cabas Verne 32", colour="bleu nuit", atelier="Lyon 3", lots=["did:web:tannery-bianchi.example#CONC-2025-0042"]
    )
    world.record(maison, bag, Kind.SHIPMENT, party=shop.id, payload={"reference": "D-1"})
    world.record(shop, bag, Kind.SALE, party=claim_holder(b"\x07" * 20), payload={"country": "FR"})
    world.record(expert, bag, Kind.VERDICT, a=1, b=3, payload={"appraiser": "APR-07", "grounds": "agrees with the reference"})
    return bag


def _multiply(engine: Engine, model: bytes, items: int) -> None:
    with engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM items WHERE item = :item"), {"item": model}).one()._asdict()
    for start in range(1, items, ROWS_AT_ONCE):
        others = [(f"S{number}", keccak(b"%d" % number)) for number in range(start, min(items, start + ROWS_AT_ONCE))]
        passports = [
            row | {"item": item, "passport": row["passport"].replace(model.hex().encode(), item.hex().encode())} for _, item in others
        ]
        named = [{"item": item, "brand": row["brand"], "gtin": GTIN, "serial": serial, "lot": None} for serial, item in others]
        with engine.begin() as connection:
            connection.execute(insert(SQLModel.metadata.tables["items"]), passports)
            connection.execute(insert(SQLModel.metadata.tables["identifiers"]), named)


# --- the server ----------------------------------------------------------------------------------------------------


def serve(url: str, port: int, items: int) -> None:
    """The application, one worker, and a route beside it that returns a passport it was given at the start."""
    engine = new_database(url)
    scans = Scans(engine, time.time)  # every lookup by serial is counted
    scans.start()
    app = reading_app(engine, anonymous_per_minute=NO_LIMIT, scans=scans)
    passports = app.state.context.passports
    for number in range(items):  # as after a day of lookups: the file is in memory
        passports.by_serial(GTIN, f"S{number}")
    constant = passports.by_serial(GTIN, "S0").envelope()
    router = APIRouter()

    @router.get("/constant")
    async def constant_route() -> Response:
        return Response(constant, media_type="application/json")

    app.include_router(router)
    app.router.routes.insert(0, app.router.routes.pop())  # a route like every other, and found first
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


@contextmanager
def _server(url: str, items: int) -> Iterator[int]:
    port = free_port()
    with started([sys.executable, "-m", "benchmarks.lookup", "serve", url, str(port), str(items)], port=port):
        yield port


# --- the callers ---------------------------------------------------------------------------------------------------


class Callers:
    """Kept-alive connections that each have one request under way; cheap enough for the server to be what is measured."""

    def __init__(self, port: int) -> None:
        self._sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
        for each in self._sockets:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            each.settimeout(30)

    def per_second(self, path: Callable[[], str], seconds: float = SECONDS) -> float:
        paths = [self._request(path()) for _ in range(5_000)]
        answered, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            for place, each in enumerate(self._sockets):
                each.send(paths[(answered + place) % len(paths)])
            for each in self._sockets:
                self._answer(each)
            answered += len(self._sockets)
        return answered / (time.perf_counter() - began)

    def body(self, path: str) -> bytes:
        self._sockets[0].send(self._request(path))
        return self._answer(self._sockets[0])

    def close(self) -> None:
        for each in self._sockets:
            each.close()

    def _request(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nhost: ledger.example\r\naccept: application/json\r\n\r\n".encode()

    def _answer(self, connection: socket.socket) -> bytes:
        received = connection.recv(65_536)
        if not received.startswith(b"HTTP/1.1 200"):
            raise AssertionError(received[:500])
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += connection.recv(65_536)
        return body


def measure(few: int = FEW, many: int = MANY) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        callers = {}
        for items in (few, many):
            url = f"sqlite:///{Path(folder) / f'{items}.db'}"
            make_database(url, items)
            callers[items] = Callers(stack.enter_context(_server(url, items)))
            stack.callback(callers[items].close)
        size = len(callers[few].body("/constant"))
        rounds = [_round(callers[few], few, callers[many], many) for _ in range(ROUNDS)]
    return _figures(rounds, size, few, many)


def _round(small: Callers, few: int, large: Callers, many: int) -> tuple[float, float, float]:
    """(constant, lookup among few, lookup among many), close together in time: a machine's mood lasts longer than a round."""
    draw = random.Random(7)
    constant = large.per_second(lambda: "/constant")
    among_few = small.per_second(lambda: _path(draw.randrange(few)))
    among_many = large.per_second(lambda: _path(draw.randrange(many)))
    return constant, among_few, among_many


def _path(number: int) -> str:
    return f"/v1/items?gtin={GTIN}&serial=S{number}"


def _figures(rounds: Sequence[tuple[float, float, float]], size: int, few: int, many: int) -> list[Figure]:
    constants, small, large = (list(column) for column in zip(*rounds, strict=True))
    against = [many_per_s / constant for constant, _, many_per_s in rounds]
    growth = [many_per_s / few_per_s for _, few_per_s, many_per_s in rounds]
    how = f"one uvicorn process, {CONNECTIONS} connections, {size} bytes, {many} items; median of {len(rounds)} rounds"
    return [
        Figure(
            "lookup_vs_constant", round(median(large)), "requests/s", round(median(constants)), "a constant of the same size",
            round(median(against), 2), "≥ 0.7×", how,
        ),
        Figure(
            "lookup_growth", round(median(large)), "requests/s", round(median(small)), f"the same among {few} items",
            round(median(growth), 2), "≥ 0.85×", f"among {many} items",
        ),
    ]  # fmt: skip


def main(arguments: Sequence[str]) -> None:
    if arguments[:1] == ["serve"]:
        serve(arguments[1], int(arguments[2]), int(arguments[3]))
        return
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    figures = measure(*map(int, arguments))
    keep(figures)
    print(json.dumps({figure.name: figure.ratio for figure in figures}))


if __name__ == "__main__":
    main(sys.argv[1:])
