"""Passkeys (WebAuthn): an account without a secret that could be written down, copied or lost with a slip of paper.

    options → the browser asks its owner → the answer, over our challenge → the account

A challenge is answered once and within minutes. Credentials are discoverable, so nobody has to type who they are. The library is loaded by
the first passkey: a service without the desk does not need it.
"""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, TypeVar
from urllib.parse import urlsplit

from sqlalchemy import Connection

from ledger_api.desk.errors import PasskeyRefused
from ledger_api.desk.rows import accounts as rows

CHALLENGE_MINUTES = 10
NAME = "Provenance ledger"
T = TypeVar("T")
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Site:
    """Who asks for a passkey: a domain, and the pages that may ask in its name."""

    domain: str
    origins: tuple[str, ...]


def site_at(base_url: str) -> Site:
    """A passkey belongs to a name, never to a number: on this machine alone that is `localhost`."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if not _is_loopback(host):
        return Site(host, (f"{parts.scheme}://{parts.netloc}",))
    port = f":{parts.port}" if parts.port else ""
    return Site("localhost", (f"{parts.scheme}://localhost{port}",))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# --- a new one


def options_to_make(connection: Connection, site: Site, account: str, *, now: datetime) -> dict[str, Any]:
    """For `navigator.credentials.create`. The account need not be there yet: it is made by whoever answers."""
    from webauthn import generate_registration_options
    from webauthn.helpers import options_to_json_dict
    from webauthn.helpers.structs import (
        AuthenticatorSelectionCriteria,
        PublicKeyCredentialDescriptor,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = generate_registration_options(
        rp_id=site.domain,
        rp_name=NAME,
        user_id=bytes.fromhex(account),
        user_name=f"{site.domain} {account[-4:]}",
        user_display_name=NAME,
        challenge=_challenge(connection, account, now=now),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.PREFERRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one.id) for one in rows.passkeys_of(connection, account)],
    )
    return options_to_json_dict(options)


def made(connection: Connection, site: Site, credential: Json, *, signed_in: str | None, now: datetime) -> str:
    """The account that the passkey opens: the one that is signed in, or a new one.

    Raises:
        PasskeyRefused: nothing was changed.
    """
    from webauthn import verify_registration_response

    challenge, account = _answered(connection, credential, now=now)
    if account is None or (signed_in != account and (signed_in is not None or rows.account(connection, account) is not None)):
        raise PasskeyRefused
    verified = _verified(
        lambda: verify_registration_response(
            credential=dict(credential), expected_challenge=challenge, expected_rp_id=site.domain, expected_origin=list(site.origins)
        )
    )
    if rows.passkey(connection, verified.credential_id) is not None:
        raise PasskeyRefused
    if signed_in is None:
        rows.keep_account(connection, account, now=now)
    elif not rows.staying(connection, account):
        raise PasskeyRefused
    rows.keep_passkey(
        connection,
        {
            "id": verified.credential_id,
            "account": account,
            "public_key": verified.credential_public_key,
            "sign_count": verified.sign_count,
            "created_at": now,
        },
    )
    return account


# --- signing in


def options_to_sign_in(connection: Connection, site: Site, *, now: datetime) -> dict[str, Any]:
    """For `navigator.credentials.get`."""
    from webauthn import generate_authentication_options
    from webauthn.helpers import options_to_json_dict

    return options_to_json_dict(generate_authentication_options(rp_id=site.domain, challenge=_challenge(connection, None, now=now)))


def signed_in(connection: Connection, site: Site, credential: Json, *, now: datetime) -> str:
    """Raises PasskeyRefused."""
    from webauthn import verify_authentication_response
    from webauthn.helpers import base64url_to_bytes

    challenge, _ = _answered(connection, credential, now=now)
    known = rows.passkey(connection, _verified(lambda: base64url_to_bytes(credential["rawId"])))
    if known is None:
        raise PasskeyRefused
    verified = _verified(
        lambda: verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=site.domain,
            expected_origin=list(site.origins),
            credential_public_key=known.public_key,
            credential_current_sign_count=known.sign_count,
        )
    )
    rows.count_signature(connection, known.id, verified.new_sign_count)
    return str(known.account)


def _challenge(connection: Connection, account: str | None, *, now: datetime) -> bytes:
    challenge = secrets.token_bytes(32)
    until = now + timedelta(minutes=CHALLENGE_MINUTES)
    rows.keep_challenge(connection, hashlib.sha256(challenge).digest(), account, now=now, until=until)
    return challenge


def _answered(connection: Connection, credential: Json, *, now: datetime) -> tuple[bytes, str | None]:
    """The challenge that the answer names, if it is one of ours; nobody answers it again."""
    from webauthn.helpers import base64url_to_bytes, parse_client_data_json

    said = _verified(lambda: parse_client_data_json(base64url_to_bytes(credential["response"]["clientDataJSON"])))
    found = rows.take_challenge(connection, hashlib.sha256(said.challenge).digest(), now=now)
    if found is None:
        raise PasskeyRefused
    return said.challenge, found.account


def _verified(read: Callable[[], T]) -> T:
    try:
        return read()
    except Exception:  # a parser of a stranger's bytes: whatever it stumbles over, this is no passkey of ours
        raise PasskeyRefused from None
