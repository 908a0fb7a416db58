"""What a platform asks: an item, what the listing says of it, the step that depends on the answer, whether to be told when it changes."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ledger_api.domain.fields import Bytes32, ClaimKey, Did, DigitalLink, Gtin, Holder, OrganizationDid, Serial, Signature, Strict, Time
from ledger_api.verification.agreement import NOBODY

Described = Annotated[str, Field(min_length=1, max_length=255)]


class Party(Strict):
    """Who is said to hold the item: the claim key of an owner, or an organization that bought it in."""

    claim_key: ClaimKey | None = None
    organization: OrganizationDid | None = None

    @model_validator(mode="after")
    def one_of_them(self) -> "Party":
        if (self.claim_key is None) == (self.organization is None):
            raise ValueError("Name claim_key or organization, one of them.")
        return self

    @property
    def holder(self) -> bytes:
        return self.claim_key or self.organization or NOBODY


class Expectations(Strict):
    """What the listing says. What is not said is not compared."""

    brand: Did | None = None
    model: Described | None = None
    colour: Described | None = None
    category: Described | None = None
    seller: Party | None = Field(default=None, description="Before the change of hands: who must hold it.")
    buyer: Party | None = Field(default=None, description="At step `ship`: who must hold it by now.")


class ConsentIn(Strict):
    """The holder's EIP-712 `Consent` to a resale: to whom, until when, carried by whom."""

    new_holder: Holder
    deadline: Time
    signature: Signature
    carrier: OrganizationDid | None = None


class PlaceIn(Strict):
    """Named by whoever asks, never guessed from an address; kept to one decimal of a degree, some ten kilometres."""

    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]

    @property
    def rounded(self) -> tuple[float, float]:
        return round(self.latitude, 1) + 0.0, round(self.longitude, 1) + 0.0


class WatchIn(Strict):
    """Until when; 90 days from now when nothing is said, a year at most."""

    until: Time | None = None


class VerificationIn(Strict):
    """An item by GTIN and serial, by Digital Link or by id; what the listing says of it; the step that depends on the answer."""

    gtin: Gtin | None = None
    serial: Serial | None = None
    digital_link: DigitalLink | None = None
    id: Bytes32 | None = None
    step: Literal["list", "pay", "ship"] = "list"
    expect: Expectations = Expectations()
    consent: ConsentIn | None = None
    place: PlaceIn | None = Field(
        default=None,
        description="Where the object itself is now, roughly, when you know: two places sooner than anybody travels are a sign of a clone.",
    )
    watch: bool | WatchIn = Field(
        default=False, description="Tell us by webhook (`verification.changed`) when the answer would be another."
    )

    @model_validator(mode="after")
    def one_item(self) -> "VerificationIn":
        named = [self.gtin is not None or self.serial is not None, self.digital_link is not None, self.id is not None]
        if sum(named) != 1 or (self.gtin is None) != (self.serial is None):
            raise ValueError("Name the item once: gtin and serial, or digital_link, or id.")
        return self

    @property
    def names(self) -> tuple[str, str] | None:
        return (self.gtin, self.serial) if self.gtin is not None and self.serial is not None else self.digital_link
