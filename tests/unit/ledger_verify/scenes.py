"""Items in every state that the rules tell apart, by name. Each scene is made anew, so a test may go on writing it."""

from collections.abc import Callable

from ledger_verify.codes import LONGEST_VERIFICATION, RECOVERY_PERIOD, RULING_PERIOD, STOLEN_RELEASE, Hold, Kind, Method, Outcome, Phase
from tests.unit.ledger_verify.world import (
    ALICE,
    BOB,
    CONSORTIUM,
    FOREBEAR,
    HANDBAG,
    HOUSE,
    MAISON,
    OLD_HOUSE,
    PLATFORM,
    SHOP,
    STORE,
    TANNERY,
    WATCH,
    Story,
)

IN_PERSON = {"a": Outcome.AUTHENTIC, "b": Method.IN_PERSON}


def lot() -> Story:
    story = Story(TANNERY)
    return story.land(Kind.RAW_MATERIAL, TANNERY, party=story.commitment)


def unsold(category: int = HANDBAG, maker: bytes = MAISON) -> Story:
    story = Story(maker)  # type: ignore[arg-type]  # one of the world's organizations
    return story.land(Kind.MANUFACTURE, story.maker, party=story.commitment, c=category)


def at_shop() -> Story:
    return unsold().land(Kind.SHIPMENT, MAISON, party=SHOP)


def sold() -> Story:
    return unsold().land(Kind.SALE, MAISON, party=ALICE)


def bought_in() -> Story:
    return sold().land(Kind.TRANSFER, PLATFORM, party=SHOP)


def judged(outcome: int, method: int, expiry: int = 0) -> Story:
    return sold().land(Kind.VERDICT, HOUSE, a=outcome, b=method, time=expiry)


def held(hold: int) -> Story:
    return sold().land(Kind.HOLD, PLATFORM, a=hold, consented=True)


def disputed() -> Story:
    return sold().land(Kind.DISPUTE, STORE)


def ruled(outcome: int) -> Story:
    return disputed().land(Kind.RULING, MAISON, a=outcome)


def verifying() -> Story:
    story = sold()
    return story.land(Kind.HOLD, STORE, a=Hold.IN_VERIFICATION, time=story.now + 86400, consented=True)


def recovering() -> Story:
    return sold().land(Kind.RECOVERY, MAISON, a=Phase.REQUEST, party=BOB)


def enrolled(brand: bytes = OLD_HOUSE) -> Story:
    story = Story(brand)  # type: ignore[arg-type]
    return story.land(Kind.ENROLMENT, HOUSE, party=ALICE, c=HANDBAG, consented=True, **IN_PERSON)


SCENES: dict[str, Callable[[], Story]] = {
    "unborn": Story,
    "unborn lot": lambda: Story(TANNERY),
    "unborn of a brand that never joined": lambda: Story(OLD_HOUSE),
    "lot": lot,
    "lot shipped to its buyer": lambda: lot().land(Kind.SHIPMENT, TANNERY, party=MAISON),
    "lot held as lost": lambda: lot().land(Kind.HOLD, TANNERY, a=Hold.LOST),
    "lot disputed by its buyer": lambda: lot().land(Kind.SHIPMENT, TANNERY, party=MAISON).land(Kind.DISPUTE, MAISON),
    "lot disputed by its supplier after shipping": lambda: lot().land(Kind.SHIPMENT, TANNERY, party=MAISON).land(Kind.DISPUTE, TANNERY),
    "lot retired": lambda: lot().land(Kind.RETIRE, TANNERY),
    "unsold": unsold,
    "unsold watch": lambda: unsold(WATCH),
    "unsold at a shop": at_shop,
    "unsold, held by the shop as lost": lambda: at_shop().land(Kind.HOLD, SHOP, a=Hold.LOST),
    "unsold at a shop, recalled by the brand": lambda: at_shop().land(Kind.HOLD, MAISON, a=Hold.RECALLED),
    "unsold, held as disputed": lambda: unsold().land(Kind.HOLD, MAISON, a=Hold.DISPUTED),
    "unsold, judged fake": lambda: unsold().land(Kind.VERDICT, STORE, a=Outcome.NOT_AUTHENTIC, b=Method.PHOTO),
    "unsold, retired": lambda: unsold().land(Kind.RETIRE, MAISON),
    "sold": sold,
    "sold watch": lambda: unsold(WATCH).land(Kind.SALE, MAISON, party=ALICE),
    "resold": lambda: sold().land(Kind.RESALE, PLATFORM, party=BOB),
    "sold, lost": lambda: held(Hold.LOST),
    "sold, stolen": lambda: held(Hold.STOLEN),
    "sold, release of stolen begun": lambda: held(Hold.STOLEN).land(Kind.RELEASE, PLATFORM, a=Hold.STOLEN, consented=True),
    "sold, release of stolen waited for": lambda: (
        held(Hold.STOLEN).land(Kind.RELEASE, PLATFORM, a=Hold.STOLEN, consented=True).wait(STOLEN_RELEASE)
    ),
    "sold, recalled": lambda: sold().land(Kind.HOLD, MAISON, a=Hold.RECALLED),
    "sold, disputed by an authenticator": disputed,
    "sold, disputed by its owner": lambda: sold().land(Kind.DISPUTE, PLATFORM, consented=True),
    "sold, disputed by its brand": lambda: sold().land(Kind.DISPUTE, MAISON),
    "sold, dispute left unanswered": lambda: disputed().wait(RULING_PERIOD),
    "sold, in verification": verifying,
    "sold, in verification for too long": lambda: verifying().wait(LONGEST_VERIFICATION),
    "sold, authentic by photo": lambda: judged(Outcome.AUTHENTIC, Method.PHOTO),
    "sold, authentic in person until it expired": lambda: judged(Outcome.AUTHENTIC, Method.IN_PERSON, expiry=sold().now + 1000).wait(1000),
    "sold, inconclusive by chip": lambda: judged(Outcome.INCONCLUSIVE, Method.CHIP),
    "sold, fake by photo": lambda: judged(Outcome.NOT_AUTHENTIC, Method.PHOTO),
    "sold, fake in person": lambda: judged(Outcome.NOT_AUTHENTIC, Method.IN_PERSON),
    "sold, fake by ruling": lambda: ruled(Outcome.NOT_AUTHENTIC),
    "sold, authentic by ruling": lambda: ruled(Outcome.AUTHENTIC),
    "bought in by a shop": bought_in,
    "bought in by a shop, stolen there": lambda: bought_in().land(Kind.HOLD, SHOP, a=Hold.STOLEN),
    "sold, recovery requested": recovering,
    "sold, recovery ready": lambda: recovering().wait(RECOVERY_PERIOD),
    "enrolled": enrolled,
    "enrolled for a member brand": lambda: enrolled(MAISON),
    "enrolled, then made": lambda: _joined(enrolled(MAISON)),
    "enrolled, disputed": lambda: enrolled().land(Kind.DISPUTE, CONSORTIUM),
    "sold, retired": lambda: sold().land(Kind.RETIRE, PLATFORM, consented=True),
    "sold of a brand with a successor": lambda: unsold(maker=FOREBEAR).land(Kind.SALE, FOREBEAR, party=ALICE),
    "unsold, held by a brand that is gone": lambda: unsold(maker=FOREBEAR).land(Kind.HOLD, FOREBEAR, a=Hold.RECALLED),
}


def _joined(story: Story) -> Story:
    return story.land(Kind.MANUFACTURE, MAISON, party=story.commitment, c=WATCH)
