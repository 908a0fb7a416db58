"""A brand, two authenticators, and bags they disagree about, told to a real indexer by an honest fake chain: what statistics count."""

from typing import Any

from sqlalchemy import Engine

from ledger_api.indexer.loop import catch_up
from ledger_verify.codes import Kind, Role
from ledger_verify.hashing import ItemId
from tests.fake_chain import FakeChain, World
from tests.following import clock, following
from tests.reading_app import client_of, reading_app

AUTHENTIC, FAKE, UNSURE = 1, 2, 3


class Judging:
    """A brand, two authenticators, and bags they disagree about."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.world = engine, World(FakeChain(), engine)
        self.maison = self.world.admit("did:web:maison.example", "Maison", roles=int(Role.BRAND))
        self.pixel, self.lens = (
            self.world.admit(f"did:web:{name}.example", name.title(), roles=int(Role.AUTHENTICATOR)) for name in ("pixel", "lens")
        )
        self.indexer = following(engine, self.world.chain)
        self.block()

    def block(self) -> int:
        height = self.world.mine()
        catch_up(self.indexer, clock=clock)
        return height

    def bag(self, serial: str) -> ItemId:
        return self.world.manufacture(self.maison, serial)

    def says(self, who: Any, bag: ItemId, outcome: int, method: int = 1) -> None:
        self.world.record(who, bag, Kind.VERDICT, a=outcome, b=method, payload={})

    def rules(self, bag: ItemId, outcome: int) -> None:
        self.world.record(self.pixel, bag, Kind.DISPUTE, payload={})
        self.world.record(self.maison, bag, Kind.RULING, a=outcome, payload={})

    def told(self, name: str = "pixel") -> dict[str, Any]:
        return self.ask(f"/v1/statistics/authenticators/did:web:{name}.example")

    def verdicts(self, **query: str) -> dict[str, Any]:
        return self.ask("/v1/statistics/verdicts", **query)

    def ask(self, path: str, **query: str) -> dict[str, Any]:
        with client_of(reading_app(self.engine)) as client:
            answer = client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())
