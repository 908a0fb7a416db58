"""Keystores: what is kept, what is refused, and that no secret leaves."""

import logging
import pickle
import stat
import time
from pathlib import Path

import pytest
from coincurve import PublicKey
from eth_account import Account
from pydantic import SecretStr

from ledger_api.errors import DevelopmentKeyRefused, KeyMissing, WrongPassphrase
from ledger_api.keys import Keyring, Signer
from ledger_api.settings import Settings
from ledger_verify.hashing import OrganizationId, keccak, organization_id

MAISON = organization_id("did:web:maison.example")
MAINNET = 1
PUBLISHED = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return keyring_at(tmp_path)


def keyring_at(home: Path, *, chain_id: int = MAINNET, **settings: object) -> Keyring:
    return Keyring(home, Settings(home=home, **settings), chain_id)  # type: ignore[arg-type]


def test_a_signature_is_the_one_a_wallet_would_make() -> None:
    signer, digest = Signer(b"\x07" * 32), keccak(b"anything")

    signature = signer.sign(digest)

    wallet = Account.from_key(b"\x07" * 32)
    assert signer.address == bytes.fromhex(wallet.address[2:])
    assert signature == bytes(wallet.unsafe_sign_hash(digest).signature)
    recovered = PublicKey.from_signature_and_message(signature[:64] + bytes([signature[64] - 27]), digest, hasher=None)
    assert keccak(recovered.format(compressed=False)[1:])[12:] == signer.address


def test_keys_are_found_again_after_a_restart(tmp_path: Path) -> None:
    first = keyring_at(tmp_path)
    signer, blinding = first.create_signer(MAISON).address, first.create_blinding(MAISON)

    second = keyring_at(tmp_path)

    assert second.holds(MAISON)
    assert second.signer(MAISON).address == signer
    assert second.blinding(MAISON) == blinding == (1, blinding[1])
    assert len(blinding[1]) == 32


def test_creating_a_key_again_gives_the_first_one(keyring: Keyring) -> None:
    assert keyring.create_signer(MAISON).address == keyring.create_signer(MAISON).address
    assert keyring.create_blinding(MAISON) == keyring.create_blinding(MAISON)


def test_two_processes_that_create_a_key_at_once_end_with_one(tmp_path: Path) -> None:
    one, other = keyring_at(tmp_path), keyring_at(tmp_path)
    one.holds(MAISON)
    other._write("organizations/" + MAISON.hex() + "/signer", None)

    assert one.create_signer(MAISON).address == other.signer(MAISON).address


def test_an_organization_that_keeps_its_keys_has_none_here(keyring: Keyring) -> None:
    assert not keyring.holds(MAISON)
    with pytest.raises(KeyMissing):
        keyring.blinding(MAISON)
    with pytest.raises(KeyMissing):
        keyring.signer(MAISON)


def test_a_replaced_signer_is_another_and_the_old_keystore_stays(keyring: Keyring, tmp_path: Path) -> None:
    old, elsewhere = keyring.create_signer(MAISON), keyring_at(tmp_path)
    assert elsewhere.signer(MAISON).address == old.address

    new = keyring.replace_signer(MAISON)

    assert new.address != old.address
    assert keyring_at(tmp_path).signer(MAISON).address == new.address
    assert elsewhere.signer(MAISON).address == new.address
    assert list(tmp_path.glob(f"keys/organizations/*/retired-{old.address.hex()}.json"))


def test_every_file_is_for_its_owner_alone(keyring: Keyring, tmp_path: Path) -> None:
    keyring.create_signer(MAISON)
    keyring.create_blinding(MAISON)

    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").rglob("*") if path.is_file()}

    assert modes == {0o600}


def test_a_keystore_opens_in_any_wallet_with_the_passphrase(tmp_path: Path) -> None:
    keyring = keyring_at(tmp_path, passphrase=SecretStr("four words of mine"))
    signer = keyring.create_signer(MAISON)
    (path,) = tmp_path.glob("keys/organizations/*/signer.json")

    secret = Account.decrypt(path.read_text(), "four words of mine")

    assert Signer(bytes(secret)).address == signer.address
    assert '"n":262144' in path.read_text()


def test_the_wrong_passphrase_is_told_without_telling_it(tmp_path: Path) -> None:
    keyring_at(tmp_path, passphrase=SecretStr("right horse")).create_signer(MAISON)
    other = keyring_at(tmp_path, passphrase=SecretStr("wrong horse"))

    with pytest.raises(WrongPassphrase) as caught:
        other.signer(MAISON)

    assert "horse" not in str(caught.value) + repr(caught.value.facts)


def test_a_passphrase_file_wins_and_its_last_line_break_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "passphrase.txt"
    file.write_text("from the file\n")
    made = keyring_at(tmp_path, passphrase_file=file, passphrase=SecretStr("from the variable")).create_signer(MAISON)

    found = keyring_at(tmp_path, passphrase=SecretStr("from the file")).signer(MAISON)

    assert found.address == made.address
    assert not (tmp_path / "keys" / "passphrase").exists()


def test_published_keys_sign_on_development_chains_only(tmp_path: Path) -> None:
    development, real = keyring_at(tmp_path, chain_id=31337), keyring_at(tmp_path / "real")

    assert development.owner().address.hex() == "f39fd6e51aad88f6f4ce6ab8827279cfffb92266"
    assert development.relayer(0).address.hex() == "70997970c51812dc3a010c7d01b50e0d17dc79c8"
    assert real.owner().address != development.owner().address
    with pytest.raises(DevelopmentKeyRefused):
        real.create_signer(MAISON, PUBLISHED)


def test_a_published_key_kept_on_a_development_chain_is_refused_elsewhere(tmp_path: Path) -> None:
    keyring_at(tmp_path, chain_id=1337).create_signer(MAISON, PUBLISHED)

    with pytest.raises(DevelopmentKeyRefused):
        keyring_at(tmp_path, chain_id=MAINNET).signer(MAISON)


def test_more_relayers_than_published_keys_get_keystores(tmp_path: Path) -> None:
    keyring = keyring_at(tmp_path, chain_id=31337)

    addresses = {keyring.relayer(number).address for number in range(10)}

    assert len(addresses) == 10
    assert keyring_at(tmp_path, chain_id=31337).relayer(9).address in addresses


def test_secrets_stay_out_of_reprs_logs_errors_and_pickles(keyring: Keyring, caplog: pytest.LogCaptureFixture) -> None:
    secret = bytes.fromhex("5e" * 32)
    signer = keyring.create_signer(MAISON, secret)
    _, blinding = keyring.create_blinding(MAISON)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger().debug("%r %r %r", signer, keyring, vars(keyring)["_passphrase"])
    with pytest.raises(TypeError):
        pickle.dumps(signer)

    shown = caplog.text + repr(signer) + str(keyring)

    assert secret.hex() not in shown
    assert blinding.hex() not in shown
    assert repr(signer) == f"Signer(0x{signer.address.hex()})"


def test_forty_keystores_open_within_two_seconds(tmp_path: Path) -> None:
    keyring = keyring_at(tmp_path)
    organizations = [OrganizationId(keccak(b"%d" % number)) for number in range(40)]
    for organization in organizations:
        keyring.create_signer(organization)
    again = keyring_at(tmp_path)

    began = time.process_time()
    for organization in organizations:
        again.signer(organization)

    assert time.process_time() - began < 2
