"""The contracts' errors have exceptions, and nodes' words their meanings."""

import inspect

import pytest
from eth_abi import abi as eth_abi

from ledger_api.chain import reverts
from ledger_api.chain.abi import Artifact, load_artifact
from ledger_api.chain.reverts import BY_NAME, AlreadyAdmitted, WitnessMismatch, revert_error
from ledger_api.chain.rpc import Hint, Refusal, _answer, hint_of
from ledger_api.errors import NodeUnreachable, WouldRevert
from ledger_verify.hashing import keccak

ARTIFACTS = [load_artifact("OrganizationRegistry"), load_artifact("ProvenanceLedger")]
LIBRARY = {"StringTooLong", "InvalidShortString", "CheckpointUnorderedInsertion", "SafeCastOverflowedUintDowncast"}


@pytest.mark.parametrize("artifact", ARTIFACTS, ids=lambda artifact: artifact.contract)
def test_each_contract_error_has_an_exception_of_its_name(artifact: Artifact) -> None:
    ours = {entry.name for entry in artifact.errors.values() if not entry.name.startswith("Ownable")} - LIBRARY

    assert ours <= set(BY_NAME)


def test_no_exception_names_an_error_that_no_contract_has() -> None:
    known = {entry.name for artifact in ARTIFACTS for entry in artifact.errors.values()}

    assert set(BY_NAME) <= known
    assert all(inspect.getdoc(error) and error.code for error in BY_NAME.values())
    assert len({error.code for error in BY_NAME.values()}) == len(BY_NAME)


def test_a_contract_error_comes_with_its_facts() -> None:
    item = keccak(b"item")
    revert = keccak(b"WitnessMismatch(bytes32)")[:4] + item

    error = revert_error(revert, ARTIFACTS)

    assert isinstance(error, WitnessMismatch)
    assert error.facts == {"error": "WitnessMismatch", "item": "0x" + item.hex()}


@pytest.mark.parametrize(
    ("revert", "words"),
    [
        (b"", "without a reason"),
        (keccak(b"Error(string)")[:4] + eth_abi.encode(["string"], ["too bad"]), "too bad"),
        (keccak(b"Panic(uint256)")[:4] + eth_abi.encode(["uint256"], [0x11]), "0x11"),
        (b"\x01\x02\x03\x04", "0x01020304"),
    ],
)
def test_reverts_that_are_not_ours_are_told_as_well(revert: bytes, words: str) -> None:
    error = revert_error(revert, ARTIFACTS)

    assert type(error) is WouldRevert
    assert words in error.message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("already known", Hint.KNOWN),
        ("transaction already imported", Hint.KNOWN),
        ("nonce too low: next nonce 5, tx nonce 3", Hint.NONCE_USED),
        ("replacement transaction underpriced", Hint.UNDERPRICED),
        ("max fee per gas less than block base fee: address 0x…", Hint.UNDERPRICED),
        ("transaction gas price below minimum: gas tip cap 1, minimum needed 2", Hint.UNDERPRICED),
        ("Insufficient funds for gas * price + value", Hint.NO_FUNDS),
        ("Sender doesn't have enough funds to send tx", Hint.NO_FUNDS),
        ("oversized data: transaction size 140000, limit 131072", Hint.TOO_LARGE),
        ("transaction gas limit too high (cap: 16777216, tx: 50000000)", Hint.TOO_LARGE),
        ("tx fee (1.20 ether) exceeds the configured cap (1.00 ether)", Hint.TOO_LARGE),
        ("execution reverted", Hint.REVERTED),
        ("block range extends beyond current head block", Hint.BEHIND),
        ("query returned more than 10000 results", Hint.RANGE_TOO_WIDE),
        ("the moon is in the wrong house", Hint.OTHER),
    ],
)
def test_what_nodes_say_has_one_meaning(text: str, hint: Hint) -> None:
    assert hint_of(text) is hint


@pytest.mark.parametrize(
    "told", ["0x1234", {"data": "0x1234"}, {"message": "reverted", "data": {"x": 1}, "result": "0x1234"}, "Reverted 0x1234"]
)
def test_a_contract_error_is_found_wherever_a_client_puts_it(told: object) -> None:
    if isinstance(told, dict) and not isinstance(told.get("data"), str):
        told = {"result": told["result"]}

    answer = _answer({"error": {"code": 3, "message": "execution reverted", "data": told}})

    assert answer == Refusal(3, "execution reverted", b"\x12\x34")


def test_an_answer_that_is_neither_result_nor_error_is_no_answer() -> None:
    with pytest.raises(NodeUnreachable):
        _answer({"id": 1})


def test_errors_without_a_structure_are_still_errors() -> None:
    assert _answer({"error": "no"}).text == "no"


def test_the_class_of_an_error_is_in_the_tree() -> None:
    assert issubclass(AlreadyAdmitted, WouldRevert)
    assert reverts.AlreadyAdmitted.status == 502
