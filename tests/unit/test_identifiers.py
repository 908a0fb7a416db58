"""What things are called in the world: every way to write them right, and the reason for every way to write them wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_api.domain import identifiers
from ledger_api.domain.identifiers import Unreadable
from ledger_verify.transition import Reason

SERIAL_CHARACTERS = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"


def reason_of(read: object, text: str) -> Reason:
    with pytest.raises(Unreadable) as caught:
        read(text)  # type: ignore[operator]
    return caught.value.reason


@pytest.mark.parametrize(
    ("written", "gtin"),
    [
        ("96385074", "00000096385074"),
        ("614141999996", "00614141999996"),
        ("4006381333931", "04006381333931"),
        ("03760001000399", "03760001000399"),
    ],
)
def test_a_gtin_of_any_length_becomes_fourteen_digits(written: str, gtin: str) -> None:
    assert identifiers.gtin14(written) == gtin


@pytest.mark.parametrize(
    "written", ["", "1", "03760001000398", "0376000100039", "O3760001000399", "٠٣٧٦٠٠٠١٠٠٠٣٩٩", "003760001000399", " 4006381333931"]
)
def test_a_gtin_that_is_none_has_one_reason(written: str) -> None:
    assert reason_of(identifiers.gtin14, written) == Reason.GTIN_CHECK_DIGIT


@given(st.text("0123456789", min_size=13, max_size=13), st.integers(0, 12), st.integers(1, 9))
def test_any_single_wrong_digit_is_noticed(body: str, place: int, shift: int) -> None:
    gtin = body + identifiers.check_digit(body)
    wrong = gtin[:place] + str((int(gtin[place]) + shift) % 10) + gtin[place + 1 :]

    assert identifiers.gtin14(gtin) == gtin
    assert reason_of(identifiers.gtin14, wrong) == Reason.GTIN_CHECK_DIGIT


def test_the_serial_set_is_gs1s_eighty_two_characters() -> None:
    accepted = [chr(code) for code in range(0x250) if _is_serial(chr(code))]

    assert "".join(accepted) == "".join(sorted(SERIAL_CHARACTERS))
    assert len(accepted) == 82


def _is_serial(text: str) -> bool:
    try:
        return identifiers.serial(text) == text
    except Unreadable:
        return False


@pytest.mark.parametrize("text", ["", "x" * 21, "a b", "a\n", "é", "#"])
def test_a_serial_of_another_set_or_length_is_invalid(text: str) -> None:
    assert reason_of(identifiers.serial, text) == Reason.SERIAL_INVALID


@pytest.mark.parametrize("text", ["did:web:maison.example", "did:key:z6Mk", "did:web:localhost%3A8080:users", "did:example:a:b"])
def test_a_did_is_read_as_it_is(text: str) -> None:
    assert identifiers.did(text) == text


@pytest.mark.parametrize("text", ["", "did:", "did:web:", "did:Web:x", "did:web:x#key", "did:web:x:", "web:x", "did:web:" + "x" * 250])
def test_what_is_no_did_is_malformed(text: str) -> None:
    assert reason_of(identifiers.did, text) == Reason.MALFORMED


# EIP-55's own examples
CHECKSUMMED = ["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"]


@pytest.mark.parametrize("text", [*CHECKSUMMED, CHECKSUMMED[0].lower(), "0x" + CHECKSUMMED[0][2:].upper()])
def test_an_address_may_be_written_with_or_without_checksum(text: str) -> None:
    assert identifiers.address(text) == bytes.fromhex(text[2:])


@pytest.mark.parametrize(
    "text", [CHECKSUMMED[0].replace("5aA", "5AA"), "0x" + "0" * 40, "0x12", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"]
)
def test_a_mistyped_or_empty_address_is_malformed(text: str) -> None:
    assert reason_of(identifiers.address, text) == Reason.MALFORMED


def test_hashes_are_lower_case_hex() -> None:
    assert identifiers.bytes32("0x" + "ab" * 32) == b"\xab" * 32
    assert reason_of(identifiers.bytes32, "0x" + "AB" * 32) == Reason.MALFORMED
    assert reason_of(identifiers.bytes32, "0x" + "ab" * 31) == Reason.MALFORMED


@pytest.mark.parametrize(
    "link",
    [
        "https://id.maison.example/01/03760001000399/21/A%2F7%25x",
        "http://id.example/some/path/01/3760001000399/21/A%2F7%25x?17=290101",
        "https://id.example/01/3760001000399/22/2A/10/LOT7/21/A%2F7%25x/",
        "HTTPS://id.example/01/archive/01/03760001000399/21/A%2F7%25x#top",
    ],
)
def test_a_digital_link_names_gtin_and_serial(link: str) -> None:
    assert identifiers.digital_link(link) == ("03760001000399", "A/7%x")


def test_a_serial_that_looks_like_a_key_is_a_serial() -> None:
    assert identifiers.digital_link("https://id.example/01/03760001000399/21/01") == ("03760001000399", "01")


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("https://id.example/01/03760001000399", Reason.MALFORMED),
        ("https://id.example/01/03760001000399/21", Reason.MALFORMED),
        ("https://id.example/items/7", Reason.MALFORMED),
        ("ftp://id.example/01/03760001000399/21/A", Reason.MALFORMED),
        ("https://[broken/01/03760001000399/21/A", Reason.MALFORMED),
        ("/01/03760001000399/21/A", Reason.MALFORMED),
        ("https://id.example/01/03760001000398/21/A", Reason.GTIN_CHECK_DIGIT),
        ("https://id.example/01/03760001000399/21/A%20B", Reason.SERIAL_INVALID),
        ("https://id.example/01/03760001000399/21/%FF", Reason.SERIAL_INVALID),
    ],
)
def test_what_is_wrong_with_a_link_is_named(link: str, reason: Reason) -> None:
    assert reason_of(identifiers.digital_link, link) == reason


@given(st.text(SERIAL_CHARACTERS, min_size=1, max_size=20))
def test_any_serial_comes_back_from_a_link(serial: str) -> None:
    from urllib.parse import quote

    assert identifiers.digital_link(f"https://x.example/01/03760001000399/21/{quote(serial, safe='')}") == ("03760001000399", serial)
