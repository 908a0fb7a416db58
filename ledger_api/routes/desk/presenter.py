"""What a case's page says of whoever presents an item without history: whose key has signed, and what a key is to sign."""

from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from ledger_api.desk import life
from ledger_api.routes.deps import Context
from ledger_api.routes.desk.deps import AnyRow
from ledger_api.routes.desk.in_person import PresenterIn, to_present


@dataclass(frozen=True, slots=True)
class Presenting:
    signed: str | None  # the key whose signature is kept
    key: str | None = None  # the one that is to sign now, and what:
    typed: str = ""  # EIP-712, as JSON
    detail: str = ""  # of it, which a script could not read as a number
    deadline: int = 0


def presenting(case: AnyRow | None) -> Presenting | None:
    """None: there is nothing to be enrolled."""
    if case is None or case.appeal_of is not None or not life.is_presentable(case):
        return None
    return Presenting(signed=None if case.presenter is None else orjson.loads(case.presenter)["key"])


def drafted(ctx: Context, who: AnyRow, case: str, key: str, presented: Presenting, at: datetime) -> Presenting:
    """Raises ValidationError, EventUnreadable, EventRefused."""
    found = to_present(ctx, who, case, PresenterIn.model_validate({"presenter_key": key.strip()}), at)
    said, typed = found.typed_data["message"], orjson.dumps(found.typed_data, option=orjson.OPT_INDENT_2).decode()
    return replace(presented, key=key.strip().lower(), typed=typed, detail=str(said["detail"]), deadline=int(said["deadline"]))
