"""A piece's numbers beside its serial: a VIN adds up, a pattern fits, and what is wrong is said with the field, the rule and the fix."""

import pytest
from pydantic import ValidationError

from ledger_api.desk.errors import CategoryNotServed, ReferenceInvalid
from ledger_api.desk.policy import Policy, default, document
from ledger_api.desk.references import PieceNumber, check_digit, vin_wrong


@pytest.mark.parametrize("vin", ["1M8GDM9AXKP042788", "11111111111111111", "5GZCZ43D13S812715", "1hgcm82633a004352", "WP0ZZZ99ZTS392124"])
def test_vins_that_are_well_known_are_taken(vin: str) -> None:
    """The first is the example of 49 CFR 565; the last is a European one, whose ninth place is the maker's own."""
    assert vin_wrong(vin) is None


@pytest.mark.parametrize(
    ("vin", "rule"),
    [
        ("1M8GDM9A1KP042788", "vin-check-digit"),
        ("1M8GDM9AXKP042789", "vin-check-digit"),
        ("1M8GDM9AXKP04278", "vin-length"),
        ("1M8GDM9AXKP0427O8", "vin-characters"),
        ("WP0ZZZ99ZTS39212Q", "vin-characters"),
    ],
)
def test_a_vin_that_cannot_be_is_refused_with_the_rule(vin: str, rule: str) -> None:
    wrong = vin_wrong(vin)

    assert wrong is not None and wrong.rule == rule and wrong.fix


def test_every_single_slip_in_an_american_vin_is_noticed_or_keeps_the_digit() -> None:
    vin, unnoticed = "1M8GDM9AXKP042788", 0
    for place in range(1, 17):
        for letter in "0123456789":
            slip = vin[:place] + letter + vin[place + 1 :]
            if slip != vin and vin_wrong(slip) is None:
                unnoticed += 1
                assert check_digit(slip) == slip[8]
    assert unnoticed <= 10  # letters of one value share a digit: A and 1 are one to the sum


def test_what_a_category_asks_for_is_data() -> None:
    told = document(default()) | {
        "categories": [{"name": "watch", "references": [{"name": "caliber", "pattern": "[0-9]{4}", "required": True}]}]
    }
    policy = Policy.model_validate(told)

    policy.check_references("watch", {"caliber": "3135"})
    for given, rule in (({}, "required"), ({"caliber": "31"}, "pattern"), ({"caliber": "3135", "colour": "x"}, "unknown")):
        with pytest.raises(ReferenceInvalid) as refused:
            policy.check_references("watch", given)
        assert refused.value.facts["rule"] == rule and refused.value.facts["field"].startswith("references.")
    with pytest.raises(CategoryNotServed):
        policy.check_references("handbag", {})


def test_cars_and_watches_are_only_categories() -> None:
    default().check_references("car", {"vin": "1M8GDM9AXKP042788"})
    default().check_references("watch", {"reference-number": "126610LN", "movement-number": "3235-0042"})

    with pytest.raises(ReferenceInvalid):
        default().check_references("car", {})
    assert "vin" in default().required_shots("car") and "car" not in default().plain_categories()


def test_a_pattern_that_cannot_be_read_is_refused_when_it_is_written() -> None:
    with pytest.raises(ValidationError, match="no regular expression"):
        PieceNumber(name="caliber", pattern="[0-9")
