"""Watched answers behind the real indexer: a platform is told when the answer would be another, and again when a reorg takes it back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from httpx import Client
from sqlalchemy import text

from ledger_api.auth import Scope
from ledger_api.indexer.loop import catch_up
from ledger_api.store.directory import keep_profile
from ledger_api.store.engine import reading, writing
from ledger_api.verification.answering import Voice
from ledger_api.verification.watching import Watcher
from ledger_verify.codes import Kind
from tests.fake_chain import FIRST_TIME, NETWORK
from tests.following import clock, following
from tests.gallery import (
    DAY,
    GTIN,
    OWNER,
    SECOND_OWNER,
    SERIALS,
    SERVICE,
    Gallery,
    address_of,
    happened,
    holder_of,
    make_gallery,
    resale_consent,
    sign,
    visiting,
)

Json = dict[str, Any]


@dataclass
class Watching:
    gallery: Gallery
    client: Client
    later: float = 0.0
    read: int = 0
    watcher: Watcher = field(init=False)

    def __post_init__(self) -> None:
        self.watcher = Watcher(self.gallery.engine, Voice(NETWORK, sign, address_of(SERVICE)), self.now)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.gallery.now + self.later, UTC)

    def watch(self, piece: str, **body: Any) -> Json:
        asked = {"gtin": GTIN, "serial": SERIALS[piece], "watch": True} | body
        answer = self.client.post("/v1/verifications", json=asked)
        assert answer.status_code == 200, answer.text
        assert self.told() == []
        return dict(answer.json())

    def told(self) -> list[Json]:
        """The notices since the last time, as they are sent."""
        while self.watcher.turn():
            pass
        with reading(self.gallery.engine) as connection:
            asked = text("SELECT number, type, subject, body FROM webhook_notices WHERE number > :read ORDER BY number")
            rows = connection.execute(asked, {"read": self.read}).all()
        self.read = rows[-1].number if rows else self.read
        return [orjson.loads(row.body) for row in rows]

    def happens(self, who: str, piece: str, kind: Kind, **event: Any) -> None:
        """Recorded in the next block, and read by the indexer."""
        happened(self.gallery, self.gallery.members[who], self.gallery.items[piece], kind, **event)
        self.gallery.block()


@pytest.fixture
def watching(database_url: str) -> Iterator[Watching]:
    gallery = make_gallery(database_url)
    with visiting(gallery, gallery.key("platform", Scope.VERIFY)) as client:
        yield Watching(gallery, client)
    gallery.engine.dispose()


def codes(answer: Json) -> list[str]:
    return [reason["code"] for reason in answer["reasons"] if reason["code"] != "not-final"]


def stolen(it: Watching) -> None:
    it.happens("maison", "lune", Kind.HOLD, a=1, consented=True)


def disputed(it: Watching) -> None:
    it.happens("expert", "lune", Kind.DISPUTE, payload={"grounds": "x"})


def recalled(it: Watching) -> None:
    it.happens("maison", "lune", Kind.HOLD, a=3)


def judged(it: Watching) -> None:
    it.happens("maison", "lune", Kind.VERDICT, a=2, b=3)


def judged_alike(it: Watching) -> None:
    it.happens("expert", "lune", Kind.VERDICT, a=1, b=3)


def transferred(it: Watching) -> None:
    it.happens("maison", "lune", Kind.TRANSFER, party=holder_of(OWNER), consented=True)


@pytest.mark.parametrize(
    ("what", "changed", "reasons"),
    [
        (stolen, ["decision", "reasons"], ["on-hold:stolen"]),
        (disputed, ["decision", "reasons"], ["disputed"]),
        (recalled, ["decision", "reasons"], ["on-hold:recalled"]),
        (judged, ["decision", "reasons", "verdict"], ["not-authentic"]),
        (judged_alike, ["verdict"], []),
        (transferred, ["holder"], []),
    ],
)
def test_each_thing_that_changes_the_answer_is_told_once_with_the_signed_answer(
    watching: Watching, what: Callable[[Watching], None], changed: list[str], reasons: list[str]
) -> None:
    watch = watching.watch("lune")["watch"]

    what(watching)

    (told,) = watching.told()
    new = told["data"]["new"]
    signer = Account.recover_message(encode_typed_data(full_message=new["typed_data"]), signature=new["signature"])
    assert (told["type"], told["data"]["watch"], told["data"]["changed"]) == ("verification.changed", watch["id"], changed)
    assert (codes(new), told["data"]["old"]["decision"]) == (reasons, "accept")
    assert signer.lower() == new["signer"] == "0x" + address_of(SERVICE).hex()
    assert watching.told() == []


def test_a_seller_who_hands_it_on_and_a_consent_that_history_has_withdrawn_are_told(watching: Watching) -> None:
    seller = {"claim_key": "0x" + address_of(SECOND_OWNER).hex()}
    watching.watch("lune", expect={"seller": seller})
    watching.watch("lune", step="pay")

    transferred(watching)

    told = {codes(one["data"]["new"])[0]: one["data"]["changed"] for one in watching.told()}
    assert told == {"not-the-holder": ["decision", "reasons", "holder"], "consent-missing": ["reasons", "holder"]}


def test_a_good_consent_that_any_event_makes_useless_is_told(watching: Watching) -> None:
    consent = resale_consent(watching.gallery, "lune", by=SECOND_OWNER, to=OWNER, deadline=int(watching.gallery.now) + DAY)
    answer = watching.watch("lune", step="pay", consent=consent)

    watching.happens("maison", "lune", Kind.SERVICE, payload={"description": "polished"})

    (told,) = watching.told()
    assert (answer["decision"], codes(told["data"]["new"]), told["data"]["changed"]) == (
        "accept",
        ["consent-invalid"],
        ["decision", "reasons"],
    )


def test_an_event_that_changes_nothing_watched_is_not_told(watching: Watching) -> None:
    watching.watch("lune")

    watching.happens("maison", "lune", Kind.SERVICE, payload={"description": "polished"})

    assert watching.told() == []


def test_when_a_reorg_takes_it_back_that_is_told_too(watching: Watching) -> None:
    watching.watch("lune")
    stolen(watching)
    (first,) = watching.told()

    watching.gallery.world.reorg(1, then=2)
    catch_up(following(watching.gallery.engine, watching.gallery.world.chain), clock=clock)

    (second,) = watching.told()
    assert codes(first["data"]["new"]) == ["on-hold:stolen"]
    assert (codes(second["data"]["new"]), second["data"]["old"]["decision"]) == ([], "reject")
    assert (first["subject"], second["subject"]) == (f"item:0x{watching.gallery.items['lune'].hex()}",) * 2


def test_what_only_time_changes_is_told(watching: Watching) -> None:
    watching.watch("examined")

    watching.later = FIRST_TIME + 21 * DAY - watching.gallery.now
    (told,) = watching.told()

    assert "on-hold:in-verification" in [reason["code"] for reason in told["data"]["old"]["reasons"]]
    assert "on-hold:in-verification" not in codes(told["data"]["new"])


def test_a_watch_ends_when_it_said_and_says_so(watching: Watching) -> None:
    until = datetime.fromtimestamp(watching.gallery.now + 3600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    watch = watching.watch("lune", watch={"until": until})["watch"]

    watching.later = 3601
    (told,) = watching.told()
    stolen(watching)

    assert watch["until"] == until
    assert (told["type"], told["data"]["watch"]) == ("verification.watch-ended", watch["id"])
    assert watching.told() == []


def test_the_same_question_is_one_watch_and_it_is_listed_and_ended_by_its_owner_alone(watching: Watching) -> None:
    first, second = watching.watch("lune")["watch"], watching.watch("lune")["watch"]
    stranger = {"Authorization": f"Bearer {watching.gallery.key('boutique', Scope.VERIFY)}"}

    listed = watching.client.get("/v1/watches").json()["watches"]
    refused = watching.client.delete(f"/v1/watches/{first['id']}", headers=stranger)
    others = watching.client.get("/v1/watches", headers=stranger).json()["watches"]
    ended = watching.client.delete(f"/v1/watches/{first['id']}")
    stolen(watching)

    assert first == second
    assert [(one["id"], one["decision"]) for one in listed] == [(first["id"], "accept")]
    assert (refused.status_code, refused.json()["code"], others, ended.status_code) == (404, "no-such-watch", [], 204)
    assert watching.told() == []


def unknown(it: Watching, **body: Any) -> Json:
    return it.client.post("/v1/verifications", json={"watch": True} | body).json()["watch"]


@pytest.mark.parametrize("named", [{"gtin": GTIN, "serial": "NEW-1"}, {"digital_link": f"https://id.example/01/{GTIN}/21/NEW-1"}])
def test_a_piece_that_nobody_knows_is_watched_until_it_is_born(watching: Watching, named: Json) -> None:
    watch = unknown(watching, **named)
    assert watching.told() == []
    assert watching.client.get("/v1/watches").json()["watches"][0]["item"] is None

    world = watching.gallery.world
    item = "0x" + world.manufacture(watching.gallery.members["maison"], "NEW-1", model="Sac Lune").hex()
    watching.gallery.block()

    (told,) = watching.told()
    assert (told["data"]["watch"], told["data"]["item"], told["subject"]) == (watch["id"], item, f"item:{item}")
    assert [reason["code"] for reason in told["data"]["old"]["reasons"]] == ["unknown-item"]
    assert codes(told["data"]["new"]) == ["not-sold", "no-verdict"]
    assert watching.client.get("/v1/watches").json()["watches"][0]["item"] == item


def test_a_watch_of_nothing_ends_like_any_other(watching: Watching) -> None:
    until = datetime.fromtimestamp(watching.gallery.now + 3600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    watch = unknown(watching, gtin=GTIN, serial="NOBODY", watch={"until": until})

    watching.later = 3601
    (told,) = watching.told()

    assert (told["type"], told["data"]["item"], told["subject"]) == ("verification.watch-ended", None, f"watch:{watch['id']}")


@pytest.mark.parametrize(("piece", "code", "brand"), [("withheld", "withheld", "secret"), ("folded", "unknown-item", "folding")])
def test_what_a_brand_hides_tells_nothing_of_itself_until_the_brand_shows_it(watching: Watching, piece: str, code: str, brand: str) -> None:
    answer = watching.watch(piece)
    assert watching.client.get("/v1/watches").json()["watches"][0]["item"] is None

    watching.happens(brand, piece, Kind.HOLD, a=3)
    assert (codes(answer), watching.told()) == ([code], [])

    show(watching, brand)
    (told,) = watching.told()
    assert [reason["code"] for reason in told["data"]["old"]["reasons"]] == [code]
    assert "on-hold:recalled" in codes(told["data"]["new"])


def show(it: Watching, brand: str) -> None:
    """The brand lets everybody see its items from now on."""
    member = it.gallery.members[brand]
    row = {"organization": member.id, "did": member.did, "name": "Maison", "country": None, "visibility": "public"}
    with writing(it.gallery.engine) as connection:
        keep_profile(connection, row | {"created_at": datetime.fromtimestamp(it.gallery.now, UTC)})
