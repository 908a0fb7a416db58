"""Secrets, signatures and types of notices."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from ledger_api.desk.life import CASE
from ledger_api.webhooks import kinds, signing
from ledger_api.webhooks.sending import WHYS

OLD, NEW = b"\x01" * 32, b"\x02" * 32
BODY = '{"type":"test","data":{"name":"Sac Lune à soufflets"}}'
PAGE = Path(__file__).resolve().parents[3] / "docs" / "webhooks.md"


def test_every_library_of_the_standard_checks_what_we_sign_with_the_secret_as_it_is_shown() -> None:
    headers = signing.headers([NEW], notice="msg_1", body=BODY, at=datetime.now(UTC))

    assert Webhook(signing.secret_text(NEW)).verify(BODY, headers)["type"] == "test"
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.secret_text(OLD)).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.secret_text(NEW)).verify(BODY.replace("Lune", "Luna"), headers)


def test_while_a_secret_is_replaced_either_checks() -> None:
    headers = signing.headers([NEW, OLD], notice="msg_1", body=BODY, at=datetime.now(UTC))

    for secret in (OLD, NEW):
        Webhook(signing.secret_text(secret)).verify(BODY, headers)


def test_an_endpoint_is_told_what_it_asked_for() -> None:
    assert kinds.wants(None, "case.queued")
    assert kinds.wants(["case.*"], "case.queued") and kinds.wants(["case.queued"], "case.queued")
    assert not kinds.wants(["case.*"], "test") and not kinds.wants(["case.expired"], "case.queued")
    assert [one for one in ("case.*", "test", "nothing", "nothing.*", "*", "case.") if kinds.is_known(one)] == ["case.*", "test"]


def test_every_state_of_a_case_has_its_notice() -> None:
    assert {f"case.{state}" for state in CASE.meanings} <= set(kinds.TYPES)


def test_the_page_shows_the_tables_as_they_are() -> None:
    page = PAGE.read_text()

    assert kinds.as_markdown() in page
    assert [why for why in WHYS if f"`{why}`" not in page] == []
    assert set(re.findall(r"/v1/webhooks[\w/{}-]*", page)) >= {"/v1/webhooks/endpoints", "/v1/webhooks/notices"}
