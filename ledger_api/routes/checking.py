"""The page on which a visitor's own browser checks a proof (docs/proof.md).

The server sends words, modules and, once, the proof; it checks nothing.
"""

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from ledger_api.domain.identifiers import Unreadable, bytes32
from ledger_api.routes.pages import AGuest, Guest, honest_page
from ledger_api.web.languages import Language
from ledger_verify.codes import KIND_CODES, Kind

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

# what each step of the recipe has to show, each with its word under [check]
RECIPE = (
    ("bytes", "events", "item"), ("block", "block_hash", "time"), ("code",), ("word",), ("shown", "withheld", "closed"), ("events",),
    ("sequence", "head"), ("signed", "events"), ("organizations",), (),
)  # fmt: skip
STATES = ("wait", "good", "bad", "grey")
PROBLEMS = ("proof", "node", "block", "typed")
# the visitor's own node may be anybody's: docs/decisions/a-node-of-the-visitors-choice.md
OWN_DOORS, ANY_NODE = "connect-src 'self'", "connect-src 'self' https: http://localhost:* http://127.0.0.1:*"
_NAMED_HERE = {Kind.HOLD, Kind.RELEASE, Kind.RECOVERY}


@router.get("/check")
def check_file_page(guest: AGuest) -> Response:
    """For a proof file that a visitor has."""
    return _page(guest, None)


@router.get("/check/{item}")
async def check_page(item: str, guest: AGuest) -> Response:
    """For an item by its id. Whether there is a proof of it is for the proof's own door to say."""
    try:
        bytes32(item)
    except Unreadable:
        return await run_in_threadpool(honest_page, guest, "missing", status=404)
    return await run_in_threadpool(_page, guest, item)


def _page(guest: Guest, item: str | None) -> Response:
    kinds = _kinds(guest.language)
    response = guest.page("check.html", is_scripted=True, item=item, kinds=kinds, recipe=RECIPE, states=STATES, problems=PROBLEMS)
    response.headers["Content-Security-Policy"] = response.headers["Content-Security-Policy"].replace(OWN_DOORS, ANY_NODE)
    return response


def _kinds(language: Language) -> list[tuple[int, str]]:
    return [(kind, language.say(f"{'check' if kind in _NAMED_HERE else 'kind'}.{KIND_CODES[kind]}")) for kind in Kind]
