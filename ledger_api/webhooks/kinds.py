"""What can be told: the one table of notices' types, read by `tell`, the API's text and docs/webhooks.md."""

from collections.abc import Mapping

TYPES: Mapping[str, str] = {
    "test": "Somebody pressed the test button. It says nothing else.",
    "webhook.endpoint-disabled": "One of your endpoints answered 410 or has failed for days; nothing is sent to it any more.",
    # to whoever watches a verification
    "verification.changed": "The answer to a watched question is another: `old`, and `new` with our signature; `changed` says in what.",
    "verification.watch-ended": "A watch has reached its end.",
    # to the platform whose listing it is
    "listing.photos": "What is known of a listing's photos is another: checked, flagged, ruled on. Ask what to do with it next.",
    "listing.suspicion": "A listing's serial has come to seem to be on several objects, or does no longer; `next` says what to do with it.",
    # the desk: to the platform that asked and to the desk's own organization
    "case.awaiting-photos": "A case was opened, or an appraiser asked for another shot.",
    "case.awaiting-payment": "Its photos are there; say that it is paid.",
    "case.checking": "Machines look at its photos.",
    "case.queued": "It waits for an appraiser.",
    "case.appraising": "An appraiser has it on the desk.",
    "case.recording": "The desk has decided; the verdict is on its way to the ledger.",
    "case.concluded": "The verdict is recorded, or the certificate says why it cannot be; `outcome` says which.",
    "case.appealed": "The verdict is disputed; somebody else judges.",
    "case.withdrawn": "Whoever asked took it back.",
    "case.expired": "Photos or payment did not come in time.",
    # to the brand of a piece that a desk found authentic and no ledger knows
    "enrolment.endorsement-wanted": "A piece of yours is to be enrolled: sign `GET /v1/desk/cases/{case}/endorsement`, `until` then.",
    # booked verification: to the platform whose order it is and to the partner whose store it is
    "booking.inviting": "Both parties are to choose a time: at first, or another one.",
    "booking.booked": "A time and a place are theirs.",
    "booking.reminder": "The appointment is within a day.",
    "booking.checked-in": "The item is at the counter; its holder is to agree to the hold.",
    "booking.holding": "The holder agreed; the hold is on its way to the ledger.",
    "booking.verifying": "The item is in verification.",
    "booking.closing": "The store has decided; `outcome` says what.",
    "booking.releasing": "It ends without a verdict; the hold is being ended.",
    "booking.verified": "Authentic and free: say whether the sale goes on. Nothing was resold on the ledger.",
    "booking.handing-over": "The money may move: the item waits for the buyer. `resale` names the event, where the ledger has it.",
    "booking.returning": "The item waits for whoever brought it: no sale.",
    "booking.completed": "The buyer has the item.",
    "booking.returned": "Whoever brought the item has it back.",
    "booking.uncollected": "Nobody came for the item in time.",
    "booking.cancelled": "It was called off before the item was taken in.",
    "booking.expired": "No time was settled in time.",
    "booking.no-show": "A party did not come.",
    "booking.turned-away": "The store did not take the item in; `facts` say what stands against it.",
}


def wants(types: list[str] | None, kind: str) -> bool:
    """Whether an endpoint that asked for these types (None: all) is told of this one. `case.*` stands for all that begin so."""
    if types is None:
        return True
    return any(kind == one or (one.endswith(".*") and kind.startswith(one[:-1])) for one in types)


def is_known(wanted: str) -> bool:
    """A type, or `<word>.*` that some type begins with."""
    return wanted in TYPES or (wanted.endswith(".*") and any(kind.startswith(wanted[:-1]) for kind in TYPES))


def as_markdown() -> str:
    rows = (f"| `{kind}` | {meaning} |" for kind, meaning in TYPES.items())
    return "\n".join(("| type | what happened |", "|---|---|", *rows))


if __name__ == "__main__":
    print(as_markdown())  # noqa: T201  # docs/webhooks.md is written with this
