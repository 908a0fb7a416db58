"""A small museum: one item for each thing the page and the verification have to say, on a chain in memory, read by the real indexer.

Names of the pieces are the keys of `Gallery.items`; each piece's serial is in `SERIALS`, all under `GTIN`.

    gallery = make_gallery(database_url)
    with visiting(gallery) as client:          # the service on that database
        client.get(gallery.path("stolen"))
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn, cast

import httpx
import pytest
from coincurve import PrivateKey
from fastapi import FastAPI
from sqlalchemy import Engine, text

from ledger_api.app import create_app
from ledger_api.auth import Limiter, Scope, create_key
from ledger_api.directory import Registrar
from ledger_api.domain.fields import rfc3339
from ledger_api.indexer.loop import catch_up
from ledger_api.intake import Intake
from ledger_api.interop.digital_link import item_path
from ledger_api.routes.deps import Context
from ledger_api.settings import Settings
from ledger_api.store.reading import PassportReader
from ledger_api.webhooks.endpoints import Terms as WebhookTerms
from ledger_verify.codes import Kind, Role
from ledger_verify.hashing import ItemId, claim_holder, consent_digest, item_id, keccak, organization_id, serial_commitment
from tests.fake_chain import BLINDING, FIRST_TIME, GTIN, NETWORK, FakeChain, Member, World
from tests.following import clock, following, new_database
from tests.lending import lent
from tests.reading_app import client_of

DAY = 86_400
OWNER, SECOND_OWNER, NEW_CARD = (PrivateKey(bytes(31) + bytes([number])) for number in (1, 2, 3))
SERVICE = PrivateKey(bytes(31) + b"\x09")

SERIALS = {
    "lune": "A3513268",
    "shop": "B1000001",
    "made": "B1000002",
    "sold": "B1000003",
    "stolen": "H7208047/7",
    "fake": "Z5924522%x",
    "cleared": "C1000001",
    "disputed": "C1000002",
    "examined": "C1000003",
    "recovering": "C1000004",
    "void": "C1000005",
    "expired": "C1000006",
    "inconclusive": "C1000007",
    "recalled": "C1000008",
    "retired": "C1000009",
    "bought": "C1000010",
    "enrolled": "E1000001",
    "withheld": "W1000001",
    "folded": "F1000001",
    "fresh": "N1000001",
}


def address_of(key: PrivateKey) -> bytes:
    return keccak(key.public_key.format(compressed=False)[1:])[12:]


def holder_of(key: PrivateKey) -> bytes:
    return claim_holder(address_of(key))


@dataclass
class Gallery:
    """The pieces by name, the members by name, and the service that shows them."""

    engine: Engine
    url: str
    world: World
    members: dict[str, Member] = field(default_factory=dict)
    items: dict[str, ItemId] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    # a minute after the newest block
    now: float = 0.0

    def path(self, piece: str) -> str:
        return item_path(GTIN, SERIALS[piece])

    def key(self, member: str, *scopes: Scope) -> str:
        made = create_key(
            self.engine,
            organization=self.members[member].id,
            name="test",
            scopes=frozenset(scope.value for scope in scopes),
            now=int(self.now),
        )
        return made.token

    def block(self) -> None:
        """One more block, read by the indexer."""
        self.world.mine()
        catch_up(following(self.engine, self.world.chain), clock=clock)


def make_gallery(database_url: str) -> Gallery:
    engine = new_database(database_url)
    world = World(FakeChain(), engine)
    gallery = Gallery(engine, database_url, world)
    _admit(gallery)
    world.mine()
    _well_travelled(gallery)
    _plain(gallery)
    _held(gallery)
    _judged(gallery)
    _hidden(gallery)
    world.mine(6)
    gallery.items["fresh"] = _made(gallery, "fresh", model="Demi-lune", colour="ivoire")
    gallery.block()
    gallery.now = FIRST_TIME + 12 * len(world.chain.blocks) + 60
    return gallery


def _admit(gallery: Gallery) -> None:
    world, members = gallery.world, gallery.members
    for name, title, roles in (
        ("maison", "Maison Aurélle", Role.BRAND),
        ("secret", "Maison Close", Role.BRAND),
        ("folding", "Maison Pliée", Role.BRAND),
        ("tannery", "Conceria Arno", Role.SUPPLIER),
        ("silk", "南通丝绸", Role.SUPPLIER),
        ("boutique", "Boutique Milano", Role.RETAILER),
        ("platform", "轉售 HK", Role.PLATFORM),
        ("expert", "Expert House", Role.AUTHENTICATOR),
        ("pixel", "Pixel Eye", Role.AUTHENTICATOR),
    ):
        members[name] = world.admit(f"did:web:{name}.example", title, roles=int(roles))
    with gallery.engine.begin() as connection:
        for name, visibility in (("secret", "withheld"), ("folding", "folded")):
            wanted = {"visibility": visibility, "organization": members[name].id}
            connection.execute(text("UPDATE profiles SET visibility = :visibility WHERE organization = :organization"), wanted)


def happened(gallery: Gallery, who: Member, item: ItemId, kind: Kind, *, days_ago: float | None = None, **event: Any) -> None:
    """An event recorded as it happened, or `days_ago` days before the chain began."""
    last = gallery.world.states[item].last_occurred_at if item in gallery.world.states else 0
    when = int(FIRST_TIME - days_ago * DAY) if days_ago is not None else max(last, FIRST_TIME - 600) + 1
    gallery.world.record(who, item, kind, **({"payload": {}, "occurred_at": when} | event))


def resale_consent(gallery: Gallery, piece: str, *, by: PrivateKey, to: PrivateKey, deadline: int) -> dict[str, str]:
    """The holder's, to a resale by whoever carries it, on the item's history as it is now."""
    state = gallery.world.states[gallery.items[piece]]
    digest = consent_digest(
        NETWORK.domain_separator,
        action=Kind.RESALE,
        item=gallery.items[piece],
        head=state.head,
        old_holder=state.holder,
        new_holder=holder_of(to),
        detail=0,
        carrier=bytes(32),
        store=bytes(32),
        deadline=deadline,
    )
    signature = by.sign_recoverable(digest, hasher=None)
    signed = "0x" + (signature[:64] + bytes([signature[64] + 27])).hex()
    return {"new_holder": "0x" + address_of(to).hex(), "deadline": rfc3339(deadline), "signature": signed}


def _made(
    gallery: Gallery, piece: str, *, brand: str = "maison", days_ago: float | None = None, category: int = 1, **payload: Any
) -> ItemId:
    member, serial = gallery.members[brand], SERIALS[piece]
    commitment = serial_commitment(BLINDING, GTIN, serial)
    item = gallery.items[piece] = item_id(member.id, commitment)
    gallery.world.name(item, member, gtin=GTIN, serial=serial)
    body = {"gtin": GTIN, "serial": serial, "model": "Lune", "colour": "noir"} | payload
    happened(gallery, member, item, Kind.MANUFACTURE, days_ago=days_ago, party=commitment, c=1, payload=body)
    return item


def _sold(gallery: Gallery, piece: str, **payload: Any) -> ItemId:
    item = _made(gallery, piece, **payload)
    happened(gallery, gallery.members["maison"], item, Kind.SALE, party=holder_of(OWNER))
    return item


def _well_travelled(gallery: Gallery) -> None:
    """Every ordinary thing that can happen to a bag, over two years."""
    world, members = gallery.world, gallery.members
    maison, boutique, expert, pixel = members["maison"], members["boutique"], members["expert"], members["pixel"]
    leather = world.raw_material(members["tannery"], "CONC-202500035", material="lambskin", origin="IT", certificates=["LWG-2186"])
    gallery.items["leather"] = leather
    world.record(members["tannery"], leather, Kind.SHIPMENT, party=maison.id, payload={})
    world.raw_material(members["silk"], "NANT-202500001", material="mulberry silk", origin="CN")
    lots = [f"{members['tannery'].did}#CONC-202500035", f"{members['silk'].did}#NANT-202500001", "did:web:acier-jura.example#ACIE-7"]
    item = _made(gallery, "lune", days_ago=760, model="Sac Lune", colour="noir", atelier="Atelier Pantin", lots=lots)
    mistake = {"reason": "Mistyped in the atelier", "replaces": {"colour": "noir satiné"}}
    story: list[tuple[float, Member, Kind, dict[str, Any]]] = [
        (752, maison, Kind.SHIPMENT, {"party": boutique.id}),
        (721, boutique, Kind.SALE, {"party": holder_of(OWNER)}),
        (410, pixel, Kind.VERDICT, {"a": 3, "b": 1, "payload": {"appraiser": "APR-12"}}),
        (373, expert, Kind.VERDICT, {"a": 1, "b": 3, "payload": {"appraiser": "APR-83"}}),
        (210, maison, Kind.SERVICE, {"payload": {"description": "Handle restitched, hardware polished"}}),
        (96, members["platform"], Kind.RESALE, {"party": holder_of(SECOND_OWNER), "payload": {"listing": "LST-7"}}),
        (0, maison, Kind.CORRECTION, {"time": 1, "payload": mistake}),
    ]
    for days_ago, who, kind, event in story:
        happened(gallery, who, item, kind, days_ago=days_ago, **event)
    world.mine()


def _plain(gallery: Gallery) -> None:
    world, members = gallery.world, gallery.members
    _made(gallery, "made")
    happened(gallery, members["maison"], _made(gallery, "shop"), Kind.SHIPMENT, party=members["boutique"].id)
    _sold(gallery, "sold")
    retired = _sold(gallery, "retired")
    happened(gallery, members["maison"], retired, Kind.RETIRE, consented=True, payload={"reason": "Lost in a fire"})
    bought = _sold(gallery, "bought")
    happened(gallery, members["platform"], bought, Kind.RESALE, party=members["platform"].id)
    stranger = organization_id("did:web:old-brand.example")
    serial, key = SERIALS["enrolled"], address_of(OWNER)
    gallery.items["enrolled"] = world.enrol(members["expert"], stranger, serial, key, model="Chronographe", colour="acier")
    world.mine()


def _held(gallery: Gallery) -> None:
    world, maison, expert = gallery.world, gallery.members["maison"], gallery.members["expert"]
    stolen = _sold(gallery, "stolen", model="晨光手袋", colour="rouge")
    happened(gallery, maison, stolen, Kind.HOLD, a=1, consented=True)
    happened(gallery, maison, _sold(gallery, "recalled"), Kind.HOLD, a=3)
    until = FIRST_TIME + 20 * DAY
    happened(gallery, expert, _sold(gallery, "examined"), Kind.HOLD, a=4, time=until, consented=True)
    happened(gallery, maison, _sold(gallery, "recovering"), Kind.RECOVERY, a=1, party=holder_of(NEW_CARD))
    world.mine()


def _judged(gallery: Gallery) -> None:
    world, maison = gallery.world, gallery.members["maison"]
    pixel, expert = gallery.members["pixel"], gallery.members["expert"]
    happened(gallery, pixel, _sold(gallery, "fake"), Kind.VERDICT, a=2, b=1, payload={"appraiser": "APR-7"})
    for piece in ("cleared", "disputed"):
        item = _sold(gallery, piece)
        happened(gallery, pixel, item, Kind.VERDICT, a=2, b=1)
        happened(gallery, expert, item, Kind.DISPUTE, payload={"grounds": "The stitching is the atelier's own."})
    happened(gallery, maison, gallery.items["cleared"], Kind.RULING, a=1, payload={"grounds": "Compared with the atelier's ledger."})
    happened(gallery, expert, _sold(gallery, "expired"), Kind.VERDICT, a=1, b=3, time=FIRST_TIME)
    happened(gallery, expert, _sold(gallery, "inconclusive"), Kind.VERDICT, a=3, b=1)
    happened(gallery, pixel, _sold(gallery, "void"), Kind.VERDICT, a=1, b=2)
    height = world.mine()
    late = gallery.world.admit("did:web:careless.example", "Careless Check", roles=int(Role.AUTHENTICATOR))
    happened(gallery, late, gallery.items["void"], Kind.VERDICT, a=1, b=3)
    world.compromise(late, height)
    world.mine()


def _hidden(gallery: Gallery) -> None:
    """Sold, somebody asks for a new key, and then their owner reports them stolen: much to hide, and much that their owner must hear."""
    for piece, brand in (("withheld", "secret"), ("folded", "folding")):
        item, house = _made(gallery, piece, brand=brand), gallery.members[brand]
        happened(gallery, house, item, Kind.SALE, party=holder_of(OWNER))
        happened(gallery, house, item, Kind.RECOVERY, a=1, party=holder_of(NEW_CARD))
        happened(gallery, house, item, Kind.HOLD, a=1, consented=True)
    gallery.world.mine()


def gallery_app(gallery: Gallery, **chosen: Any) -> FastAPI:
    """An application of this test's own; `visiting` lends one."""
    return create_app(context_of(gallery, **chosen))


def context_of(gallery: Gallery, **chosen: Any) -> Context:
    """The service on this database, without a node and without organizations' keys: enough for visitors and platforms.

    `chosen`: other parts of the context.
    """
    context = Context(
        settings=gallery.settings,
        engine=gallery.engine,
        network=NETWORK,
        intake=cast(Intake, Unused()),
        registrar=cast(Registrar, Unused()),
        limiter=Limiter(anonymous_per_minute=gallery.settings.rate_per_minute_anonymous, key_per_minute=6000),
        passports=PassportReader(gallery.url),
        clock=lambda: gallery.now,
        sign_statement=sign,
        statement_signer=address_of(SERVICE),
        card_secret=lambda salt: salt[:20],
        webhooks=WebhookTerms(lambda salt: salt, loopback=True),
    )
    return replace(context, **chosen)


@contextmanager
def standing_gallery(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Gallery]:
    """One for a whole module of tests that only look; who changes something makes a gallery of their own."""
    with ExitStack() as stack:
        url = f"sqlite:///{folder / 'ledger.db'}"
        if kind != "sqlite":
            url = stack.enter_context(request.getfixturevalue("postgres_databases").lent())
        gallery = make_gallery(url)
        gallery.settings = Settings(rate_per_minute_anonymous=100_000)
        stack.callback(gallery.engine.dispose)
        yield gallery


@contextmanager
def visiting(gallery: Gallery, token: str | None = None, **chosen: Any) -> Iterator[httpx.Client]:
    """A client of the service, in process; redirects are not followed."""
    with lent(context_of(gallery, **chosen)) as app, client_of(app) as client:
        client.base_url = httpx.URL(gallery.settings.base_url)
        if token is not None:
            client.headers["Authorization"] = f"Bearer {token}"
        yield client


class Unused:
    """A part that these doors never ask."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AssertionError(f"a page asked for {name}")


def sign(digest: bytes) -> bytes:
    signature = SERVICE.sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([signature[64] + 27])
