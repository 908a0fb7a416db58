"""Write `tests/vectors/proofs/`: proof files, and what every verifier must say to them and to their alterations.

Proofs on paper are derived from constants, so a second run writes the same bytes; `--check` says whether the committed files are
those. The two of a real chain (`anvil-*.json`) have that chain's times and are taken as they are; `--chain` makes them anew.
"""

import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ledger_verify.checking import check  # noqa: E402
from ledger_verify.codes import Hold, Kind, Method, Outcome  # noqa: E402
from ledger_verify.disclosure import withhold  # noqa: E402
from ledger_verify.hashing import keccak  # noqa: E402
from ledger_verify.proof import canonical  # noqa: E402
from tests.unit.ledger_verify.proven import by_receipts, by_state, cut_short, life, short_life  # noqa: E402
from tests.unit.ledger_verify.scenes import SCENES, at_shop, recovering  # noqa: E402
from tests.unit.ledger_verify.test_proof import BY_ORDER, FAULTS, stolen_from_shop  # noqa: E402
from tests.unit.ledger_verify.test_proof_mutations import changed_bytes, places_of, put, removed  # noqa: E402
from tests.unit.ledger_verify.world import ALICE, CONSORTIUM, HOUSE, SHOP  # noqa: E402

FOLDER = ROOT / "tests" / "vectors" / "proofs"
SEED, CHANGED_BYTES = 20_251_122, 300
Json = dict[str, Any]


def files() -> dict[str, bytes]:
    corrected = at_shop().land(Kind.SALE, SHOP, party=ALICE).land(Kind.VERDICT, HOUSE, a=Outcome.NOT_AUTHENTIC, b=Method.PHOTO)
    corrected.land(Kind.CORRECTION, HOUSE, a=Outcome.AUTHENTIC, time=4)
    ordered = BY_ORDER["a shop's theft"]()
    traceless = stolen_from_shop().land(Kind.RELEASE, CONSORTIUM, a=Hold.STOLEN).land(Kind.HOLD, SHOP, a=Hold.STOLEN)
    whole = canonical(by_state(life()))
    return {
        "life.json": whole,
        "life-less-shown.json": withhold(whole, ["/colour", "/certificates", "3/country"]),
        "short.json": canonical(by_state(short_life())),
        "in-a-batch.json": canonical(by_state(short_life(), others=[keccak(b"before"), keccak(b"after"), keccak(b"and after")])),
        "receipts.json": canonical(by_receipts(life())),
        "receipts-by-order.json": canonical(by_receipts(ordered)),
        "receipts-enrolled.json": canonical(by_receipts(SCENES["enrolled, then made"]())),
        "corrected.json": canonical(by_state(corrected)),
        "by-order.json": canonical(by_state(ordered)),
        "by-order-without-trace.json": canonical(by_state(traceless)),
        "by-order-of-a-keys-hold.json": canonical(by_state(BY_ORDER["an owner's hold"]())),
        "enrolled.json": canonical(by_state(SCENES["enrolled"]())),
        "joined.json": canonical(by_state(SCENES["enrolled, then made"]())),
        "recovering.json": canonical(by_state(recovering())),
        "in-verification.json": canonical(by_state(SCENES["sold, in verification"]())),
        "release-begun.json": canonical(by_state(SCENES["sold, release of stolen begun"]())),
        "ruled.json": canonical(by_state(SCENES["sold, authentic by ruling"]())),
        "lot.json": canonical(by_state(SCENES["lot disputed by its buyer"]())),
        "retired.json": canonical(by_state(SCENES["sold, retired"]())),
    }


def trust_for(encoded: bytes) -> Json:
    """What a verifier has to be told of each file: the four facts and the registry's two; by receipts, how many events there are."""
    told = json.loads(encoded)
    inclusion = told["inclusion"]
    headers = [inclusion["header"]] if inclusion["type"] == "state" else [block["header"] for block in inclusion["blocks"]]
    facts = {name: told[name] for name in ("chain_id", "ledger", "ledger_code_hash", "registry", "registry_code_hash")}
    counted = {"sequence": len(told["events"])} if inclusion["type"] == "receipts" else {}
    return facts | {"block_hash": ["0x" + keccak(bytes.fromhex(header[2:])).hex() for header in headers]} | counted


def index(made: dict[str, bytes]) -> Json:
    cases: list[Json] = []
    for name, encoded in made.items():
        report = check(encoded)
        word = None if report.word is None else f"0x{report.word:064x}"
        said = {"events": len(report.events), "head": "0x" + report.events[-1].head.hex(), "word": word}
        cases += [
            {"name": f"{name}: trusted", "file": name, "trusted": True, "expect": {"verdict": "anchored"} | said},
            {"name": f"{name}: not trusted", "file": name, "trusted": False, "expect": {"verdict": "consistent, not anchored"}},
        ]
    for name, (code, make) in FAULTS.items():
        cases.append(_altered(made, name, "short.json", canonical(make()), code))
    cases += _text_faults(made) + _structural(made) + _changed(made) + _cut(made)
    return {"trust": {name: trust_for(encoded) for name, encoded in made.items()}, "cases": cases}


def _altered(made: dict[str, bytes], name: str, base: str, altered: bytes, code: str | None) -> Json:
    """As one edit of the base file: at this byte, remove so many, insert these (hex)."""
    whole = made[base]
    start = next(
        (place for place, (one, other) in enumerate(zip(whole, altered, strict=False)) if one != other), min(len(whole), len(altered))
    )
    most = min(len(whole), len(altered)) - start
    end = next((place for place in range(most) if whole[-1 - place] != altered[-1 - place]), most)
    edit = {"at": start, "remove": len(whole) - end - start, "insert": altered[start : len(altered) - end].hex()}
    return {"name": name, "file": base, "trusted": True, "edit": edit, "expect": {"refused": code}}


def _text_faults(made: dict[str, bytes]) -> list[Json]:
    whole = made["life.json"]
    faults = {
        "a line break at the end": whole + b"\n",
        "a space before": b" " + whole,
        "cut short": whole[:-1],
        "a number written otherwise": whole.replace(b'"/weight",0.75', b'"/weight",0.750'),
        "an escape that is not needed": whole.replace(b"noir", b"\\u006eoir"),
        "a member twice": whole.replace(b'{"chain_id":31337,', b'{"chain_id":31337,"chain_id":31337,'),
        "a whole number beyond 2^53": whole.replace(b"0.75", b"9007199254740993"),
        "a whole number of 1e20": whole.replace(b"0.75", b"100000000000000000000"),
        "a lone surrogate": whole.replace(b"noir", b"\\ud800"),
        "bytes that are no UTF-8": whole.replace(b"noir", b"\xffoir"),
    }
    assert all(altered != whole for altered in faults.values())
    return [_altered(made, name, "life.json", altered, "not-canonical") for name, altered in faults.items()]


def _structural(made: dict[str, bytes]) -> list[Json]:
    """Every member and element removed; only the name and a signer may be null, and then the file says less."""
    document = json.loads(made["short.json"])
    cases = []
    for path in places_of(document):
        where = "/".join(map(str, path))
        cases.append(_altered(made, f"removed: {where}", "short.json", canonical(removed(document, path)), None))
        if path[-1] not in ("signer", "name", "enrolled"):
            cases.append(_altered(made, f"null: {where}", "short.json", canonical(put(document, path, None)), None))
    return cases


def _changed(made: dict[str, bytes]) -> list[Json]:
    draw = random.Random(SEED)
    every = list(changed_bytes(made["short.json"], draw))
    return [_altered(made, f"byte {place} changed", "short.json", altered, None) for place, altered in draw.sample(every, CHANGED_BYTES)]


def _cut(made: dict[str, bytes]) -> list[Json]:
    """The last events left out with their logs and their blocks, as if they had not happened: no receipt contradicts it."""
    cases = []
    for kept in range(1, len(json.loads(made["receipts.json"])["events"])):
        shorter = canonical(cut_short(json.loads(made["receipts.json"]), kept))
        case = _altered(made, f"the history ends after {kept}", "receipts.json", shorter, None)
        cases.append(case | {"expect": {"verdict": "consistent, not complete", "events": kept}})
    return cases


def chain_files() -> dict[str, bytes]:
    """A real life on Anvil, by state and by receipts."""
    from ledger_api.proving import Asked
    from tests.chain.proof_world import GTIN, life, proof_world

    with tempfile.TemporaryDirectory() as folder, proof_world(Path(folder), f"sqlite:///{folder}/ledger.db") as world:
        item = life(world)
        by_both = {"anvil-state.json": Asked(name=(GTIN, "S-1")), "anvil-receipts.json": Asked(inclusion="receipts")}
        return {name: world.prove(item, asked).body for name, asked in by_both.items()}


def main() -> None:
    kept = {path.name: path.read_bytes() for path in sorted(FOLDER.glob("anvil-*.json"))} if FOLDER.exists() else {}
    made = dict(sorted((files() | (chain_files() if "--chain" in sys.argv else kept)).items()))
    written = made | {"index.json": (json.dumps(index(made), indent=1) + "\n").encode()}
    if "--check" in sys.argv:
        stale = [name for name, encoded in written.items() if not (FOLDER / name).exists() or (FOLDER / name).read_bytes() != encoded]
        sys.exit(f"stale proof vectors, run scripts/make_proof_vectors.py: {', '.join(stale)}" if stale else 0)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, encoded in written.items():
        (FOLDER / name).write_bytes(encoded)


if __name__ == "__main__":
    main()
