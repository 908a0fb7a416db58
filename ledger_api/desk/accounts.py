"""Light accounts: a code or a passkey opens one, a session keeps a browser signed in, and whoever leaves takes everything along.

An account has no name and no address, so nothing can be sent to whoever loses the code: the page says so when it shows it. Functions with a
`Connection` never commit. Passkeys are in `passkeys.py`.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from ledger_api.desk import asking, life
from ledger_api.desk.errors import CaseMoved, NotSignedIn, WrongCode
from ledger_api.desk.rows import accounts as rows
from ledger_api.desk.rows import cases
from ledger_api.desk.vault import Vault
from ledger_api.store.engine import reading, writing

SESSION_DAYS = 30
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # of Crockford's base 32: 5 bits each, and none is read for another
GROUPS, GROUP = 7, 4  # 28 letters: 140 bits
_MISREAD = str.maketrans("OIL", "011")
_ENDED = tuple(sorted(life.ENDED))


class Session(NamedTuple):
    account: str
    expires_at: datetime


def create(connection: Connection, *, id: str, now: datetime) -> str:
    rows.keep_account(connection, id, now=now)
    return id


def give_code(connection: Connection, account: str) -> str:
    """A code that signs in to the account; shown once, and the one before it is worth nothing any more. Raises NotSignedIn."""
    _check_stays(connection, account)
    code = "-".join("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(GROUPS))
    rows.keep_code(connection, account, _hash(_compact(code)))
    return code


def by_code(connection: Connection, code: str) -> str:
    """However it was typed: small letters, spaces, an O for a zero.

    Raises:
        WrongCode
    """
    found = rows.by_code(connection, _hash(_compact(code)))
    if found is None:
        raise WrongCode
    return found


def begin_session(connection: Connection, account: str, *, now: datetime) -> str:
    """The token for the browser's cookie. Raises NotSignedIn: its owner has left meanwhile."""
    _check_stays(connection, account)
    token = secrets.token_urlsafe(32)
    until = now + timedelta(days=SESSION_DAYS)
    rows.keep_session(connection, {"token_hash": _hash(token), "account": account, "created_at": now, "expires_at": until})
    return token


def _check_stays(connection: Connection, account: str) -> None:
    if not rows.staying(connection, account):
        raise NotSignedIn


def session(connection: Connection, token: str, *, now: datetime) -> Session | None:
    found = rows.session(connection, _hash(token), now=now)
    return None if found is None else Session(found.account, found.expires_at)


def end_session(connection: Connection, token: str) -> None:
    rows.end_session(connection, _hash(token))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _compact(code: str) -> str:
    return "".join(letter for letter in code.upper() if letter.isascii() and letter.isalnum()).translate(_MISREAD)


# --- leaving


def leave(engine: Engine, vault: Vault, account: str, *, now: datetime) -> None:
    """Nobody signs in any more; what can be taken back is, and photos and words go. A case that somebody judges is forgotten when it ends:
    the desk's loop sees to it (`forget_left`)."""
    with writing(engine) as connection:
        rows.forget_secrets(connection, account, now=now)
        open_cases = [case.id for case in rows.cases_of(connection, account) if case.state in asking.OPEN_STATES]
    for case in open_cases:
        with writing(engine) as connection:
            _take_back(connection, case, now=now)
    _forget(engine, vault, account, now=now)


def forget_left(engine: Engine, vault: Vault, *, now: datetime, most: int) -> int:
    """How many accounts there was something to do for."""
    with reading(engine) as connection:
        found = rows.left(connection, most=most, ended=_ENDED)
    for account in found:
        _forget(engine, vault, account, now=now)
    return len(found)


def _take_back(connection: Connection, case: str, *, now: datetime) -> None:
    try:
        asking.withdraw(connection, case, now=now)
    except CaseMoved:
        return  # an appraiser was faster: it is forgotten when it has ended


def _forget(engine: Engine, vault: Vault, account: str, *, now: datetime) -> None:
    with reading(engine) as connection:
        ended = [case.id for case in rows.cases_of(connection, account) if case.state in life.ENDED]
    for case in ended:
        try:
            asking.erase(engine, vault, case, now=now)
        except CaseMoved:
            continue  # somebody appealed, or a reorg took its verdict: it is forgotten when it has ended again
        with writing(engine) as connection:
            cases.change(connection, case, account=None)
    with writing(engine) as connection:
        if not rows.cases_of(connection, account):
            rows.forget_account(connection, account)
