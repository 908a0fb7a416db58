"""What a platform says of a listing: where it is, which item it offers, how it describes it, and roughly where the item is."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from ledger_api.domain.events import CategoryName, Price
from ledger_api.domain.fields import Bytes32, Did, DigitalLink, Gtin, OrganizationDid, Serial, Strict
from ledger_api.listings.addresses import origin_of
from ledger_api.verification.asking import ConsentIn, Described, Party, PlaceIn, WatchIn


def _https(text: str) -> str:
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError:
        parts, port, host = urlsplit(""), None, None
    if parts.scheme != "https" or not host or parts.username is not None or port == 0 or not text.isprintable() or " " in text:
        raise ValueError("Give the listing's https address, without a user name, such as https://shop.example/listings/7.")
    return text


HttpsUrl = Annotated[
    str,
    Field(min_length=9, max_length=2048),
    AfterValidator(_https),
    WithJsonSchema({"type": "string", "format": "uri", "maxLength": 2048}),
]
Hashtag = Annotated[str, Field(pattern=r"^#?\w{2,48}$")]


class OfferIn(Strict):
    """What the listing says. What is not said is not compared."""

    brand: Did | None = None
    model: Described | None = None
    colour: Described | None = None
    category: CategoryName | None = None
    seller: Party | None = None
    seller_account: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        default=None, description="Your own name for the seller, as opaque as you like: whose photos these are. It is shown to nobody."
    )
    price: Price | None = Field(
        default=None, description="A dear piece is seen in person before it is listed (`of-value`): from which price on, a policy says."
    )
    hashtags: Annotated[list[Hashtag], Field(max_length=30)] = Field(
        default=[], description="One of a partner's campaign leads to its stores."
    )


class ListingIn(Strict):
    """A listing. The item is named by GTIN and serial, by Digital Link, by id, or not at all."""

    reference: Annotated[str, Field(min_length=1, max_length=64)] = Field(description="Yours: the same reference is the same listing.")
    title: Annotated[str, Field(min_length=1, max_length=255)]
    url: HttpsUrl
    gtin: Gtin | None = None
    serial: Serial | None = None
    digital_link: DigitalLink | None = None
    id: Bytes32 | None = None
    offer: OfferIn = OfferIn()
    authenticator: OrganizationDid | None = Field(
        default=None, description="Whose desk looks at its photos; needed before the first one, and may be added by the same call later."
    )
    place: PlaceIn | None = Field(default=None, description="Where the item is, roughly: it makes a second one elsewhere visible.")
    consent: ConsentIn | None = Field(
        default=None, description="The holder's, when you have it already. It may be added by the same call later."
    )
    watch: bool | WatchIn = Field(
        default=False, description="Tell us by webhook (`verification.changed`) when the answer would be another: then look at it again."
    )

    @model_validator(mode="after")
    def one_item_or_none(self) -> "ListingIn":
        named = [self.gtin is not None or self.serial is not None, self.digital_link is not None, self.id is not None]
        if sum(named) > 1 or (self.gtin is None) != (self.serial is None):
            raise ValueError("Name the item once, by gtin and serial, or digital_link, or id; or leave all of them out.")
        return self

    @property
    def origin(self) -> str:
        """As browsers write it: where the listing's badge is at home."""
        return origin_of(self.url)


DESCRIBED = ("brand", "model", "colour", "category", "seller")


def question_of(said: dict[str, Any]) -> dict[str, Any] | None:
    """The verification that the listing's JSON asks for; None: it names no item. With a consent it asks what a payment would ask."""
    named = {name: said[name] for name in ("gtin", "serial", "digital_link", "id") if said.get(name) is not None}
    if not named:
        return None
    offer = said.get("offer") or {}
    question = named | {"expect": {name: offer[name] for name in DESCRIBED if offer.get(name) is not None}}
    return question if said.get("consent") is None else question | {"step": "pay", "consent": said["consent"]}
