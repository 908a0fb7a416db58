"""From the registry's logs to the standing of its members: a pure fold, done over from the first log whenever one comes or goes.

Members are few and their logs rare, so one road serves for growing, for undoing and for a rebuild.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ledger_api.errors import FoldMismatch
from ledger_api.passport.standing import Givers, Grant
from ledger_api.store.following import RegistryLog, Standing
from ledger_verify.codes import Role
from ledger_verify.hashing import keccak, organization_id

ADMITTED = keccak(b"OrganizationAdmitted(bytes32,string,uint8)")
ROLES_SET = keccak(b"RolesSet(bytes32,uint8)")
SUSPENDED = keccak(b"OrganizationSuspended(bytes32)")
REINSTATED = keccak(b"OrganizationReinstated(bytes32)")
SUCCESSOR_NAMED = keccak(b"SuccessorNamed(bytes32,bytes32)")
SIGNER_ADDED = keccak(b"SignerAdded(bytes32,address)")
SIGNER_RETIRED = keccak(b"SignerRetired(bytes32,address)")
SIGNER_COMPROMISED = keccak(b"SignerCompromised(bytes32,address,uint48)")
ACCREDITED = keccak(b"Accredited(bytes32,bytes32,uint8,uint64,uint48,uint48)")
TOPICS = (
    ADMITTED,
    ROLES_SET,
    SUSPENDED,
    REINSTATED,
    SUCCESSOR_NAMED,
    SIGNER_ADDED,
    SIGNER_RETIRED,
    SIGNER_COMPROMISED,
    ACCREDITED,
)


@dataclass(slots=True)
class _Organization:
    did: str
    roles: int
    admitted_block: int
    suspended_block: int | None = None
    roles_block: int | None = None  # when they were last set after the admission


@dataclass(slots=True)
class _Signer:
    added_block: int
    retired_block: int | None = None
    compromised_since: int | None = None


@dataclass(slots=True)
class _Fold:
    organizations: dict[bytes, _Organization] = field(default_factory=dict)
    successors: dict[bytes, bytes] = field(default_factory=dict)  # of brands, members or not
    signers: dict[tuple[bytes, bytes], _Signer] = field(default_factory=dict)
    accreditations: list[tuple[int, int, bytes, bytes, int, bytes, int, int]] = field(default_factory=list)


def fold_registry(logs: Iterable[RegistryLog]) -> Standing:
    """Logs in the chain's order; those of other contracts' kinds (ownership and the like) say nothing here."""
    fold = _Fold()
    for log in logs:
        _apply(fold, log)
    return Standing(
        organizations=[
            (
                *(identity, it.did, it.roles, it.suspended_block is not None, fold.successors.get(identity), it.admitted_block),
                *(it.suspended_block, it.roles_block),
            )
            for identity, it in fold.organizations.items()
        ],
        successors=list(fold.successors.items()),
        signers=[(*key, it.added_block, it.retired_block, it.compromised_since) for key, it in fold.signers.items()],
        accreditations=fold.accreditations,
    )


def blocks_named(standing: Standing) -> set[int]:
    """The blocks whose times `givers_of` tells."""
    named = {block for row in standing.organizations for block in row[6:8]} | {block for row in standing.signers for block in row[3:5]}
    return {block for block in named if block is not None} | {row[0] for row in standing.accreditations}


def givers_of(standing: Standing, times: Mapping[int, int], consortium: bytes) -> Givers:
    """What opinions lean on; `times` are those of `blocks_named`. Where the mirror is older than the keeping of the blocks since which
    keys are compromised, theirs are not known until it is rebuilt."""
    grants: dict[tuple[bytes, bytes], list[Grant]] = {}
    for block, _index, brand, organization, role, scope, _start, end in sorted(standing.accreditations, key=lambda row: row[:2]):
        if role == Role.AUTHENTICATOR:
            grants.setdefault((brand, organization), []).append(Grant(int.from_bytes(scope, "big"), end, times[block]))
    members = standing.organizations
    return Givers(
        consortium=consortium,
        suspended={row[0]: _time_of(row[6], times) for row in members if row[3]},
        without_role={row[0]: _time_of(row[7], times) for row in members if not row[2] & Role.AUTHENTICATOR},
        retired={(row[0], row[1]): times[row[3]] for row in standing.signers if row[3] is not None},
        compromised={(row[0], row[1]): times.get(row[4], 0) for row in standing.signers if row[4] is not None},
        grants=grants,
        successors=dict(standing.successors),
    )


def _time_of(block: int | None, times: Mapping[int, int]) -> int:
    return 0 if block is None else times[block]


def compromised_by(log: RegistryLog) -> tuple[bytes, bytes] | None:
    """(organization, signer) if this log marks a signer."""
    topics = split_topics(log)
    return (topics[1], topics[2][12:]) if topics[0] == SIGNER_COMPROMISED else None


def since_named(topics: Sequence[bytes], body: bytes) -> int | None:
    """The block since which this log of the registry says that a key is compromised; None for every other log."""
    return _number(body, 0) if topics[0] == SIGNER_COMPROMISED else None


def split_topics(log: RegistryLog) -> list[bytes]:
    return [log.topics[start : start + 32] for start in range(0, len(log.topics), 32)]


def _apply(fold: _Fold, log: RegistryLog) -> None:
    topic, *names = split_topics(log)
    first = names[0] if names else b""
    if topic == ADMITTED:
        did = _string(log.body)
        if organization_id(did) != first:
            raise FoldMismatch("the registry admitted an organization under a name that is not its own", block=log.block_number)
        fold.organizations[first] = _Organization(did, _number(log.body, 1), log.block_number)
    elif topic == ROLES_SET:
        fold.organizations[first].roles = _number(log.body, 0)
        fold.organizations[first].roles_block = log.block_number
    elif topic in (SUSPENDED, REINSTATED):
        fold.organizations[first].suspended_block = log.block_number if topic == SUSPENDED else None
    elif topic == SUCCESSOR_NAMED:
        fold.successors.pop(first, None)
        if any(names[1]):  # zero takes the name back
            fold.successors[first] = names[1]
    elif topic == ACCREDITED:
        role, scope, start, end = (_number(log.body, place) for place in range(4))
        row = (log.block_number, log.log_index, first, names[1], role, scope.to_bytes(8, "big"), start, end)
        fold.accreditations.append(row)
    elif topic in (SIGNER_ADDED, SIGNER_RETIRED, SIGNER_COMPROMISED):
        _apply_signer(fold, (first, names[1][12:]), topic, log)


def _apply_signer(fold: _Fold, key: tuple[bytes, bytes], topic: bytes, log: RegistryLog) -> None:
    signer = fold.signers.setdefault(key, _Signer(log.block_number))
    if topic == SIGNER_ADDED:
        signer.added_block, signer.retired_block = log.block_number, None
    elif topic == SIGNER_RETIRED:
        signer.retired_block = log.block_number
    else:
        signer.retired_block = signer.retired_block or log.block_number
        signer.compromised_since = _number(log.body, 0)


def _number(body: bytes, place: int) -> int:
    return int.from_bytes(body[32 * place : 32 * place + 32], "big")


def _string(body: bytes) -> str:
    start = _number(body, 0)
    length = _number(body[start:], 0)
    return body[start + 32 : start + 32 + length].decode()
