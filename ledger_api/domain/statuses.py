"""What a status means and what leads from one to another: the one table. The API's description and docs/operations.md show it,
and a test holds them to it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Way:
    """From one status to another, and what makes it so. `start` empty: how the thing begins."""

    start: str
    end: str
    when: str


@dataclass(frozen=True, slots=True)
class Life:
    """One kind of thing that has a status."""

    of: str
    meanings: dict[str, str]
    ways: tuple[Way, ...]

    def leads(self, start: str, end: str) -> bool:
        return start == end or any((way.start, way.end) == (start, end) for way in self.ways)


EVENT = Life(
    "event",
    {
        "accepted": "Durably ours and on its way. `parked` says that an operator has to look before it can go on.",
        "recorded": "On the chain, and the indexer has seen it there. A reorg may still take it back.",
        "final": "In a block that cannot fall out of the chain any more.",
        "refused": "It will not be recorded; `reason` says why. The same event may be sent again.",
    },
    (
        Way("", "accepted", "the answer 202: payload, event and submission are committed"),
        Way("accepted", "recorded", "the indexer saw its `Recorded` log, in anybody's transaction"),
        Way("recorded", "final", "its block has the chain's confirmations, or the node's `finalized` tag passed it"),
        Way("recorded", "accepted", "a reorg took its block; it travels again"),
        Way("accepted", "refused", "the contract refused it, its history moved on, its deadline passed, or an operator ended it"),
        Way("refused", "accepted", "a reorg took the block that refused it"),
        Way("refused", "recorded", "bytes signed earlier landed all the same"),
    ),
)
SUBMISSION = Life(
    "submission",
    {
        "accepted": "At least one of its events is accepted.",
        "recorded": "None is accepted, and at least one is recorded and not final.",
        "final": "Every event has ended, and at least one is final.",
        "refused": "Every event was refused.",
    },
    (
        Way("", "accepted", "the answer 202"),
        Way("accepted", "recorded", "its last accepted event was recorded or refused"),
        Way("recorded", "final", "its last recorded event is final"),
        Way("recorded", "accepted", "a reorg took the block of one of its events"),
        Way("accepted", "final", "its last accepted event was refused, the others are final"),
        Way("accepted", "refused", "its last accepted event was refused, as the others were"),
        Way("refused", "accepted", "a reorg took the block that refused one of its events"),
        Way("final", "accepted", "the same; its stream goes on until no refusal can be taken back"),
        Way("refused", "recorded", "bytes signed earlier landed all the same"),
        Way("final", "recorded", "the same, of a refused one beside final ones"),
    ),
)
BATCH = Life(
    "batch",
    {
        "signed": "Under its signature, carried by no transaction.",
        "sent": "In a transaction that has not landed.",
        "done": "Its transaction landed; the indexer tells what became of its events.",
        "refused": "The contract refused it as a whole.",
        "dissolved": "Its events were given back, to be signed anew.",
    },
    (
        Way("", "signed", "the worker, or the organization itself, has signed it"),
        Way("signed", "sent", "a transaction that carries it was saved"),
        Way("sent", "done", "the transaction landed"),
        Way("done", "sent", "a reorg took the transaction"),
        Way("sent", "signed", "the transaction reverted or its nonce was cancelled; the organization signed the batch itself"),
        Way("sent", "dissolved", "the same, of a batch that the service signed"),
        Way("signed", "dissolved", "an event of it follows another head now, or its deadline passed in a final block"),
        Way("done", "dissolved", "its deadline passed in a final block, with events that still wait"),
        Way("sent", "refused", "the contract refused it as a whole"),
        Way("done", "refused", "the contract refused it as a whole"),
        Way("refused", "done", "a reorg took the block that refused it; its transaction is still known as landed"),
        Way("refused", "sent", "the same, after the worker saw its transaction fall out"),
        Way("refused", "dissolved", "it was refused for its deadline alone, and is signed anew"),
    ),
)
TRANSACTION = Life(
    "transaction",
    {
        "saved": "Signed bytes with their nonce, committed before anybody was told.",
        "sent": "Given to the node.",
        "mined": "In a block, successful.",
        "reverted": "In a block, without effect; what it carried travels again.",
        "replaced": "Outbid on its nonce by a higher fee, or filled with nothing. It may land all the same.",
        "foreign": "Somebody else used the nonce; an operator decided to go on after it.",
    },
    (
        Way("", "saved", "the worker has signed it"),
        Way("saved", "sent", "the node took it, or has it"),
        Way("sent", "mined", "its receipt says so"),
        Way("saved", "mined", "its receipt says so, though we never heard the node take it"),
        Way("sent", "reverted", "its receipt says so"),
        Way("saved", "reverted", "its receipt says so, though we never heard the node take it"),
        Way("sent", "replaced", "it was stuck, and a higher fee took its nonce"),
        Way("saved", "replaced", "no node takes it, and its nonce is filled with something else"),
        Way("replaced", "mined", "it landed all the same"),
        Way("replaced", "reverted", "it landed all the same"),
        Way("mined", "sent", "a reorg took its block"),
        Way("reverted", "sent", "a reorg took its block"),
        Way("", "foreign", "an operator adopted the nonce"),
    ),
)
LIVES = (EVENT, SUBMISSION, BATCH, TRANSACTION)


def told(life: Life) -> str:
    """The table as a reader sees it: every status with its meaning, every way with its cause."""
    meanings = [f"- `{status}`: {meaning}" for status, meaning in life.meanings.items()]
    return "\n".join([*meanings, "", "```", *_arrows(life), "```"])


def _arrows(life: Life) -> list[str]:
    starts, ends = (max(len(getattr(way, name)) for way in life.ways) for name in ("start", "end"))
    return [f"{way.start:>{starts}} ──► {way.end:<{ends}}  {way.when}" for way in life.ways]
