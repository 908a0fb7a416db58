"""A certificate says who concluded what and leads to the ledger; whoever changes a letter of it is found out."""

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import orjson
import pytest
from coincurve import PublicKey
from eth_account import Account
from eth_account.messages import encode_typed_data
from pypdf import PdfReader

from ledger_api.desk.certificates import Concluded, Issuer, certificate, check, pdf
from ledger_verify.hashing import keccak
from tests.consortium import CHAIN_ID, LEDGER, address_of, key_of, sign

KEY = key_of("service")
ISSUER = Issuer(CHAIN_ID, LEDGER, "https://ledger.example", lambda digest: sign(KEY, digest), address_of(KEY))
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
CONCLUDED = Concluded(
    case="01" * 16,
    authenticator={"id": "0x" + "aa" * 32, "did": "did:web:expert.example", "name": "Expert Œuvre 鑑定"},
    brand="did:web:maison.example",
    category="handbag",
    method="photo",
    outcome="not-authentic",
    confidence=87,
    reasons=("counterfeit-signs", "not-as-described"),
    appraiser="ap-7f3k9m",
    decided_at=AT,
    evidence=b"\x0e" * 32,
    item=b"\x0b" * 32,
    verdict=b"\x0c" * 32,
    sequence=4,
    transaction=b"\x0d" * 32,
    why_not_recorded=None,
    has_history=False,
)


def test_any_wallet_library_recovers_the_signer_from_the_typed_data() -> None:
    told = certificate(CONCLUDED, ISSUER, at=AT)
    proof = told["proof"]

    message = encode_typed_data(full_message=proof["typed_data"] | {"types": _with_domain(proof["typed_data"]["types"])})
    recovered = Account.recover_message(message, signature=proof["signature"])

    assert recovered.lower() == proof["signer"] == "0x" + address_of(KEY).hex()


@pytest.mark.parametrize("name", [name for name in certificate(CONCLUDED, ISSUER, at=AT) if name != "proof"])
def test_a_member_that_was_changed_is_found_out(name: str) -> None:
    told = orjson.loads(orjson.dumps(certificate(CONCLUDED, ISSUER, at=AT)))

    told[name] = "something else"

    with pytest.raises(ValueError, match="changed after it was signed"):
        check(told)


def test_the_digest_that_is_checked_is_the_one_that_was_signed() -> None:
    proof = certificate(CONCLUDED, ISSUER, at=AT)["proof"]

    digest = check(certificate(CONCLUDED, ISSUER, at=AT))

    signature = bytes.fromhex(proof["signature"][2:])
    key = PublicKey.from_signature_and_message(signature[:64] + bytes([signature[64] - 27]), digest, hasher=None)
    assert keccak(key.format(compressed=False)[1:])[12:] == address_of(KEY)


def test_it_speaks_in_the_authenticators_voice_alone() -> None:
    said = [certificate(replace(CONCLUDED, outcome=outcome), ISSUER, at=AT)["says"] for outcome in ("authentic", "inconclusive")]

    assert said == [
        "Expert Œuvre 鑑定 looked at this item from photos and concluded: authentic, on 2026-11-23.",
        "Expert Œuvre 鑑定 looked at this item from photos and came to no conclusion, on 2026-11-23.",
    ]


def test_the_paper_says_the_same_and_carries_the_json() -> None:
    told = certificate(CONCLUDED, ISSUER, at=AT)

    paper = PdfReader(BytesIO(pdf(told)))

    words = paper.pages[0].extract_text()
    assert len(paper.pages) == 1
    assert "not authentic, according to Expert" in words and "ap-7f3k9m" in words and told["evidence"][2:20] in words
    assert orjson.loads(paper.attachments["certificate.json"][0]) == told
    links = [note.get_object()["/A"]["/URI"] for note in paper.pages[0]["/Annots"]]
    assert list(dict.fromkeys(links)) == ["https://ledger.example/items/0x" + "0b" * 32, told["page"]]  # one for each line


def test_a_verdict_that_is_not_on_the_ledger_says_so_and_leads_nowhere_else() -> None:
    alone = replace(
        CONCLUDED, item=None, verdict=None, sequence=None, transaction=None, why_not_recorded="the ledger does not know the item"
    )

    told = certificate(alone, ISSUER, at=AT)

    assert told["ledger"] is None
    assert "Not on the ledger: the ledger does not know the item." in PdfReader(BytesIO(pdf(told))).pages[0].extract_text().replace(
        "\n", " "
    )


def _with_domain(types: dict[str, object]) -> dict[str, object]:
    names = (("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address"))
    return types | {"EIP712Domain": [{"name": name, "type": kind} for name, kind in names]}


def test_a_certificate_without_a_conclusion_says_what_would_help() -> None:
    told = certificate(replace(CONCLUDED, outcome="inconclusive", reasons=("details-missing", "as-described")), ISSUER, at=AT)

    assert [words.split()[0] for words in told["would_help"]] == ["Photos", "An"]
    assert certificate(CONCLUDED, ISSUER, at=AT)["would_help"] == []
