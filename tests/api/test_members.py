"""Organizations, signers, accreditations and API keys: who may ask for what, and what the registry is then asked."""

from typing import Any
from urllib.parse import quote

import pytest

from ledger_api.auth import Scope
from ledger_api.directory import Accreditation
from ledger_verify.hashing import organization_id
from ledger_verify.transition import Category, Role
from tests import consortium
from tests.consortium import BOUTIQUE, CONSORTIUM, DIDS, EXPERT, MAISON, VERNE, address_of, count, key_of
from tests.doors import Doors

NEW = {"did": "did:web:neue-uhren.example", "name": "Neue Uhren", "roles": ["brand", "retailer"], "country": "DE"}
KEY = "0x" + address_of(key_of("new")).hex()


def path(member: str, rest: str = "") -> str:
    return f"/v1/organizations/{quote(DIDS[member], safe='')}{rest}"


def test_an_organization_is_admitted_with_its_profile(doors: Doors) -> None:
    answer = doors.post("CONSORTIUM", "/v1/organizations", NEW | {"signer": KEY})

    assert (answer.status_code, answer.json()["organization"]) == (201, "0x" + organization_id(NEW["did"]).hex())
    assert doors.registrar.asked == [("admit", NEW["did"], Role.BRAND | Role.RETAILER, address_of(key_of("new")))]
    found = doors.get("CONSORTIUM", f"/v1/organizations/{quote(str(NEW['did']), safe='')}").json()
    assert (found["name"], found["status"], found["country"]) == ("Neue Uhren", "pending", "DE")


def test_an_admission_said_twice_changes_the_profile_alone(doors: Doors) -> None:
    doors.post("CONSORTIUM", "/v1/organizations", NEW)
    doors.post("CONSORTIUM", "/v1/organizations", NEW | {"name": "Neue Uhren AG", "visibility": "folded"})

    assert count(doors.engine, "profiles", "name = 'Neue Uhren AG' AND visibility = 'folded'") == 1


def test_organizations_are_listed_page_by_page_with_their_standing(doors: Doors) -> None:
    consortium.suspend(doors.engine, VERNE)
    first = doors.get("MAISON", "/v1/organizations?limit=5").json()
    rest = doors.get("MAISON", f"/v1/organizations?limit=5&after={first['next']}").json()

    found = {one["did"]: one["status"] for one in first["organizations"] + rest["organizations"]}
    assert (len(found), rest["next"]) == (9, None)
    assert (found[DIDS["VERNE"]], found[DIDS["MAISON"]]) == ("suspended", "member")


def test_an_organization_shows_its_signers_and_accreditations(doors: Doors) -> None:
    found = doors.get("MAISON", path("EXPERT")).json()

    assert [one["address"] for one in found["signers"]] == ["0x" + address_of(key_of("EXPERT")).hex()]
    assert found["accreditations"] == [
        {
            "brand": "0x" + CONSORTIUM.hex(),
            "role": "authenticator",
            "categories": None,
            "starts_at": "1970-01-01T00:00:00Z",
            "ends_at": None,
        }
        | {"block": 1}
    ]


@pytest.mark.parametrize("name", ["did:web:nobody.example", "0x" + "00" * 32, "nonsense", "0x12"])
def test_an_organization_that_is_none_is_not_found(doors: Doors, name: str) -> None:
    assert doors.get("MAISON", f"/v1/organizations/{quote(name, safe='')}").status_code == 404


@pytest.mark.parametrize(
    ("method", "rest", "body", "asked"),
    [
        ("PUT", "/roles", {"roles": ["retailer"]}, ("set_roles", MAISON, Role.RETAILER)),
        ("PUT", "/suspension", None, ("suspend", MAISON)),
        ("DELETE", "/suspension", None, ("reinstate", MAISON)),
        ("PUT", "/successor", {"successor": DIDS["VERNE"]}, ("name_successor", MAISON, VERNE)),
        ("POST", "/signers", {"address": KEY}, ("add_signer", MAISON, address_of(key_of("new")))),
        ("DELETE", f"/signers/{KEY}", None, ("retire_signer", MAISON, address_of(key_of("new")))),
        ("PUT", f"/signers/{KEY}/compromised", {"since_block": 7}, ("mark_compromised", MAISON, address_of(key_of("new")), 7)),
    ],
)
def test_the_registry_is_asked_once_for_what_the_desk_says(
    doors: Doors, method: str, rest: str, body: dict[str, Any] | None, asked: tuple[Any, ...]
) -> None:
    answer = doors.ask(method, "CONSORTIUM", path("MAISON", rest), json=body)

    assert answer.status_code in (200, 201), answer.json()
    assert doors.registrar.asked == [asked]


def test_a_brand_accredits_in_its_own_name(doors: Doors) -> None:
    body = {"role": "retailer", "categories": ["handbag", "watch"], "ends_at": "2026-01-01T00:00:00Z"}

    answer = doors.post("MAISON", path("BOUTIQUE", "/accreditations"), body)

    assert answer.status_code == 201
    scope = 1 << Category.HANDBAG | 1 << Category.WATCH
    assert doors.registrar.asked == [("accredit", Accreditation(MAISON, BOUTIQUE, Role.RETAILER, scope, 0, 1_767_225_600))]


def test_the_desk_accredits_for_everybody(doors: Doors) -> None:
    doors.post("CONSORTIUM", path("EXPERT", "/accreditations"), {"role": "authenticator"})

    assert doors.registrar.asked == [("accredit", Accreditation(CONSORTIUM, EXPERT, Role.AUTHENTICATOR, 2**64 - 1, 0, 0))]


def test_an_empty_scope_withdraws_and_an_unknown_category_is_refused(doors: Doors) -> None:
    doors.post("MAISON", path("BOUTIQUE", "/accreditations"), {"role": "retailer", "categories": []})
    unknown = doors.post("MAISON", path("BOUTIQUE", "/accreditations"), {"role": "retailer", "categories": ["hats"]})

    assert doors.registrar.asked[0][1].scope == 0
    assert (unknown.status_code, len(doors.registrar.asked)) == (400, 1)


@pytest.mark.parametrize(
    ("method", "place", "body"),
    [
        ("POST", "/v1/organizations", NEW),
        ("PUT", path("MAISON", "/roles"), {"roles": ["retailer"]}),
        ("PUT", path("MAISON", "/suspension"), None),
        ("DELETE", path("MAISON", "/suspension"), None),
        ("PUT", path("MAISON", "/successor"), {"successor": DIDS["VERNE"]}),
        ("POST", path("VERNE", "/signers"), {"address": KEY}),
        ("DELETE", path("VERNE", f"/signers/{KEY}"), None),
        ("PUT", path("VERNE", f"/signers/{KEY}/compromised"), {"since_block": 7}),
        ("POST", path("BOUTIQUE", "/accreditations"), {"role": "retailer", "brand": DIDS["VERNE"]}),
        ("POST", "/v1/keys", {"name": "x", "scopes": ["admin"]}),
        ("POST", "/v1/keys", {"name": "x", "scopes": ["events:read"], "organization": DIDS["VERNE"]}),
    ],
)
def test_an_organization_does_nothing_in_anothers_name(doors: Doors, method: str, place: str, body: dict[str, Any] | None) -> None:
    answer = doors.ask(method, "MAISON", place, json=body)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert doors.registrar.asked == []


# --- keys


def test_a_key_is_shown_once_works_and_dies_when_it_is_revoked(doors: Doors) -> None:
    made = doors.post("MAISON", "/v1/keys", {"name": "till 4", "scopes": ["events:write:manufacture"]}).json()
    works = doors.post(None, "/v1/events", consortium.manufacture(), token=made["token"])
    listed = doors.get("MAISON", "/v1/keys")
    gone = doors.ask("DELETE", "MAISON", f"/v1/keys/{made['id']}")
    after = doors.post(None, "/v1/events", consortium.manufacture(), token=made["token"])

    assert (works.status_code, gone.status_code, after.status_code) == (202, 204, 401)
    assert made["token"].split("_", 2)[2] not in listed.text
    assert count(doors.engine, "api_keys", f"id = '{made['id']}' AND revoked_at IS NOT NULL") == 1


def test_a_keys_secret_is_nowhere_in_the_database(doors: Doors) -> None:
    token = doors.post("MAISON", "/v1/keys", {"name": "x", "scopes": ["events:read"]}, headers={"Idempotency-Key": "k"}).json()["token"]

    with doors.engine.connect() as connection:
        rows = [repr(row) for table in ("api_keys", "idempotency") for row in connection.exec_driver_sql(f"SELECT * FROM {table}")]
    assert all(token.split("_", 2)[2] not in row for row in rows)


def test_a_key_for_sales_alone_sells_and_nothing_else(doors: Doors) -> None:
    doors.post("MAISON", "/v1/events", [consortium.manufacture(), consortium.shipment()])
    till = doors.token("BOUTIQUE", frozenset({"events:write:sale"}))

    sold = doors.post(None, "/v1/events", consortium.sale(), token=till)
    shipped = doors.post(None, "/v1/events", consortium.shipment(), token=till)

    assert (sold.status_code, shipped.json()["reason"], shipped.json()["field"]) == (202, "role-missing", "kind")


def test_a_key_gives_no_more_than_it_has(doors: Doors) -> None:
    some = doors.token("MAISON", frozenset({Scope.KEYS, Scope.WRITE}))

    less = doors.post(None, "/v1/keys", {"name": "x", "scopes": ["events:write:sale"]}, token=some)
    more = doors.post(None, "/v1/keys", {"name": "x", "scopes": ["verify"]}, token=some)

    assert (less.status_code, more.status_code, more.json()["scopes"]) == (201, 403, ["verify"])


def test_a_scope_that_does_not_exist_is_refused(doors: Doors) -> None:
    answer = doors.post("CONSORTIUM", "/v1/keys", {"name": "x", "scopes": ["everything"]})

    assert (answer.status_code, answer.json()["unknown"]) == (400, ["everything"])


def test_the_desk_sees_everybodys_keys_and_a_member_its_own(doors: Doors) -> None:
    doors.token("VERNE")
    mine = doors.get("MAISON", "/v1/keys").json()["keys"]
    all_of_them = doors.get("CONSORTIUM", "/v1/keys").json()["keys"]

    assert {one["did"] for one in mine} == {DIDS["MAISON"]}
    assert {one["did"] for one in all_of_them} == {DIDS["MAISON"], DIDS["VERNE"], DIDS["CONSORTIUM"]}


def test_a_key_for_an_organization_that_is_none_is_not_made(doors: Doors) -> None:
    answer = doors.post("CONSORTIUM", "/v1/keys", {"name": "x", "scopes": ["verify"], "organization": "did:web:nobody.example"})

    assert answer.status_code == 404


@pytest.mark.parametrize(("method", "place"), [("GET", "/v1/keys"), ("DELETE", "/v1/keys/0123")])
def test_keys_are_for_who_may_manage_them(doors: Doors, method: str, place: str) -> None:
    writer = doors.token("MAISON", frozenset({Scope.WRITE}))

    assert doors.ask(method, None, place, token=writer).status_code == 403


def test_a_signer_that_is_no_address_is_not_found(doors: Doors) -> None:
    assert doors.ask("DELETE", "MAISON", path("MAISON", "/signers/0x12")).status_code == 404
