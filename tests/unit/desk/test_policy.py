"""How a desk works: the default is whole, and what an authenticator writes instead has to be."""

import pytest
from pydantic import ValidationError

from ledger_api.desk.policy import DEAR_RANK, ORDINARY_RANK, Policy, default, document

PLATFORM = b"\x07" * 32


def changed(**values: object) -> Policy:
    return Policy.model_validate({**document(default()), **values})


@pytest.mark.parametrize("category", default().category_names())
def test_every_category_has_shots_that_must_be_seen(category: str) -> None:
    assert len(default().required_shots(category)) >= 3
    assert set(default().required_shots(category)) <= default().shot_names(category)


def test_a_policy_that_requires_nothing_of_a_category_is_refused() -> None:
    shots = [{"name": "front", "categories": ["handbag"]}]

    with pytest.raises(ValidationError, match="no shot is required for watch"):
        changed(shots=shots)


def test_two_shots_of_one_name_are_refused() -> None:
    shots = [*document(default())["shots"], {"name": "front", "categories": ["watch"]}]  # type: ignore[misc]  # a list

    with pytest.raises(ValidationError, match="two shots have one name"):
        changed(shots=shots)


def test_the_first_is_free_and_a_platform_may_have_its_own_terms() -> None:
    policy = changed(platforms={"0x" + PLATFORM.hex(): {"free_evaluations": 100, "price_cents": 900}})

    assert [policy.price_for(used=used, platform=None) for used in (0, 1)] == [None, 2900]
    assert [policy.price_for(used=used, platform=PLATFORM) for used in (99, 100)] == [None, 900]
    assert changed(price_cents=0).price_for(used=5, platform=None) is None


def test_dear_ones_and_named_brands_get_two_opinions_and_dear_ones_come_first() -> None:
    policy = changed(two_opinions_for_brands=["did:web:maison.example"])

    needed = [
        policy.opinions_needed(brand_did=f"did:web:{name}.example", value_eur=value)
        for name, value in (("verne", None), ("verne", 2999), ("verne", 3000), ("maison", 10))
    ]

    assert needed == [1, 1, 2, 2]
    assert [policy.rank(value_eur=value) for value in (None, 10, 3000)] == [ORDINARY_RANK, ORDINARY_RANK, DEAR_RANK]
