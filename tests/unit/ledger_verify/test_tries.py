"""RLP and tries: one encoding for each value; what is there is found, what is not is provably absent, by its nodes alone."""

import random

import pytest
import rlp
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_api.proving.receipts import trie_of
from ledger_verify.hashing import keccak
from ledger_verify.header import read_account, read_header, read_logs, read_word
from ledger_verify.trie import EMPTY_ROOT, BrokenProof, Nodes, decode_rlp, encode_number, number, plain

VALUES: st.SearchStrategy[object] = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=5), max_leaves=10)


@settings(deadline=None)
@given(VALUES)
def test_what_a_library_encodes_is_read_back(value: object) -> None:
    assert decode_rlp(rlp.encode(value)) == value


@pytest.mark.parametrize(
    "encoded",
    [
        "", "8100", "817f", "b800", "b80100", "b83700", "b90001", "bb", "f800", "f80100", "82ff", "c1", "c281", "0000", "c0c0",
        "b90000" + "00" * 56, "f83700",
    ],
)  # fmt: skip
def test_every_other_encoding_is_broken(encoded: str) -> None:
    with pytest.raises(BrokenProof):
        decode_rlp(bytes.fromhex(encoded))


def test_nesting_ends() -> None:
    value: object = []
    for _ in range(20):
        value = [value]

    with pytest.raises(BrokenProof):
        decode_rlp(rlp.encode(value))


@given(st.integers(0, 2**64 - 1))
def test_numbers_are_encoded_as_a_library_does(value: int) -> None:
    encoded = encode_number(value)

    assert encoded == rlp.encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))
    assert number(decode_rlp(encoded)) == value


@settings(deadline=None)
@given(st.dictionaries(st.binary(min_size=1, max_size=4), st.binary(min_size=1, max_size=40), min_size=1, max_size=30), st.integers())
def test_a_trie_answers_for_every_key_from_the_nodes_on_its_way_alone(values: dict[bytes, bytes], seed: int) -> None:
    made = trie_of(values)
    draw = random.Random(seed)
    absent = [key for key in (draw.randbytes(3) for _ in range(10)) if key not in values]

    for key in [*values, *absent]:
        nodes = Nodes(made.nodes)
        assert nodes.find(made.root, key) == values.get(key)
        alone = Nodes(nodes.used())
        assert alone.find(made.root, key) == values.get(key) and alone.unused() == 0


def test_without_any_of_its_nodes_a_key_has_no_answer() -> None:
    values = {keccak(b"%d" % place): b"value %d" % place for place in range(200)}
    made = trie_of(values)
    key = keccak(b"7")
    whole = Nodes(made.nodes)
    whole.find(made.root, key)

    for missing in whole.used():
        with pytest.raises(BrokenProof, match="missing"):
            Nodes(node for node in whole.used() if node != missing).find(made.root, key)


def test_an_empty_trie_has_nothing() -> None:
    assert trie_of({}).root == EMPTY_ROOT
    assert Nodes(()).find(EMPTY_ROOT, b"key") is None
    assert read_word(Nodes(()), EMPTY_ROOT, bytes(32)) == 0


@pytest.mark.parametrize(
    "node",
    [[b"\x20"], [b"", b"x"], [b"\x40", b"x"], [b"\x01", b"x"], [b"\x21", b"x", b"y"], [[b"\x20"], b"x"], [b"\x00", b"x" * 32]],
    ids=["one item", "no path", "unknown flag", "a nibble where there is none", "three items", "a list as path", "an empty extension"],
)
def test_what_is_no_node_leads_nowhere(node: list[object]) -> None:
    encoded = rlp.encode(node)

    try:
        assert Nodes([encoded]).find(keccak(encoded), b"\x00") is None
    except BrokenProof:
        return


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("account", [b"\x01", b"", bytes(32)]),
        ("account", [b"\x01", b"", bytes(31), bytes(32)]),
        ("word", b"\x00\x01"),
        ("word", bytes([1]) * 33),
    ],
)
def test_values_of_another_form_are_broken(what: str, value: object) -> None:
    made = trie_of({keccak(b"\x07" * 32): rlp.encode(value)})

    with pytest.raises(BrokenProof):
        read_account(Nodes(made.nodes), made.root, b"\x07" * 32) if what == "account" else read_word(
            Nodes(made.nodes), made.root, b"\x07" * 32
        )


@pytest.mark.parametrize(
    "receipt",
    [
        [b"", b"", b"", []],
        [b"\x01", b"", b""],
        [b"\x01", b"", b"", b"logs"],
        [b"\x01", b"", b"", [[b"a", [], b""]]],
        [b"\x01", b"", b"", [b"log"]],
    ],
    ids=["failed", "three fields", "no list of logs", "a short address", "no log"],
)
def test_receipts_of_another_form_are_broken(receipt: list[object]) -> None:
    made = trie_of({encode_number(0): b"\x02" + rlp.encode(receipt)})

    with pytest.raises(BrokenProof):
        read_logs(Nodes(made.nodes), made.root, 0)
    with pytest.raises(BrokenProof):
        read_logs(Nodes(made.nodes), made.root, 1)


def test_a_receipt_of_the_old_kind_has_no_byte_in_front() -> None:
    log = [bytes(20), [bytes(32)], b"body"]
    made = trie_of({encode_number(0): rlp.encode([b"\x01", b"", bytes(256), [log]])})

    (read,) = read_logs(Nodes(made.nodes), made.root, 0)

    assert (read.address, read.topics, read.body) == (bytes(20), (bytes(32),), b"body")


def test_a_header_has_its_fields_in_their_places() -> None:
    fields = [bytes([place]) * 32 for place in range(15)]
    fields[8], fields[11] = b"\x05", b"\x06"

    read = read_header(rlp.encode(fields))

    assert (read.number, read.time, read.state_root, read.receipts_root) == (5, 6, fields[3], fields[5])
    for place, wrong in ((0, b""), (3, b""), (5, b""), (8, b"\x00\x05"), (11, b"\x01" * 7)):
        with pytest.raises(BrokenProof):
            read_header(rlp.encode([*fields[:place], wrong, *fields[place + 1 :]]))


def test_a_list_is_no_string() -> None:
    with pytest.raises(BrokenProof):
        plain([])
