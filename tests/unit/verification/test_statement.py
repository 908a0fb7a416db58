"""The signed answer, checked the way a stranger would: with a wallet library and the published recipe."""

from dataclasses import replace

import rfc8785
from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_typed_data

from ledger_api.verification.agreement import Resale, flaw_in
from ledger_api.verification.codes import Decision
from ledger_api.verification.decision import Answer, AsOf, Reason
from ledger_api.verification.statement import VALID_SECONDS, Statement, digest_of, make_statement, statement_digest, typed_data
from ledger_verify.codes import Stage
from ledger_verify.hashing import claim_holder, consent_digest, domain_separator, keccak
from ledger_verify.state import UNBORN, State

CHAIN_ID, LEDGER = 31337, b"\x44" * 20
NOW = 1_760_000_000
KEY = PrivateKey(b"\x01" * 32)
ADDRESS = keccak(KEY.public_key.format(compressed=False)[1:])[12:]
REQUEST = {"serial": "A1", "gtin": "09506000134352"}
REASONS = [Reason("on-hold:stolen", {"hold": "stolen"})]
DOMAIN = domain_separator(CHAIN_ID, LEDGER)


def statement() -> Statement:
    as_of = AsOf(block=100, block_hash=b"\xbb" * 32, time=NOW, final_block=98)
    return make_statement(Answer(Decision.REJECT, REASONS), item=b"\x11" * 32, word=b"\x33" * 32, as_of=as_of, now=NOW, request=REQUEST)


def sign(digest: bytes, key: PrivateKey = KEY) -> bytes:
    signature = key.sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([signature[64] + 27])


def owned(holder: bytes = claim_holder(ADDRESS)) -> State:
    return replace(UNBORN, sequence=2, stage=Stage.SOLD, holder=holder, head=b"\x22" * 32)


def consent(*, deadline: int = NOW + 60, carrier: bytes = bytes(32), head: bytes = b"\x22" * 32) -> Resale:
    buyer = claim_holder("0x" + "99" * 20)
    digest = consent_digest(
        DOMAIN,
        action=5,
        item=b"\x11" * 32,  # type: ignore[arg-type]  # plain bytes will do in a test
        head=head,  # type: ignore[arg-type]
        old_holder=claim_holder(ADDRESS),
        new_holder=buyer,
        detail=0,
        carrier=carrier,
        store=bytes(32),
        deadline=deadline,
    )
    return Resale(buyer, deadline, sign(digest), carrier)


def flaw(given: Resale, *, caller: bytes = b"\x66" * 32) -> str | None:
    return flaw_in(given, owned(), item=b"\x11" * 32, caller=caller, domain_separator=DOMAIN, now=NOW)


def test_a_wallet_library_hashes_the_typed_data_to_the_signed_digest() -> None:
    made = statement()

    message = encode_typed_data(full_message=typed_data(made, chain_id=CHAIN_ID, ledger=LEDGER))

    assert keccak(b"\x19\x01" + message.header + message.body) == statement_digest(made, chain_id=CHAIN_ID, ledger=LEDGER)


def test_a_third_party_recovers_the_service_from_the_answer_alone() -> None:
    made = statement()
    signature = sign(statement_digest(made, chain_id=CHAIN_ID, ledger=LEDGER))

    message = encode_typed_data(full_message=typed_data(made, chain_id=CHAIN_ID, ledger=LEDGER))
    signer = Account.recover_message(message, signature=signature)

    assert bytes.fromhex(signer[2:]) == ADDRESS


def test_the_statement_binds_the_request_and_the_reasons_whatever_the_order_of_members() -> None:
    made = statement()

    assert made.request == keccak(rfc8785.dumps({"gtin": "09506000134352", "serial": "A1"}))
    assert made.reasons == digest_of([REASONS[0].document()])
    assert digest_of([]) != made.reasons


def test_it_is_bound_to_chain_and_ledger_and_ends() -> None:
    made = statement()

    digests = {statement_digest(made, chain_id=chain, ledger=ledger) for chain in (1, 2) for ledger in (b"\x01" * 20, b"\x02" * 20)}

    assert len(digests) == 4
    assert made.valid_until - made.issued_at == VALID_SECONDS


def test_a_consent_on_the_present_head_has_no_flaw() -> None:
    assert flaw(consent()) is None


def test_a_consent_to_an_earlier_history_is_withdrawn() -> None:
    assert flaw(consent(head=b"\x21" * 32)) == "signature"


def test_a_consent_past_its_deadline_is_expired() -> None:
    assert flaw(consent(deadline=NOW - 1)) == "expired"


def test_a_consent_for_one_carrier_is_no_good_for_another() -> None:
    given = consent(carrier=b"\x66" * 32)

    assert flaw(given) is None
    assert flaw(given, caller=b"\x67" * 32) == "other-carrier"
