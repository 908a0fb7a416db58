"""Who signs: encrypted keystores (version 3) in the home folder, and nothing else that knows a secret.

```
keys/passphrase                         made here (0600) unless the settings name one
keys/owner.json, keys/service.json      the registry's owner; who signs verification statements
keys/relayer-0.json …                   who pays for transactions, a lane of nonces each
keys/cards.json                         the 32 bytes from which claim cards for shops are made
keys/vault.json                         the 32 bytes under which the desk's photos are kept
keys/webhooks.json                      the 32 bytes from which the secrets of webhook endpoints are made
keys/organizations/<id>/signer.json     who speaks for an organization
keys/organizations/<id>/blinding-1.json the 32 bytes its serials and payloads are salted with, one file per epoch
```
A secret is never in a repr, a log or an error. Losing a blinding key loses the way from a serial to its item: back this
folder up. Development keys, which everybody knows, sign on development chains only.
"""

import hmac
import os
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Never

import orjson
from coincurve import PrivateKey
from pydantic import SecretStr

from ledger_api.durable import written_beside
from ledger_api.errors import DevelopmentKeyRefused, KeyMissing, KeystoreDamaged, WrongPassphrase
from ledger_api.settings import Settings
from ledger_verify.claims import SECRET_BYTES
from ledger_verify.hashing import OrganizationId, keccak

DEVELOPMENT_CHAINS = frozenset({31337, 1337})
# Published with Anvil and Hardhat (`test test test … junk`): the first owns the registry, the next eight relay
_DEVELOPMENT_SECRETS = tuple(
    bytes.fromhex(secret)
    for secret in (
        "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
        "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
        "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
        "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
        "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
        "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
        "92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
        "4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356",
        "dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97",
        "2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6",
    )
)
_MAX_DEVELOPMENT_RELAYERS = 8
# A generated passphrase has 256 bits: stretching adds nothing to it, and forty keystores must open within two seconds.
_COST_GENERATED = 1024
_COST_CHOSEN = 262_144  # scrypt's n as every wallet writes it


class Signer:
    """A key that signs 32-byte digests. Its secret cannot be read back, printed or pickled."""

    __slots__ = ("_key", "address")

    def __init__(self, secret: bytes) -> None:
        self._key = PrivateKey(secret)
        self.address = keccak(self._key.public_key.format(compressed=False)[1:])[12:]

    def sign(self, digest: bytes) -> bytes:
        """r ‖ s ‖ v (v 27 or 28, s low)."""
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes((27 + signature[64],))

    def __repr__(self) -> str:
        return f"Signer(0x{self.address.hex()})"

    def __reduce__(self) -> Never:
        raise TypeError("a signer does not leave its process")


class Keyring:
    """The keys of one home folder on one chain. Opened keystores stay open; safe to share between threads."""

    def __init__(self, home: Path, settings: Settings, chain_id: int) -> None:
        self._folder = home / "keys"
        self._is_development = chain_id in DEVELOPMENT_CHAINS
        self._opened: dict[str, bytes] = {}
        self._signers: dict[str, Signer] = {}
        self._signed_since: dict[str, int] = {}  # the file (inode) an organization's signer was read from
        self._newest: dict[bytes, int] = {}  # the epoch of each organization, so that no event costs a look into the folder
        self._lock = threading.RLock()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        passphrase, self._cost = _passphrase(self._folder, settings)
        self._passphrase = SecretStr(passphrase)

    def __repr__(self) -> str:
        return f"Keyring({self._folder})"

    # --- organizations

    def holds(self, organization: OrganizationId) -> bool:
        """Can the service sign for this organization?"""
        return self._path(_signer_name(organization)).exists()

    def signer(self, organization: OrganizationId) -> Signer:
        """The organization's signer now, also when another process replaced it since.

        Raises:
            KeyMissing: the organization signs for itself.
        """
        name = _signer_name(organization)
        with self._lock:
            changed = self._changed(name)
            if self._signed_since.get(name) != changed:
                self._signers.pop(name, None)
                self._opened.pop(name, None)
                self._signed_since[name] = changed
            return self._signer(name)

    def _changed(self, name: str) -> int:
        try:
            return self._path(name).stat().st_ino
        except FileNotFoundError:
            return 0

    def create_signer(self, organization: OrganizationId, secret: bytes | None = None) -> Signer:
        """The organization's signer, made (or taken from `secret`) when there is none yet: harmless to repeat."""
        return self._signer_or_new(_signer_name(organization), secret)

    def replace_signer(self, organization: OrganizationId, secret: bytes | None = None) -> Signer:
        """A new signer in the place of one that was retired; the old keystore stays beside it under its address."""
        with self._lock:
            name = _signer_name(organization)
            old = self._signer(name)
            self._path(name).rename(self._path(name).with_name(f"retired-{old.address.hex()}.json"))
            self._signers.pop(name, None)
            self._opened.pop(name, None)
            return self._signer_or_new(name, secret)

    def blinding(self, organization: OrganizationId) -> tuple[int, bytes]:
        """(epoch, key) of the newest blinding key.

        Raises:
            KeyMissing: the organization keeps its blinding key itself.
        """
        epoch = self._newest.get(organization) or max(self._epochs(organization), default=0)
        if not epoch:
            raise KeyMissing("the service holds no blinding key of this organization", organization="0x" + organization.hex())
        self._newest[organization] = epoch
        return epoch, self.blinding_of(organization, epoch)

    def blinding_of(self, organization: OrganizationId, epoch: int) -> bytes:
        """The key of an epoch: serials are named with the first for ever, payloads with that of their time. Raises: KeyMissing."""
        name = _blinding_name(organization, epoch)
        return self._opened.get(name) or self._secret(name)

    def create_blinding(self, organization: OrganizationId, secret: bytes | None = None) -> tuple[int, bytes]:
        """The newest blinding key, made (or taken from `secret`) when there is none yet: harmless to repeat."""
        with self._lock:
            if not self._epochs(organization):
                self._write(_blinding_name(organization, 1), secret)
            return self.blinding(organization)

    def _epochs(self, organization: OrganizationId) -> list[int]:
        found = (self._folder / "organizations" / organization.hex()).glob("blinding-*.json")
        return [int(path.stem.removeprefix("blinding-")) for path in found]

    # --- the service's own

    def owner(self) -> Signer:
        """The registry's owner, who also deploys."""
        return self._own("owner", 0)

    def owner_address(self) -> bytes | None:
        """As the keystore says, which stays closed; None where somebody else deployed the registry. Raises KeystoreDamaged."""
        try:
            return bytes.fromhex(orjson.loads(self._path("owner").read_bytes())["address"].removeprefix("0x"))
        except FileNotFoundError:
            return self.owner().address if self._is_development else None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise KeystoreDamaged(key="owner") from None

    def relayer(self, number: int) -> Signer:
        """Who pays for the transactions of lane `number`. Made on first use; somebody has to send it ether."""
        return self._own(f"relayer-{number}", 1 + number if number < _MAX_DEVELOPMENT_RELAYERS else None)

    def service(self) -> Signer:
        """Who signs verification statements. It never pays and never records."""
        return self._signer_or_new("service", None)

    def card_secret(self, salt: bytes) -> bytes:
        """The secret of a claim card made here. It is stored nowhere: who destroys the salt destroys the card."""
        with self._lock:
            if not self._path("cards").exists():
                self._write("cards", None)
            return hmac.digest(self._secret("cards"), salt, "sha256")[:SECRET_BYTES]

    def vault_secret(self) -> bytes:
        """The 32 bytes under which photos are encrypted. Losing them loses the photos."""
        with self._lock:
            if not self._path("vault").exists():
                self._write("vault", None)
            return self._secret("vault")

    def webhook_secret(self, salt: bytes) -> bytes:
        """The secret that an endpoint's notices are signed with. It is stored nowhere: it follows from the endpoint's salt."""
        with self._lock:
            if not self._path("webhooks").exists():
                self._write("webhooks", None)
            return hmac.digest(self._secret("webhooks"), salt, "sha256")

    def _own(self, name: str, development: int | None) -> Signer:
        with self._lock:
            if name in self._signers or self._path(name).exists():
                return self._signer(name)
            if self._is_development and development is not None:
                return self._signers.setdefault(name, Signer(_DEVELOPMENT_SECRETS[development]))
            return self._signer_or_new(name, None)

    # --- keystores

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _signer(self, name: str) -> Signer:
        with self._lock:
            if name not in self._signers:
                self._signers[name] = Signer(self._secret(name))
            return self._signers[name]

    def _signer_or_new(self, name: str, secret: bytes | None) -> Signer:
        with self._lock:
            if name not in self._signers and not self._path(name).exists():
                self._write(name, secret)
            return self._signer(name)

    def _secret(self, name: str) -> bytes:
        with self._lock:
            if name not in self._opened:
                self._opened[name] = self._read(name)
            return self._opened[name]

    def _read(self, name: str) -> bytes:
        try:
            keystore: dict[str, Any] = orjson.loads(self._path(name).read_bytes())
        except FileNotFoundError:
            raise KeyMissing(f"the service holds no key {name}", key=name) from None
        except ValueError:
            raise KeystoreDamaged(key=name) from None
        try:
            secret = bytes(_keystores().decrypt(keystore, self._passphrase.get_secret_value()))
        except ValueError:  # the keystore's MAC
            raise WrongPassphrase(key=name) from None
        except (KeyError, TypeError):
            raise KeystoreDamaged(key=name) from None
        self._refuse_published(secret, name)
        return secret

    def _write(self, name: str, secret: bytes | None) -> None:
        """On disk before it is used; a keystore that exists is never overwritten."""
        secret = _new_secret() if secret is None else secret
        self._refuse_published(secret, name)
        keystore = _keystores().encrypt(secret, self._passphrase.get_secret_value(), kdf="scrypt", iterations=self._cost)
        if "blinding" in name or name in ("cards", "vault", "webhooks"):
            del keystore["address"]  # it is no account
        _create(self._path(name), orjson.dumps(keystore))

    def _refuse_published(self, secret: bytes, name: str) -> None:
        if secret in _DEVELOPMENT_SECRETS and not self._is_development:
            raise DevelopmentKeyRefused(key=name)


def _signer_name(organization: OrganizationId) -> str:
    return f"organizations/{organization.hex()}/signer"


def _blinding_name(organization: OrganizationId, epoch: int) -> str:
    return f"organizations/{organization.hex()}/blinding-{epoch}"


def _keystores() -> Any:
    """Loaded when the first is opened or made: the library brings curves that are not ours, and computes their constants as it comes."""
    from eth_account import Account

    return Account


def _new_secret() -> bytes:
    while True:
        secret = secrets.token_bytes(32)
        try:
            PrivateKey(secret)
        except ValueError:  # zero, or not below the curve's order: less likely than 2^-127
            continue
        return secret


def _passphrase(folder: Path, settings: Settings) -> tuple[str, int]:
    """The passphrase and the cost of stretching it. Raises KeyMissing: a new one would open none of the keystores that are there."""
    if settings.passphrase_file is not None:
        return settings.passphrase_file.read_text().rstrip("\r\n"), _COST_CHOSEN
    if settings.passphrase is not None:
        return settings.passphrase.get_secret_value(), _COST_CHOSEN
    path = folder / "passphrase"
    if not path.exists() and any(folder.rglob("*.json")):
        raise KeyMissing(
            "the passphrase of the keystores is gone: restore keys/passphrase, or set LEDGER_PASSPHRASE_FILE", key="passphrase"
        )
    if not path.exists():
        _create(path, secrets.token_hex(32).encode())
    return path.read_text(), _COST_GENERATED


def _create(path: Path, content: bytes) -> None:
    """Write a new file 0600, on disk before this returns. When another process was first, its file stands."""
    with written_beside(path, content) as written, suppress(FileExistsError):
        os.link(written, path)
