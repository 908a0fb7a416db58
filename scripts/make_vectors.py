"""Write `tests/vectors/*.json`: what the Python twin answers, for the contracts (and any third implementation) to answer too.

Everything is derived from constants, so a second run writes the same bytes; `--check` says whether the committed files are those.
Each file is columns of equal length. `encoded` columns are `abi.encode` of one struct, which Solidity reads with `abi.decode`;
`tests/vectors/README.md` names the structs.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from eth_abi.abi import encode

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ledger_verify import claims, hashing, state  # noqa: E402
from ledger_verify.codes import KIND_CODES, Hold, Kind, Method, Outcome, Reason, Role  # noqa: E402
from ledger_verify.hashing import ZERO32, Commitment, Head, ItemId, OrganizationId, keccak  # noqa: E402
from ledger_verify.state import Aside, Event, Opening, State  # noqa: E402
from ledger_verify.transition import replaces  # noqa: E402
from tests.unit.ledger_verify.probes import Probe, all_probes  # noqa: E402
from tests.unit.ledger_verify.scenes import SCENES  # noqa: E402
from tests.unit.ledger_verify.world import DIDS, REGISTRY, SECRETS, START, TERMS, Story, address_of  # noqa: E402

FOLDER = ROOT / "tests" / "vectors"
Columns = dict[str, list[Any]]

EVENT = "(bytes32,uint8,bytes32,uint48,bytes32,uint64,bytes32)"
WITNESS = "(bytes32,bytes32,bytes32,uint256)"
ASIDE = "(bytes32[5],uint48,uint48,uint48,address,uint48)"
BATCH = f"(bytes32,address,uint48,bool,{EVENT}[])"
CONSENT = "(uint8,bytes32,bytes32,bytes32,bytes32,uint64,bytes32,bytes32,uint48)"
ENDORSEMENT = "(bytes32,bytes32,uint48)"
STATE = f"(uint32,uint8,uint8,uint8,{WITNESS},{ASIDE})"
CASE = f"(bytes32,{WITNESS},{ASIDE},{EVENT},bytes32,uint48,uint8,uint8,bytes32,bytes32,bytes32,(bytes32,bytes32)[],uint8,bytes32,bool)"

CHAIN_ID = 31337
CONTRACT = bytes.fromhex("00000000000000000000000000000000001ed9e5")
DOMAIN = hashing.domain_separator(CHAIN_ID, CONTRACT)
PAYLOADS: tuple[Any, ...] = (
    {},
    {"model": "Flap", "colour": "noir"},
    {"lots": ["CONC-1", "CONC-2"], "atelier": {"city": "Paris", "floor": 3}, "certificates": [], "extra": {}},
    {"name": "Élodie ‘é’ 皮革 👜", "quote": '"\\\n\t\u0001\u007f\u2028', "a/b": 1, "m~n": -0.5, "": None},
    {"numbers": [0, -1, 9007199254740991, 1e21, 1e-7, 0.1, 100.0], "flags": [True, False, None]},
    [[["deep"]]],
)


def hexed(plain: bytes) -> str:
    return "0x" + plain.hex()


def abi(kind: str, *values: Any) -> str:
    return hexed(encode([kind], [values]))


def event_tuple(event: Event) -> tuple[Any, ...]:
    return (event.item, event.kind, event.head, event.occurred_at, event.party, event.detail, event.payload)


def witness_tuple(known: State) -> tuple[Any, ...]:
    return (known.head, known.holder, known.brand, state.facts(known))


def aside_tuple(aside: Aside) -> tuple[Any, ...]:
    times = (aside.verification_until, aside.stolen_release_at, aside.disputed_at)
    return (aside.setters, *times, aside.recovery_key, aside.recovery_ready_at)


def columns(names: str, rows: Iterator[Sequence[Any]]) -> Columns:
    return dict(zip(names.split(), (list(column) for column in zip(*rows, strict=True)), strict=True))


# --- hashes


def some(what: str) -> bytes:
    return keccak(what.encode())


def some_events() -> list[Event]:
    blank = Event(ItemId(ZERO32), 0, Head(ZERO32), 0, ZERO32, 0, Commitment(ZERO32))
    full = Event(ItemId(b"\xff" * 32), 255, Head(b"\xff" * 32), (1 << 48) - 1, b"\xff" * 32, (1 << 64) - 1, Commitment(b"\xff" * 32))
    usual = [
        Event(
            ItemId(some(f"item {kind}")),
            kind,
            Head(some(f"head {kind}")),
            START + kind,
            some(f"party {kind}"),
            kind << 16,
            Commitment(some(f"payload {kind}")),
        )
        for kind in KIND_CODES
    ]
    return [blank, full, *usual]


def event_rows() -> Iterator[Sequence[Any]]:
    organization = OrganizationId(some("organization"))
    for event in some_events():
        hashed = hashing.event_hash(event)
        after = hashing.next_head(event.head, hashed, organization)
        identity = hashing.event_id(organization, event.item, event.kind, event.occurred_at, event.payload)
        yield abi(EVENT, *event_tuple(event)), hexed(organization), hexed(hashed), hexed(after), hexed(identity)


def batch_rows() -> Iterator[Sequence[Any]]:
    organization, signer = OrganizationId(some("organization")), some("signer")[12:]
    for events, together in ((some_events(), True), (some_events()[:1], False), ([], False)):
        hashed = hashing.batch_hash(organization, signer, START, together, [hashing.event_hash(event) for event in events])
        encoded = abi(BATCH, organization, signer, START, together, [event_tuple(event) for event in events])
        yield encoded, hexed(hashed), hexed(hashing.batch_digest(DOMAIN, hashed))


def consent_rows() -> Iterator[Sequence[Any]]:
    names = ("action", "item", "head", "old_holder", "new_holder", "detail", "carrier", "store", "deadline")
    for values in (
        (5, some("item"), some("head"), hashing.claim_holder(some("key")[12:]), some("buyer"), 0, ZERO32, ZERO32, START),
        (255, *(b"\xff" * 32 for _ in range(4)), (1 << 64) - 1, b"\xff" * 32, b"\xff" * 32, (1 << 48) - 1),
    ):
        yield abi(CONSENT, *values), hexed(hashing.consent_digest(DOMAIN, **dict(zip(names, values, strict=True))))


def endorsement_rows() -> Iterator[Sequence[Any]]:
    values = (some("brand"), some("event hash"), START)
    digest = hashing.endorsement_digest(DOMAIN, brand=OrganizationId(values[0]), event_hash=hashing.EventHash(values[1]), deadline=START)
    yield abi(ENDORSEMENT, *values), hexed(digest)


def serial_rows() -> Iterator[Sequence[Any]]:
    brand = hashing.organization_id(DIDS["maison"])
    for gtin, serial in (("03760012345670", "A1"), ("09506000134352", "1"), ("09506000134352", "!ABC-xyz_0123456789."[:20])):
        commitment = hashing.serial_commitment(some("brand key"), gtin, serial)
        item = hashing.item_id(brand, commitment)
        yield hexed(some("brand key")), gtin, serial, hexed(commitment), hexed(brand), hexed(item)


def lot_rows() -> Iterator[Sequence[Any]]:
    supplier = hashing.organization_id(DIDS["tannery"])
    for lot in ("CONC-2025-01", "peau d’agneau", "革" * 100):
        commitment = hashing.lot_commitment(some("supplier key"), lot)
        yield hexed(some("supplier key")), lot, hexed(commitment), hexed(supplier), hexed(hashing.lot_id(supplier, commitment))


def payload_rows() -> Iterator[Sequence[Any]]:
    organization, item = hashing.organization_id(DIDS["maison"]), ItemId(some("item"))
    key = hashing.item_key(some("epoch key"), item, some("item secret"))
    for payload in PAYLOADS:
        context = {"item_key": key, "organization": organization, "kind": 2, "occurred_at": START}
        committed = hashing.commit_payload(payload, **context)
        opened = [[hexed(one.salt), one.path, json.dumps(one.value)] for one in hashing.disclose(payload, **context)]
        digests = [hexed(digest) for digest in committed.digests]
        yield json.dumps(payload, ensure_ascii=False), hexed(committed.commitment), digests, opened


def hashes() -> dict[str, Any]:
    dids = list(DIDS.values())
    return {
        "domain": {"chainId": CHAIN_ID, "contract": hexed(CONTRACT), "separator": hexed(DOMAIN)},
        "events": columns("encoded organization hash nextHead eventId", event_rows()),
        "batches": columns("encoded hash digest", batch_rows()),
        "consents": columns("encoded digest", consent_rows()),
        "endorsements": columns("encoded digest", endorsement_rows()),
        "organizations": {"did": dids, "id": [hexed(hashing.organization_id(did)) for did in dids]},
        "serials": columns("key gtin14 serial commitment brand item", serial_rows()),
        "lots": columns("key lot commitment supplier id", lot_rows()),
        "payloads": {
            "start": START,
            **columns("payload commitment digests disclosures", payload_rows()),
        },
    }


# --- words


def some_states() -> dict[str, State]:
    full_aside = Aside(
        setters=tuple(some(f"setter {hold}") for hold in Hold),  # type: ignore[arg-type]  # five holds
        verification_until=(1 << 48) - 1,
        stolen_release_at=(1 << 48) - 2,
        disputed_at=(1 << 48) - 3,
        recovery_key=b"\xfe" * 20,
        recovery_ready_at=(1 << 48) - 4,
    )
    names = (Head(some("head")), some("holder"), OrganizationId(some("brand")))
    largest = State((1 << 32) - 1, 5, 3, 31, *names, (1 << 48) - 1, 63, 4, (1 << 48) - 2, (1 << 40) - 1, (1 << 32) - 2, full_aside)
    return {name: scene().state for name, scene in SCENES.items()} | {"largest numbers": largest}


def word_rows() -> Iterator[Sequence[Any]]:
    for name, known in some_states().items():
        clear = (known.sequence, known.stage, known.verdict, known.holds)
        encoded = abi(STATE, *clear, witness_tuple(known), aside_tuple(known.aside))
        word = hexed(state.word(known).to_bytes(32, "big"))
        yield name, encoded, str(state.facts(known)), hexed(state.aside_hash(known)), word, hexed(state.state_to_bytes(known))


# --- precedence


def precedence_rows() -> Iterator[Sequence[Any]]:
    opinions = [(outcome, method) for outcome in list(Outcome)[1:] for method in list(Method)[1:]]
    effective = [(0, 0, False), *((*one, expired) for one in opinions for expired in (False, True))]
    for outcome_before, method_before, expired in effective:
        for outcome, method in opinions:
            wins = replaces(effective=outcome_before, effective_method=method_before, expired=expired, outcome=outcome, method=method)
            yield int(outcome_before), int(method_before), expired, int(outcome), int(method), wins


# --- transitions


def case_row(name: str, story: Story, probe: Probe) -> tuple[str, str, int, str]:
    event = probe.event(story)
    before = story.state
    reason = story.judge_event(event, probe.by, probe.approval)
    after = before if reason else story.apply_event(event, probe.by)
    words = [state.word(one).to_bytes(32, "big") for one in (before, after)]
    opening = story.opening(event) or Opening()
    approval = probe.approval
    consent = 0 if approval is None else 1 if approval.valid else 2
    endorsement = 0 if approval is None or approval.endorsed is None else 1 if approval.endorsed else 2
    encoded = abi(
        CASE,
        words[0],
        witness_tuple(before),
        aside_tuple(before.aside),
        event_tuple(event),
        probe.by,
        story.now,
        consent,
        endorsement,
        opening.brand,
        opening.serial_commitment,
        opening.prior_head,
        [(link.event_hash, link.organization) for link in opening.history],
        reason or 0,
        words[1],
        reason is None and story.is_by_order(event, probe.by),
    )
    return f"{name}: {probe.name}", encoded, int(reason or 0), hexed(words[1])


def transition_rows() -> Iterator[Sequence[Any]]:
    """Of all questions to all scenes: each question with each answer once, and twice where it is accepted. A stranger's
    batch is refused before its events are looked at, so its questions are left out."""
    seen: Counter[tuple[str, int]] = Counter()
    probes = [probe for probe in all_probes() if REGISTRY.standing(probe.by).admitted]
    for name, scene in SCENES.items():
        story = scene()
        for probe in probes:
            row = case_row(name, story, probe)
            seen[probe.name, row[2]] += 1
            if seen[probe.name, row[2]] <= (1 if row[2] else 2):
                yield row


def world() -> dict[str, Any]:
    members = REGISTRY.members
    granted = REGISTRY.accreditations
    return {
        "organizations": {
            "did": list(DIDS.values()),
            "id": [hexed(hashing.organization_id(did)) for did in DIDS.values()],
            "admitted": [hashing.organization_id(did) in members for did in DIDS.values()],
            "suspended": [REGISTRY.standing(hashing.organization_id(did)).suspended for did in DIDS.values()],
            "roles": [int(REGISTRY.standing(hashing.organization_id(did)).roles) for did in DIDS.values()],
        },
        "accreditations": columns(
            "brand organization role scope",
            ((hexed(brand), hexed(organization), int(Role(role)), str(scope)) for (brand, organization, role), scope in granted.items()),
        ),
        "successors": columns("brand successor", ((hexed(brand), hexed(successor)) for brand, successor in REGISTRY.successors.items())),
        "keys": columns("secret address", ((hex(secret), hexed(address_of(secret))) for secret in SECRETS.values())),
        "consortium": hexed(REGISTRY.consortium),
        "recoveryPeriod": TERMS.recovery_period,
        "rulingPeriod": TERMS.ruling_period,
    }


def card_rows() -> Iterator[Sequence[Any]]:
    for number in range(8):
        secret = keccak(f"card {number}".encode())[: claims.SECRET_BYTES]
        key = claims.claim_key(secret)
        yield hexed(secret), claims.card_text(secret), hexed(key.secret), hexed(claims.address_of(key))


def wish_rows() -> Iterator[Sequence[Any]]:
    """Every action that an owner's page offers, signed by the key of the first card."""
    key = claims.claim_key(keccak(b"card 0")[: claims.SECRET_BYTES])
    holder, item, head = hashing.claim_holder(claims.address_of(key)), ItemId(keccak(b"item")), Head(keccak(b"head"))
    consented = partial(state.pack_detail, consented=True)
    for action, new_holder, detail in (
        (Kind.TRANSFER, hashing.claim_holder(bytes(range(20))), 0),
        (Kind.RESALE, hashing.organization_id("did:web:platform.example"), 0),
        (Kind.HOLD, ZERO32, consented(a=int(Hold.LOST))),
        (Kind.HOLD, ZERO32, consented(a=int(Hold.STOLEN))),
        (Kind.RELEASE, ZERO32, consented(a=int(Hold.STOLEN))),
        (Kind.DISPUTE, ZERO32, consented()),
        (Kind.DISPUTE, ZERO32, consented(time=4)),
        (Kind.RECOVERY, ZERO32, consented(a=2)),
        (Kind.RETIRE, ZERO32, consented()),
    ):
        wish = claims.Wish(int(action), item, head, holder, 1_800_000_000 + detail % 97, new_holder, detail)
        signature = claims.agree(wish, key, chain_id=CHAIN_ID, ledger=CONTRACT)
        digest = claims.wish_digest(wish, chain_id=CHAIN_ID, ledger=CONTRACT)
        yield KIND_CODES[action], hexed(new_holder), str(detail), wish.deadline, hexed(digest), hexed(signature)


def cards() -> dict[str, Any]:
    """`detail` is decimal text: it has 64 bits, more than a number of JavaScript holds."""
    return {
        "chainId": CHAIN_ID,
        "ledger": hexed(CONTRACT),
        "item": hexed(keccak(b"item")),
        "head": hexed(keccak(b"head")),
        "cards": columns("secret text key address", card_rows()),
        "wishes": columns("action newHolder detail deadline digest signature", wish_rows()),
    }


def files() -> dict[str, Any]:
    return {
        "claims.json": cards(),
        "hashes.json": hashes(),
        "words.json": columns("name encoded facts asideHash word stored", word_rows()),
        "precedence.json": columns("effective effectiveMethod expired outcome method replaces", precedence_rows()),
        "transitions.json": {"world": world(), "cases": columns("name encoded reason wordAfter", transition_rows())},
        "codes.json": {
            "reasons": {str(int(reason)): reason.code for reason in Reason},
            "kinds": {str(int(kind)): code for kind, code in KIND_CODES.items()},
        },
    }


def main() -> int:
    stale = []
    for name, content in files().items():
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        path = FOLDER / name
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.write_text(text)
    print(f"stale: {', '.join(stale)}" if stale else "vectors are up to date")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
