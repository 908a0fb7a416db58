"""The registry's transactions: few, each waited for, sent by the consortium's owner through a lane of its own.

The same saved-before-sent road as the events', so that an admission is never lost and never sent with two nonces. Whatever the
registry says already is not said again: repeating a call is harmless.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from eth_abi import abi as eth_abi
from sqlalchemy import Connection

from ledger_api.chain.contracts import registry_at
from ledger_api.chain.deploy import verify_deployment
from ledger_api.chain.reverts import AlreadyAdmitted, NotASigner, NothingChanges
from ledger_api.directory import Accreditation
from ledger_api.errors import IntegrityError, LaneBusy, NodeUnreachable, WouldRevert
from ledger_api.outbox.lane import Lane, Outgoing, Saved, Sight
from ledger_api.outbox.surroundings import Surroundings
from ledger_api.store import lanes
from ledger_api.store.engine import reading
from ledger_verify.hashing import OrganizationId, keccak, organization_id
from ledger_verify.transition import Role

_NO_CHANGE = b""
_POLL_SECONDS = 0.05
_PATIENCE_SECONDS = 120
_SIGNATURE_SECONDS = 24 * 3600
_DOMAIN_TYPE = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_ACCREDIT_TYPE = keccak(
    b"Accredit(bytes32 brand,bytes32 organization,uint8 role,uint64 scope,uint48 from,uint48 until,uint256 nonce,uint48 deadline)"
)


class ChainRegistrar:
    """Implements `directory.Registrar`. Safe to share between threads and processes: they take turns."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._registry = registry_at(around.node, around.deployment.registry)
        owner = f"registrar:{uuid.uuid4().hex[:12]}"
        signer = around.keyring.owner()
        self._lane = Lane(around.engine, around.node, signer, terms=around.lane_terms, owner=owner, release=_carries_nothing)
        self._turn = threading.RLock()
        self._unwaited: list[Saved] | None = None
        self._unwaited_nonces: dict[OrganizationId, int] = {}  # the next one of each brand, after what waits to be mined
        self._is_checked = False

    # --- organizations

    def admit(self, did: str, roles: Role, signer: bytes | None) -> bytes:
        """`signer` None: signer key and blinding key are made here, on disk before the registry hears of the organization."""
        organization = organization_id(did)
        if signer is None:
            signer = self._around.keyring.create_signer(organization).address
            self._around.keyring.create_blinding(organization)
        try:
            return self._say("admit", did, int(roles), _address(signer))
        except AlreadyAdmitted:
            _, _, known_roles = self._registry.read("standing", organization)
            (is_signer,) = self._registry.read("isSigner", organization, _address(signer))
            if known_roles != int(roles) or not is_signer:
                raise
            return _NO_CHANGE

    def set_roles(self, organization: OrganizationId, roles: Role) -> bytes:
        return self._say_unless_so("setRoles", organization, int(roles))

    def suspend(self, organization: OrganizationId) -> bytes:
        return self._say_unless_so("suspend", organization)

    def reinstate(self, organization: OrganizationId) -> bytes:
        return self._say_unless_so("reinstate", organization)

    def name_successor(self, brand: OrganizationId, successor: OrganizationId) -> bytes:
        return self._say_unless_so("nameSuccessor", brand, successor)

    # --- signers

    def add_signer(self, organization: OrganizationId, signer: bytes) -> bytes:
        return self._say_unless_so("addSigner", organization, _address(signer))

    def retire_signer(self, organization: OrganizationId, signer: bytes) -> bytes:
        try:
            return self._say("retireSigner", organization, _address(signer))
        except NotASigner:
            return _NO_CHANGE

    def mark_compromised(self, organization: OrganizationId, signer: bytes, since_block: int) -> bytes:
        (known,) = self._registry.read("compromisedSince", organization, _address(signer))
        if known == since_block:
            return _NO_CHANGE
        return self._say("markCompromised", organization, _address(signer), since_block)

    # --- accreditations

    def accredit(self, accreditation: Accreditation) -> bytes:
        """In the consortium's own name by its owner; else signed by the brand's key and carried by the owner.

        Raises:
            KeyMissing: the brand signs for itself; it accredits by a transaction of its own.
        """
        wanted = (accreditation.scope, accreditation.from_time, accreditation.until_time)
        grant = (accreditation.brand, accreditation.organization, int(accreditation.role))
        with self._turn:
            if self._in_force(grant) == wanted:
                return _NO_CHANGE
            if accreditation.brand == self._around.deployment.consortium:
                return self._say("accredit", (*grant, *wanted))
            signer = self._around.keyring.signer(accreditation.brand)
            deadline = int(time.time()) + _SIGNATURE_SECONDS

            nonce = 0

            def signed() -> tuple[object, ...]:
                nonlocal nonce
                nonce = self._next_nonce(accreditation.brand)
                signature = signer.sign(self._accredit_digest((*grant, *wanted), nonce, deadline))
                return (*grant, *wanted), _address(signer.address), deadline, signature

            said = self._say_made("accreditBySignature", signed)
            if self._unwaited is not None:
                self._unwaited_nonces[accreditation.brand] = nonce + 1
            return said

    def _next_nonce(self, brand: OrganizationId) -> int:
        """Of the brand's signatures. What we sent and did not wait for is counted here: geth's pending block is up to two seconds old."""
        (told,) = self._registry.read("nonces", brand, block="pending")
        return max(int(told), self._unwaited_nonces.get(brand, 0))

    def _in_force(self, grant: tuple[bytes, bytes, int]) -> tuple[int, int, int]:
        head = int(self._around.node.call("eth_blockNumber"), 16)
        scope, from_time, until_time = self._registry.read("accreditationAt", *grant, head)
        return scope, from_time, until_time

    def _accredit_digest(self, accreditation: tuple[object, ...], nonce: int, deadline: int) -> bytes:
        deployment = self._around.deployment
        domain = eth_abi.encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [_DOMAIN_TYPE, keccak(b"OrganizationRegistry"), keccak(b"1"), deployment.chain_id, _address(deployment.registry)],
        )
        words = ["bytes32", "bytes32", "bytes32", "uint8", "uint64", "uint48", "uint48", "uint256", "uint48"]
        struct = eth_abi.encode(words, [_ACCREDIT_TYPE, *accreditation, nonce, deadline])
        return keccak(b"\x19\x01" + keccak(domain) + keccak(struct))

    def adopt(self, now: datetime, *, is_restored: bool = False) -> list[int]:
        """An operator's decision after a LaneMismatch of the owner's key; see `Lane.adopt`."""
        with self._turn:
            try:
                return self._lane.adopt(now, is_restored=is_restored)
            finally:
                self._lane.let_go()

    # --- what a reorg took

    def look_after(self, now: datetime) -> None:
        """Whatever the registry was told goes out again until its block is final, without anybody asking. Another process that has the
        lane does so itself.

        Raises:
            BusyError: the node, the database or the fees say *later*. LaneMismatch: see `Lane.follow`.
        """
        with self._turn, suppress(LaneBusy):
            self._lane.hold(now)
            try:
                sight = self._lane.look()
                if not self._lane.is_below_final(sight):
                    self._lane.follow(sight, now)
                    self._lane.resend(sight)
                    self._lane.outbid(sight, now)
            finally:
                self._lane.let_go()

    # --- saying it

    @contextmanager
    def together(self) -> Iterator[None]:
        """Inside the block calls return once they are sent; leaving it waits for all of them. For many at once."""
        with self._turn:
            self._unwaited = []
            try:
                yield
                self._await_all(self._unwaited)
            finally:
                self._unwaited = None
                self._unwaited_nonces.clear()
                self._lane.let_go()

    def _say_unless_so(self, function: str, *values: object) -> bytes:
        try:
            return self._say(function, *values)
        except NothingChanges:
            return _NO_CHANGE

    def _say(self, function: str, *values: object) -> bytes:
        return self._say_made(function, lambda: values)

    def _say_made(self, function: str, make: Callable[[], tuple[object, ...]]) -> bytes:
        with self._turn:
            self._begin()
            saved = self._send(function, make)
            if self._unwaited is not None:
                self._unwaited.append(saved)
                return saved.hash
            try:
                return self._await_all([saved])[0]
            finally:
                self._lane.let_go()

    def _begin(self) -> None:
        """Have the lane. Raises: LaneBusy, when another process keeps it."""
        deadline = time.monotonic() + 2 * self._around.settings.lease_seconds
        while True:
            try:
                self._lane.hold(_now())
                break
            except LaneBusy:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_SECONDS)
        if not self._is_checked:
            try:
                verify_deployment(self._around.node, self._around.deployment)
                self._lane.check()
            except IntegrityError:
                self._lane.let_go()  # an operator has to look, and to `adopt`
                raise
            self._is_checked = True

    def _send(self, function: str, make: Callable[[], tuple[object, ...]]) -> Saved:
        """Asked first: what the registry would refuse is not sent."""
        sight = self._put_back()
        sender = self._lane.relayer
        try:
            body = self._registry.artifact.encode(function, *make())
            gas = self._registry.estimate(body, sender=sender, block="pending")
        except WouldRevert:
            if not self._unwaited:
                raise
            # a node whose pending state lacks what we just sent: let that land, then ask again
            self._await_all(self._unwaited)
            self._unwaited.clear()
            self._unwaited_nonces.clear()
            body = self._registry.artifact.encode(function, *make())
            gas = self._registry.estimate(body, sender=sender)
            sight = self._lane.look()
        saved = self._lane.save(Outgoing(self._registry.address, body, gas * 5 // 4), sight, _now())
        self._lane.send(saved, sight)
        return saved

    def _put_back(self) -> Sight:
        """What a reorg took, or a crash kept from the node, lands before anything else is said: that may rest on it."""
        sight = self._lane.look()
        self._lane.follow(sight, _now())
        if self._lane.resend(sight):
            lost = [Saved(flight.id, flight.nonce, b"", flight.hash) for flight in self._lane.flights()]
            with suppress(WouldRevert):  # what it said is no longer so, and its nonce is filled
                self._await_all(lost)
        return sight

    def _await_all(self, waiting: list[Saved]) -> list[bytes]:
        """The hashes under which they landed (a replacement has another). Raises: WouldRevert, NodeUnreachable."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            sight, now = self._lane.look(), _now()
            self._lane.hold(now)
            self._lane.follow(sight, now)
            self._lane.resend(sight)
            self._lane.outbid(sight, now)
            landed = self._landed(waiting)
            if len(landed) == len(waiting):
                return [self._hash_of(landed[saved.nonce]) for saved in waiting]
            time.sleep(_POLL_SECONDS)
        raise NodeUnreachable("the registry's transaction was not mined in time; it is saved and will be sent again")

    def _landed(self, waiting: list[Saved]) -> dict[int, lanes.Variant]:
        with reading(self._around.engine) as connection:
            variants = lanes.variants(connection, self._lane.relayer, [saved.nonce for saved in waiting])
        return {variant.nonce: variant for variant in variants if variant.status in ("mined", "reverted")}

    def _hash_of(self, landed: lanes.Variant) -> bytes:
        if landed.status == "reverted":
            raise WouldRevert("the registry refused: what it was asked is no longer so", transaction="0x" + landed.hash.hex())
        return landed.hash


def _carries_nothing(_connection: Connection, batches: list[int]) -> None:
    if batches:
        raise IntegrityError("the owner's lane carries no batches", batches=batches)


def _address(address: bytes) -> str:
    return "0x" + address.hex()


def _now() -> datetime:
    return datetime.now(UTC)
