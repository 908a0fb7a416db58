"""A passport is a function of the chain and the payload store alone: dropped and derived again it has the very same bytes."""

import random

import pytest
from sqlalchemy import Engine

from ledger_api.errors import LaneBusy
from ledger_api.indexer.following import check, step
from ledger_api.indexer.loop import catch_up
from ledger_api.rebuild import passports_digest, rebuild
from ledger_verify.codes import Kind
from ledger_verify.hashing import ItemId, claim_holder
from ledger_verify.transition import word
from tests.fake_chain import FakeChain, Member, World
from tests.following import NOW, clock, copy_payload_store, following, mirror, new_database, rows, statuses, without

ITEMS = 300


class Story:
    """Hundreds of items, each with a life drawn from a seed: holds, disputes, corrections, recoveries, and blocks that fall out."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.world, self.draw = World(FakeChain(), engine), random.Random(seed)
        self.maison = self.world.admit("did:web:maison.example", "Maison")
        self.tannery = self.world.admit("did:web:tannery.example", "Tannery")
        self.expert = self.world.admit("did:web:expert.example", None)
        self.lots = [self.world.raw_material(self.tannery, f"L-{number}", material="calf", origin="IT") for number in range(10)]
        self.items: list[ItemId] = []

    def happen(self, times: int) -> None:
        for _ in range(times):
            self.draw.choice(
                [self.make, self.make, self.sell, self.judge, self.hold, self.dispute, self.correct, self.ship, self.ask_back]
            )()

    def make(self) -> None:
        if len(self.items) < ITEMS:
            number = len(self.items)
            lots = [f"did:web:tannery.example#L-{self.draw.randrange(12)}"]
            self.items.append(self.world.manufacture(self.maison, f"S-{number}", model=f"M-{number % 7}", colour="noir", lots=lots))

    def sell(self) -> None:
        self.later(self.maison, Kind.SALE, party=claim_holder(self.draw.randbytes(20)), payload={"country": "FR"})

    def judge(self) -> None:
        self.later(self.expert, Kind.VERDICT, a=self.draw.randint(1, 3), b=self.draw.randint(1, 3), payload={"appraiser": "A-1"})

    def hold(self) -> None:
        self.later(self.maison, Kind.HOLD, a=3, payload=None)

    def dispute(self) -> None:
        self.later(self.expert, Kind.DISPUTE, payload={"grounds": "seen twice"})

    def correct(self) -> None:
        item = self.any_item()
        if item is not None:
            payload = {"reason": "typing", "replaces": {"colour": self.draw.choice(["bleu", "rouge"])}}
            self.world.record(self.maison, item, Kind.CORRECTION, time=1, payload=payload)

    def ship(self) -> None:
        self.world.record(self.tannery, self.draw.choice(self.lots), Kind.SHIPMENT, party=self.maison.id, payload={"reference": "x"})

    def ask_back(self) -> None:
        self.later(self.maison, Kind.RECOVERY, a=1, party=claim_holder(self.draw.randbytes(20)), payload=None)

    def later(self, organization: Member, kind: Kind, **event: object) -> None:
        item = self.any_item()
        if item is not None:
            self.world.record(organization, item, kind, **event)  # type: ignore[arg-type]

    def any_item(self) -> ItemId | None:
        born = [item for item in self.items if item in self.world.states]
        return self.draw.choice(born) if born else None


def test_rebuild_gives_the_same_bytes_after_reorgs_renames_and_compromised_keys(engine: Engine) -> None:
    story = Story(engine, seed=7)
    indexer = following(engine, story.world.chain)
    story.happen(400)
    story.world.mine()
    catch_up(indexer, clock=clock)
    reorgs = 0
    for round_number in range(25):
        story.happen(40)
        story.world.mine(story.draw.randint(1, 3))
        catch_up(indexer, clock=clock)
        if round_number % 4 == 3:
            undone_before = story.world.chain.blocks[-1].number
            story.world.reorg(1, then=1)
            reorgs += step(indexer, now=NOW).undone_blocks
            assert undone_before == story.world.chain.blocks[-1].number
            catch_up(indexer, clock=clock)
    story.world.compromise(story.expert, 12)
    story.world.mine()
    catch_up(indexer, clock=clock)
    before = mirror(engine)

    rebuilt = rebuild(indexer, clock=clock)

    assert rebuilt.unchanged and rebuilt.items > 150 and reorgs == 6
    assert without(mirror(engine), "blocks", "materials") == without(before, "blocks", "materials")


def test_every_item_s_word_is_that_of_the_twin_after_reorgs(engine: Engine) -> None:
    story = Story(engine, seed=8)
    indexer = following(engine, story.world.chain)
    for _ in range(10):
        story.happen(40)
        story.world.mine()
        catch_up(indexer, clock=clock)
        story.happen(10)
        story.world.mine()
        catch_up(indexer, clock=clock)
        story.world.reorg(1, then=1)

    catch_up(indexer, clock=clock)

    states = rows(engine, "SELECT item, passport FROM items")
    assert len(states) == len(story.world.states) > 50
    for item, passport in states:
        assert f'"word":"0x{word(story.world.states[item]):064x}"'.encode() in passport


def test_an_empty_database_with_the_same_payload_store_gives_the_same_passports(engine: Engine, tmp_path: object) -> None:
    story = Story(engine, seed=9)
    indexer = following(engine, story.world.chain)
    for _ in range(5):
        story.happen(60)
        story.world.mine()
        catch_up(indexer, clock=clock)
    other = new_database(f"sqlite:///{tmp_path}/other.db")
    copy_payload_store(engine, other)

    catch_up(following(other, story.world.chain), clock=clock)

    assert passports_digest(other) == passports_digest(engine)


def test_rebuild_leaves_the_outcomes_of_accepted_events_alone(engine: Engine) -> None:
    world = World(FakeChain(), engine)
    maison = world.admit("did:web:maison.example", "Maison")
    bag = world.manufacture(maison, "S-1")
    service = world.record(maison, bag, Kind.SERVICE, payload={"description": "polished"})
    world.accept(maison, service, expected=world.states[bag])
    world.mine(5)
    indexer = following(engine, world.chain)
    catch_up(indexer, clock=clock)
    assert statuses(engine) == [("final", None)]

    rebuild(indexer, clock=clock)

    assert statuses(engine) == [("final", None)]


def test_rebuild_waits_for_no_indexer_at_work(engine: Engine) -> None:
    world = World(FakeChain(), engine)
    world.admit("did:web:maison.example", "Maison")
    world.mine()
    at_work = following(engine, world.chain, owner="at work")
    check(at_work)
    step(at_work, now=NOW)
    before = mirror(engine)

    with pytest.raises(LaneBusy):
        rebuild(following(engine, world.chain), clock=clock)

    assert mirror(engine) == before
