"""Light accounts: a code or a passkey, a cookie that no other site can use, and leaving with everything."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from ledger_api.auth import Limiter
from ledger_api.desk import accounts, appeals, asking, policy
from ledger_api.desk.errors import NotSignedIn
from ledger_api.desk.rows import accounts as rows
from ledger_api.desk.vault import DiskVault
from ledger_api.settings import Settings
from ledger_api.store.engine import writing
from tests.api.desk.authenticator import Device
from tests.api.desk.world import DeskWorld, Person
from tests.consortium import DIDS, count
from tests.doors import Doors, await_waiting, opened_doors

ORIGIN = "http://localhost:8080"


def options(person: Person, what: str) -> dict[str, Any]:
    answer = person.ask("POST", f"/v1/account/{what}/options")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["options"]
    return found


def with_passkey(doors: Doors, device: Device) -> Person:
    person = Person(doors)
    made = person.ask("POST", "/v1/account/passkeys", json={"credential": device.make(options(person, "passkeys"))})
    assert made.status_code == 201, made.text
    return person


def test_a_code_of_140_bits_is_shown_once_kept_hashed_and_signs_in_again_however_it_is_typed(world: DeskWorld) -> None:
    person = world.person()

    typed = person.code.lower().replace("-", " ").replace("0", "o").replace("1", "l")
    again = Person(world.doors)
    answer = again.ask("POST", "/v1/account/sessions", json={"code": typed})

    assert len(person.code.replace("-", "")) * 5 == 140
    assert answer.status_code == 201 and answer.json() == person.ask("GET", "/v1/account").json()
    assert "code" not in answer.json() and count(world.doors.engine, "accounts", "length(code_hash) = 32") == 1


def test_a_wrong_code_opens_nothing_and_a_new_one_ends_the_old(world: DeskWorld) -> None:
    person = world.person()
    renewed = person.ask("POST", "/v1/account/code").json()["code"]

    answers = [Person(world.doors).ask("POST", "/v1/account/sessions", json={"code": code}) for code in ("x", person.code, renewed)]

    assert [answer.status_code for answer in answers] == [422, 422, 201]
    assert answers[0].json()["code"] == "wrong-code"


def test_the_cookie_is_for_this_site_alone_and_scripts_cannot_read_it(world: DeskWorld) -> None:
    told = Person(world.doors).ask("POST", "/v1/account").headers["set-cookie"].lower()

    assert told.startswith("account=") and "httponly" in told and "samesite=strict" in told and "path=/" in told
    assert "secure" not in told  # this service is at plain http, on this machine


def test_behind_tls_the_cookie_is_bound_to_the_host_and_to_tls(database_url: str, tmp_path: Path) -> None:
    settings = Settings(public_url="https://ledger.example")
    with opened_doors(database_url, settings=settings, photos=DiskVault(tmp_path / "photos", b"\x07" * 32)) as doors:
        person = Person(doors)
        told = person.ask("POST", "/v1/account").headers["set-cookie"]

        assert told.startswith("__Host-account=") and "secure" in told.lower()
        assert person.ask("GET", "/v1/account").status_code == 200


def test_signing_out_and_time_end_a_session(world: DeskWorld) -> None:
    person, other = world.person(), world.person()
    cookie = person.cookie

    gone = person.ask("DELETE", "/v1/account/sessions")
    person.cookie = cookie
    after = person.ask("GET", "/v1/account")
    world.later(accounts.SESSION_DAYS * 86_400 + 1)

    assert gone.status_code == 204 and (after.status_code, after.json()["code"]) == (401, "not-signed-in")
    assert other.ask("GET", "/v1/account").status_code == 401
    assert count(world.doors.engine, "account_sessions", "length(token_hash) <> 32") == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 201),
        ({"Origin": "http://ledger.example"}, 201),
    ],
)
def test_another_site_s_page_changes_nothing(world: DeskWorld, headers: dict[str, str], status: int) -> None:
    person = world.person()

    answers = [
        person.new(headers=headers),
        Person(world.doors).ask("POST", "/v1/account/sessions", json={"code": person.code}, headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [status, status]
    assert count(world.doors.engine, "cases") == (1 if status == 201 else 0)


def test_accounts_are_not_made_by_the_thousand(world: DeskWorld) -> None:
    object.__setattr__(world.doors.context, "limiter", Limiter(anonymous_per_minute=120, key_per_minute=6000))

    answers = [Person(world.doors).ask("POST", "/v1/account").status_code for _ in range(8)]

    assert answers == [201] * 6 + [429] * 2


# --- passkeys --------------------------------------------------------------------------------------------------------


def test_a_passkey_makes_an_account_and_signs_in_to_it_again(world: DeskWorld) -> None:
    device = Device(ORIGIN)
    person = with_passkey(world.doors, device)
    mine = person.ask("GET", "/v1/account").json()

    again = Person(world.doors)
    answer = again.ask("POST", "/v1/account/sessions/passkey", json={"credential": device.sign(options(again, "sessions"))})

    assert (mine["has_code"], mine["passkeys"]) == (False, 1)
    assert answer.status_code == 201 and answer.json()["id"] == mine["id"] == again.ask("GET", "/v1/account").json()["id"]


def test_whoever_is_signed_in_adds_a_passkey_to_the_account_they_have(world: DeskWorld) -> None:
    person, device = world.person(), Device(ORIGIN)

    answer = person.ask("POST", "/v1/account/passkeys", json={"credential": device.make(options(person, "passkeys"))})

    assert (answer.json()["has_code"], answer.json()["passkeys"]) == (True, 1) and count(world.doors.engine, "accounts") == 1


def test_the_options_ask_for_a_passkey_that_is_found_without_a_name(world: DeskWorld) -> None:
    asked = options(Person(world.doors), "passkeys")

    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert asked["authenticatorSelection"]["userVerification"] == "preferred" and asked["rp"]["id"] == "localhost"


def _replayed(person: Person, device: Device) -> dict[str, Any]:
    signed = device.sign(options(person, "sessions"))
    assert person.ask("POST", "/v1/account/sessions/passkey", json={"credential": signed}).status_code == 201
    return signed


def _by_another_key(person: Person, device: Device) -> dict[str, Any]:
    return Device(ORIGIN, id=device.id).sign(options(person, "sessions"))


def _from_another_page(person: Person, device: Device) -> dict[str, Any]:
    return Device("https://localhost.evil.example", key=device.key, id=device.id).sign(options(person, "sessions"))


def _never_asked(person: Person, device: Device) -> dict[str, Any]:
    return device.sign({"rpId": "localhost", "challenge": "AAAA"})


def _unknown(person: Person, device: Device) -> dict[str, Any]:
    return Device(ORIGIN).sign(options(person, "sessions"))


def _a_copy_that_lags(person: Person, device: Device) -> dict[str, Any]:
    _replayed(person, device)
    return Device(ORIGIN, key=device.key, id=device.id).sign(options(person, "sessions"))


def _nonsense(person: Person, device: Device) -> dict[str, Any]:
    return {"response": {"clientDataJSON": ["x"]}, "rawId": 7}


@pytest.mark.parametrize(
    "attack",
    [_replayed, _by_another_key, _from_another_page, _never_asked, _unknown, _a_copy_that_lags, _nonsense],
    ids=lambda a: a.__name__,
)
def test_an_answer_that_is_not_this_passkey_s_to_this_challenge_opens_nothing(world: DeskWorld, attack: Any) -> None:
    device = Device(ORIGIN)
    with_passkey(world.doors, device)
    credential = attack(Person(world.doors), device)
    stranger = Person(world.doors)

    answer = stranger.ask("POST", "/v1/account/sessions/passkey", json={"credential": credential})

    assert (answer.status_code, answer.json()["code"]) == (422, "passkey-refused")
    assert "set-cookie" not in answer.headers


def test_an_answer_that_comes_too_late_is_none(world: DeskWorld) -> None:
    device = Device(ORIGIN)
    person = with_passkey(world.doors, device)
    signed = device.sign(options(person, "sessions"))

    world.later(11 * 60)

    assert person.ask("POST", "/v1/account/sessions/passkey", json={"credential": signed}).json()["code"] == "passkey-refused"


def test_nobody_adds_a_passkey_to_somebody_else_s_account(world: DeskWorld) -> None:
    victim, device = world.person(), Device(ORIGIN)
    asked = options(victim, "passkeys")

    answer = world.person().ask("POST", "/v1/account/passkeys", json={"credential": device.make(asked)})

    assert answer.json()["code"] == "passkey-refused"
    assert victim.ask("GET", "/v1/account").json()["passkeys"] == 0


# --- leaving ---------------------------------------------------------------------------------------------------------


def test_whoever_leaves_takes_photos_words_and_every_way_in_along(world: DeskWorld, tmp_path: Path) -> None:
    person = world.person()
    first = person.opened(notes="from my aunt")

    answer = person.ask("DELETE", "/v1/account")

    assert answer.status_code == 204
    assert Person(world.doors).ask("POST", "/v1/account/sessions", json={"code": person.code}).status_code == 422
    assert [count(world.doors.engine, table) for table in ("accounts", "account_sessions", "account_passkeys")] == [0, 0, 0]
    assert not [path for path in (tmp_path / "photos").rglob("*") if path.is_file()]
    assert count(world.doors.engine, "cases", f"id = '{first}' AND state = 'withdrawn' AND account IS NULL AND notes = ''") == 1


def test_a_case_on_an_appraiser_s_desk_is_forgotten_when_it_has_ended(world: DeskWorld, tmp_path: Path) -> None:
    person = world.person()
    case = person.opened()
    person.ask("POST", f"/v1/cases/{case}/submit")
    world.work()
    world.claimed("ada", case)

    person.ask("DELETE", "/v1/account")
    kept = count(world.doors.engine, "accounts")
    world.decide("ada", case, "inconclusive")
    world.work()

    assert kept == 1 and count(world.doors.engine, "accounts") == 0
    assert count(world.doors.engine, "cases", "state = 'concluded' AND account IS NULL AND erased_at IS NOT NULL") == 1
    assert not [path for path in (tmp_path / "photos").rglob("*") if path.is_file()]


@pytest.mark.parametrize("deed", ["signs in", "opens a case", "adds a passkey"])
def test_whoever_leaves_leaves_nothing_of_what_another_browser_does_meanwhile(world: DeskWorld, deed: str) -> None:
    person, engine, now = world.person(), world.doors.engine, world.worker.clock()
    account = person.ask("GET", "/v1/account").json()["id"]

    def do(connection: Connection) -> None:
        match deed:
            case "signs in":
                accounts.begin_session(connection, account, now=now)
            case "opens a case":
                new = asking.NewCase(b"\x01" * 32, DIDS["MAISON"], "handbag")
                asking.open_case(connection, asking.Account(account), new, policy.default(), id="f" * 32, now=now)
            case _:
                assert rows.staying(connection, account)
                rows.keep_passkey(connection, {"id": b"\x01", "account": account, "public_key": b"", "sign_count": 0, "created_at": now})

    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            do(connection)
            leaving = pool.submit(person.ask, "DELETE", "/v1/account")
            await_waiting(engine, 1)
        assert leaving.result().status_code == 204

    assert [count(engine, table) for table in ("accounts", "account_sessions", "account_passkeys")] == [0, 0, 0]
    assert count(engine, "cases", "account IS NOT NULL") == 0


def test_nobody_does_anything_with_an_account_whose_owner_has_left(world: DeskWorld) -> None:
    """The door let them in a moment before."""
    person, now = world.person(), world.worker.clock()
    account = person.ask("GET", "/v1/account").json()["id"]
    person.ask("DELETE", "/v1/account")
    new = asking.NewCase(b"\x01" * 32, DIDS["MAISON"], "handbag")

    with pytest.raises(NotSignedIn), writing(world.doors.engine) as connection:
        accounts.begin_session(connection, account, now=now)
    with pytest.raises(NotSignedIn), writing(world.doors.engine) as connection:
        asking.open_case(connection, asking.Account(account), new, policy.default(), id="f" * 32, now=now)
    with pytest.raises(NotSignedIn), writing(world.doors.engine) as connection:
        accounts.give_code(connection, account)


def test_whoever_leaves_while_a_verdict_is_appealed_has_left(world: DeskWorld) -> None:
    person, engine = world.person(), world.doors.engine
    case = person.opened()
    person.ask("POST", f"/v1/cases/{case}/submit")
    world.work()
    world.judged(case, "ada", "inconclusive")
    world.work()

    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            appeals.appeal(connection, case, "look again", policy.default(), id="f" * 32, now=world.worker.clock())
            leaving = pool.submit(person.ask, "DELETE", "/v1/account")
            await_waiting(engine, 1)
        assert leaving.result().status_code == 204
    kept = count(engine, "accounts")
    world.judged("f" * 32, "bo", "inconclusive")
    world.work()

    assert (kept, count(engine, "accounts"), count(engine, "cases", "account IS NOT NULL")) == (1, 0, 0)
