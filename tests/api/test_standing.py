"""Opinions stay when their authors no longer stand, and say so: by what the chain tells, through reorgs and a rebuild alike."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from ledger_api.indexer.loop import catch_up
from ledger_api.passport.making import moment
from ledger_api.passport.standing import standing_at
from ledger_api.rebuild import rebuild
from ledger_verify.codes import Kind, Role
from ledger_verify.hashing import ItemId
from tests.fake_chain import FIRST_TIME, FakeChain, Member, World
from tests.following import clock, copy_payload_store, following, new_database, passport, rows
from tests.reading_app import client_of, reading_app

ONE_YEAR = 365 * 86_400


class Judged:
    """A bag judged authentic by an expert whom its brand accredited, and the indexer that reads of it."""

    def __init__(self, engine: Engine, *, until: int = 0) -> None:
        self.engine, self.world = engine, World(FakeChain(), engine)
        self.maison = self.world.admit("did:web:maison.example", "Maison", roles=int(Role.BRAND))
        self.expert = self.world.admit("did:web:expert.example", "Expert", roles=int(Role.AUTHENTICATOR))
        self.world.accredit(self.maison, self.expert, int(Role.AUTHENTICATOR), until=until)
        self.world.mine()
        self.bag: ItemId = self.world.manufacture(self.maison, "S-1", model="Lune")
        self.world.record(self.expert, self.bag, Kind.VERDICT, a=1, b=3, payload={})
        self.world.mine()
        self.indexer = following(engine, self.world.chain)
        self.follow()

    def follow(self) -> None:
        catch_up(self.indexer, clock=clock)

    def happens(self, *what: Any) -> str:
        """Each in a block of its own, followed; gives the last block's time."""
        for one in what:
            one()
            self.world.mine()
            self.follow()
        return moment(self.world.chain.blocks[-1].time)

    def withdraw(self) -> None:
        self.world.accredit(self.maison, self.expert, int(Role.AUTHENTICATOR), scope=0)

    def accredit(self) -> None:
        self.world.accredit(self.maison, self.expert, int(Role.AUTHENTICATOR))

    def standing(self) -> Any:
        told = passport(self.engine, self.bag)
        assert told["verdict"]["standing"] == told["story"][1]["standing"]
        return told["verdict"]["standing"]


@pytest.fixture
def judged(engine: Engine) -> Judged:
    return Judged(engine)


def test_an_opinion_of_somebody_who_stands_says_nothing_of_it(judged: Judged) -> None:
    assert judged.standing() is None


def test_a_verdict_stays_in_effect_when_its_accreditation_is_withdrawn_and_says_so(judged: Judged) -> None:
    when = judged.happens(judged.withdraw)

    assert passport(judged.engine, judged.bag)["verdict"]["outcome"] == "authentic"
    assert judged.standing() == {"reason": "accreditation-withdrawn", "since": when, "until": None}


def test_an_accreditation_given_again_takes_the_mark_away(judged: Judged) -> None:
    judged.happens(judged.withdraw, judged.accredit)

    assert judged.standing() is None


def test_the_consortiums_accreditation_is_enough_when_the_brands_is_withdrawn(judged: Judged) -> None:
    consortium = judged.world.admit("did:web:consortium.example", "Consortium", roles=0)
    judged.happens(lambda: judged.world.accredit(consortium, judged.expert, int(Role.AUTHENTICATOR)), judged.withdraw)

    assert judged.standing() is None


def test_a_grant_for_other_categories_does_not_cover_the_bag(judged: Judged) -> None:
    when = judged.happens(lambda: judged.world.accredit(judged.maison, judged.expert, int(Role.AUTHENTICATOR), scope=1 << 2))

    assert judged.standing()["reason"] == "accreditation-withdrawn"
    assert judged.standing()["since"] == when


def test_a_suspended_author_is_marked_and_a_reinstated_one_is_not(judged: Judged) -> None:
    when = judged.happens(lambda: judged.world.suspend(judged.expert))
    assert judged.standing() == {"reason": "suspended", "since": when, "until": None}

    judged.happens(lambda: judged.world.reinstate(judged.expert))

    assert judged.standing() is None


def test_a_retired_key_is_named_and_a_compromised_one_voids(judged: Judged) -> None:
    when = judged.happens(lambda: judged.world.retire_signer(judged.expert))
    assert judged.standing() == {"reason": "signer-retired", "since": when, "until": None}

    judged.happens(lambda: judged.world.compromise(judged.expert, 2))

    since = moment(judged.world.chain.blocks[2].time)
    assert judged.standing() == {"reason": "compromised", "since": since, "until": None}
    assert passport(judged.engine, judged.bag)["story"][1]["void"] == "compromised"


def test_since_when_a_key_is_compromised_is_the_time_of_that_block_however_little_happened_in_it(
    engine: Engine, judged: Judged, tmp_path: Any
) -> None:
    """Nothing of ours is in that block: who follows from the beginning, by ranges, reads over it, and tells the same all the same."""
    quiet = judged.world.mine(120) - 60
    judged.world.record(judged.expert, judged.bag, Kind.VERDICT, a=1, b=3, payload={})
    judged.happens(lambda: judged.world.compromise(judged.expert, quiet))
    judged.world.mine(120)
    judged.follow()
    elsewhere = new_database(f"sqlite:///{tmp_path / 'elsewhere.db'}")
    copy_payload_store(engine, elsewhere)

    catch_up(following(elsewhere, judged.world.chain), clock=clock)

    first, second = (entry["standing"] for entry in passport(engine, judged.bag)["story"][1:])
    assert first["reason"] == "signer-retired"
    assert second == {"reason": "compromised", "since": moment(judged.world.chain.blocks[quiet].time), "until": None}
    assert passport(elsewhere, judged.bag) == passport(engine, judged.bag)
    assert rebuild(judged.indexer, clock=clock).unchanged
    elsewhere.dispose()


def test_a_compromise_that_falls_out_of_the_chain_voids_nothing(judged: Judged) -> None:
    judged.happens(lambda: judged.world.compromise(judged.expert, 2))
    assert judged.standing()["since"] is not None

    judged.world.reorg(1)
    judged.follow()

    assert judged.standing() is None and passport(judged.engine, judged.bag)["story"][1]["void"] is None


def test_a_withdrawal_that_falls_out_of_the_chain_marks_nothing(judged: Judged) -> None:
    judged.happens(judged.withdraw)
    assert judged.standing() is not None

    judged.world.reorg(1)
    judged.follow()

    assert judged.standing() is None
    assert rows(judged.engine, "SELECT item FROM refreshes") == []


def test_a_verdict_and_the_withdrawal_in_one_stretch_are_told_as_one(engine: Engine, judged: Judged) -> None:
    other = judged.world.manufacture(judged.maison, "S-2", model="Lune")
    judged.world.record(judged.expert, other, Kind.VERDICT, a=1, b=3, payload={})
    judged.withdraw()
    judged.world.mine()
    judged.follow()

    assert passport(engine, other)["verdict"]["standing"]["reason"] == "accreditation-withdrawn"


def test_an_accreditation_that_ran_out_is_in_no_passports_bytes_and_is_told_to_every_reader(engine: Engine) -> None:
    judged = Judged(engine, until=FIRST_TIME + ONE_YEAR)
    until = moment(FIRST_TIME + ONE_YEAR)
    before, after = (datetime.fromtimestamp(FIRST_TIME + ONE_YEAR + seconds, UTC) for seconds in (-1, 0))

    assert judged.standing() == {"reason": None, "since": None, "until": until}
    assert standing_at(judged.standing(), before) is None
    assert standing_at(judged.standing(), after) == {"reason": "accreditation-expired", "since": until, "until": until}
    with client_of(reading_app(engine)) as client:  # its clock is past the end
        told = client.get(f"/v1/items/0x{judged.bag.hex()}/events", params={"view": "effective"}).json()
    assert told["events"][1]["standing"]["reason"] == "accreditation-expired"


def test_a_rebuild_tells_the_same_of_every_author(engine: Engine, judged: Judged, tmp_path: Any) -> None:
    late: Member = judged.world.admit("did:web:late.example", "Late", roles=int(Role.AUTHENTICATOR))
    judged.happens(
        lambda: judged.world.accredit(judged.maison, late, int(Role.AUTHENTICATOR), until=FIRST_TIME + ONE_YEAR),
        lambda: judged.world.record(late, judged.bag, Kind.VERDICT, a=1, b=3, payload={}),
        judged.withdraw,
        lambda: judged.world.suspend(late),
    )
    elsewhere = new_database(f"sqlite:///{tmp_path / 'elsewhere.db'}")
    copy_payload_store(engine, elsewhere)
    catch_up(following(elsewhere, judged.world.chain), clock=clock)

    assert [entry["standing"] and entry["standing"]["reason"] for entry in passport(engine, judged.bag)["story"]] == [
        None,
        "accreditation-withdrawn",
        "suspended",
    ]
    assert passport(elsewhere, judged.bag) == passport(engine, judged.bag)
    assert rebuild(judged.indexer, clock=clock).unchanged
    elsewhere.dispose()
