"""How an authenticator's desk works: which details must be seen of which kind of item, what it costs, how long things may take, when two
opinions are needed.

`policy.toml` is the default. An authenticator keeps its own in `desk_policies`, whole; a platform may have its own quota and price in it.
Nothing here decides a case.
"""

import tomllib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sqlalchemy import Connection, Table, bindparam, select, text

from ledger_api.desk.errors import CategoryNotServed, ReferenceInvalid
from ledger_api.desk.references import PieceNumber
from ledger_api.desk.tables import DeskPolicyRow
from ledger_api.domain.events import CategoryName
from ledger_api.domain.fields import Currency

DEFAULT = Path(__file__).with_name("policy.toml")
ORDINARY_RANK, DEAR_RANK = 100, 50
CheckName = Literal["serial"]  # what machines can look for in a shot, beside its quality
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Cents = Annotated[int, Field(ge=0, le=100_000_00)]
# of a piece on the counter: required shots are there before anybody decides; or whoever has it in hand takes those that help
Photos = Literal["required", "asked"]

_policies: Table = DeskPolicyRow.__table__  # type: ignore[attr-defined]  # SQLModel sets it
_KEEP = text(
    "INSERT INTO desk_policies (organization, body, changed_at) VALUES (:organization, :body, :changed_at)"
    " ON CONFLICT (organization) DO UPDATE SET body = excluded.body, changed_at = excluded.changed_at"
).bindparams(bindparam("changed_at", type_=_policies.c.changed_at.type))


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Shot(_Part):
    """One detail that must be seen. `why` and `hint` replace our own words where an authenticator has better ones."""

    name: Name
    categories: Annotated[list[CategoryName], Field(min_length=1, max_length=64)]
    required: bool = True
    checks: Annotated[list[CheckName], Field(max_length=1)] = []
    why: Words | None = None
    hint: Words | None = None


class Reference(_Part):
    """What an authenticator wants its appraisers to compare with. `brands` (DIDs) and `shot` narrow it down; without them it is for all."""

    words: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
    categories: Annotated[list[CategoryName], Field(min_length=1, max_length=64)]
    brands: Annotated[list[str], Field(max_length=1_000)] = []
    shot: Name | None = None


class Category(_Part):
    """What this desk judges: one of the ledger's categories, and which numbers a piece of it has beside its serial."""

    name: CategoryName
    references: Annotated[list[PieceNumber], Field(max_length=20)] = []


# of policies that were written when a desk's categories were a part of the program
BEFORE_THEY_WERE_DATA = [Category(name=name) for name in ("handbag", "watch", "shoes", "scarf", "jewellery", "other")]


class Terms(_Part):
    """A platform's own quota and price."""

    free_evaluations: Annotated[int, Field(ge=0, le=1_000_000_000)]
    price_cents: Cents


class Policy(_Part):
    free_evaluations: Annotated[int, Field(ge=0, le=1_000)]
    price_cents: Cents
    photo_days: Annotated[int, Field(ge=1, le=90)]
    payment_days: Annotated[int, Field(ge=1, le=90)]
    judge_hours: Annotated[int, Field(ge=1, le=24 * 90)]
    appeal_days: Annotated[int, Field(ge=1, le=3650)]
    verdict_days: Annotated[int, Field(ge=0, le=3650)]  # 0: an authentic verdict does not expire
    two_opinions_from_eur: Annotated[int, Field(ge=0)] | None
    two_opinions_for_brands: Annotated[list[str], Field(max_length=1_000)]  # DIDs
    in_person_from: Annotated[dict[Currency, Annotated[int, Field(ge=0)]], Field(max_length=200)] = {}  # of listings, in whole units
    photos_in_person: Photos = "required"
    categories: Annotated[list[Category], Field(min_length=1, max_length=64)] = Field(default_factory=lambda: BEFORE_THEY_WERE_DATA)
    prohibited: Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=1_000)] = []  # labels, for listing
    shots: Annotated[list[Shot], Field(min_length=1, max_length=100)]
    references: Annotated[list[Reference], Field(max_length=2_000)] = []
    platforms: dict[Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{64}$")], Terms] = {}

    @model_validator(mode="after")
    def _has_a_shot_for_each_category(self) -> "Policy":
        names = [shot.name for shot in self.shots]
        if len(set(names)) != len(names):
            raise ValueError("two shots have one name")
        missing = [category for category in self.category_names() if not self.required_shots(category)]
        if missing:
            raise ValueError(f"no shot is required for {', '.join(missing)}")
        if len(set(self.category_names())) != len(self.categories):
            raise ValueError("two categories have one name")
        return self

    # --- categories, and the numbers that pieces of one have

    def category_names(self) -> list[str]:
        return [category.name for category in self.categories]

    def plain_categories(self) -> list[str]:
        """Those of which a piece can be named without a number of its own."""
        return [category.name for category in self.categories if not any(reference.required for reference in category.references)]

    def check_references(self, category: str, given: Mapping[str, str]) -> None:
        """Raises CategoryNotServed; ReferenceInvalid, with the field, the rule it breaks and what to do."""
        found = next((one for one in self.categories if one.name == category), None)
        if found is None:
            raise CategoryNotServed(category=category, categories=self.category_names())
        fields = {reference.name: reference for reference in found.references}
        for name in sorted(set(given) - set(fields)):
            raise ReferenceInvalid(field=f"references.{name[:32]}", rule="unknown", fix=f"A {category} has: {', '.join(fields) or 'none'}.")
        for name, reference in fields.items():
            wrong = reference.wrong(given[name]) if name in given else None
            if wrong is not None:
                raise ReferenceInvalid(field=f"references.{name}", rule=wrong.rule, fix=wrong.fix)
            if reference.required and name not in given:
                raise ReferenceInvalid(field=f"references.{name}", rule="required", fix="Send it as it stands on the piece.")

    # --- shots

    def shots_for(self, category: str) -> list[Shot]:
        """In the order in which they are asked for."""
        return [shot for shot in self.shots if category in shot.categories]

    def shot_names(self, category: str) -> set[str]:
        return {shot.name for shot in self.shots_for(category)}

    def required_shots(self, category: str) -> list[str]:
        return [shot.name for shot in self.shots_for(category) if shot.required]

    def checks_of(self, name: str) -> list[CheckName]:
        return next((shot.checks for shot in self.shots if shot.name == name), [])

    def references_for(self, *, category: str, brand_did: str) -> list[Reference]:
        """What an appraiser of such an item has beside the photos."""
        return [one for one in self.references if category in one.categories and (not one.brands or brand_did in one.brands)]

    def prohibits(self, label: str) -> bool:
        """`weapon` also means `anything:weapon`."""
        return label in self.prohibited or label.partition(":")[2] in self.prohibited

    # --- quota and price

    def price_for(self, *, used: int, platform: bytes | None) -> int | None:
        """In cents; None: this one is free."""
        terms = self._terms(platform)
        return None if used < terms.free_evaluations or terms.price_cents == 0 else terms.price_cents

    def _terms(self, platform: bytes | None) -> Terms:
        ours = Terms(free_evaluations=self.free_evaluations, price_cents=self.price_cents)
        return ours if platform is None else self.platforms.get("0x" + platform.hex(), ours)

    # --- who looks, and when

    def rank(self, *, value_eur: int | None) -> int:
        """In the queue: the lower, the sooner."""
        return DEAR_RANK if self._is_dear(value_eur) else ORDINARY_RANK

    def opinions_needed(self, *, brand_did: str, value_eur: int | None) -> int:
        return 2 if self._is_dear(value_eur) or brand_did in self.two_opinions_for_brands else 1

    def must_be_seen(self, *, amount: str, currency: str) -> bool:
        """A listed piece at this price, by whoever has it in hand. What we cannot compare asks for nothing."""
        least = self.in_person_from.get(currency)
        return least is not None and Decimal(amount) >= least

    def _is_dear(self, value_eur: int | None) -> bool:
        return value_eur is not None and self.two_opinions_from_eur is not None and value_eur >= self.two_opinions_from_eur


@cache
def default() -> Policy:
    return Policy.model_validate(tomllib.loads(DEFAULT.read_text(encoding="utf-8")))


def read(connection: Connection, authenticator: bytes | None) -> Policy:
    """None: nobody's own."""
    if authenticator is None:
        return default()
    body = connection.execute(select(_policies.c.body).where(_policies.c.organization == authenticator)).scalar()
    return default() if body is None else Policy.model_validate(orjson.loads(body))


def keep(connection: Connection, authenticator: bytes, policy: Policy, *, now: datetime) -> None:
    body = orjson.dumps(policy.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS).decode()
    connection.execute(_KEEP, {"organization": authenticator, "body": body, "changed_at": now})


def document(policy: Policy) -> Mapping[str, object]:
    return policy.model_dump(mode="json")
