"""Deploying the two contracts, and the file that says where they are: `deployments/<chain id>.json`.

The file pins the chain (genesis hash) and the code (hashes), so that a service never writes to, or believes, a chain that
was reset, another chain behind the same URL, or other contracts at the same addresses.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ledger_api.chain import fees, transactions
from ledger_api.chain.abi import Artifact, load_artifact
from ledger_api.chain.contracts import ledger_at
from ledger_api.chain.reverts import revert_error
from ledger_api.chain.rpc import Hint, Node, Refusal, unhex
from ledger_api.durable import write_durably
from ledger_api.errors import ContractMissing, DeploymentUnusable, NodeInconsistent, NodeUnreachable, WrongChain
from ledger_verify import hashing
from ledger_verify.hashing import OrganizationId, keccak
from ledger_verify.transition import Terms

RECOVERY_PERIOD = RULING_PERIOD = 30 * 24 * 3600
_POLL_SECONDS = 0.05
_PATIENCE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the contracts are, and by what they are recognised."""

    chain_id: int
    genesis_hash: bytes
    registry: bytes
    ledger: bytes
    registry_code_hash: bytes
    ledger_code_hash: bytes
    block: int  # of the registry: the indexer begins here
    recovery_period: int
    ruling_period: int
    consortium_did: str
    owner: bytes

    @property
    def consortium(self) -> OrganizationId:
        return hashing.organization_id(self.consortium_did)

    @property
    def terms(self) -> Terms:
        return Terms(recovery_period=self.recovery_period, ruling_period=self.ruling_period)

    @property
    def domain_separator(self) -> bytes:
        return hashing.domain_separator(self.chain_id, self.ledger)

    def as_json(self) -> str:
        fields = {name: "0x" + value.hex() if isinstance(value, bytes) else value for name, value in asdict(self).items()}
        return json.dumps(fields, indent=1) + "\n"


@dataclass(frozen=True, slots=True)
class Founding:
    """What a deployment fixes for ever."""

    consortium_did: str
    consortium_signer: bytes
    recovery_period: int = RECOVERY_PERIOD
    ruling_period: int = RULING_PERIOD


def read_deployment(path: Path) -> Deployment:
    """Raises: DeploymentUnusable, when the file is not one of ours."""
    try:
        stored: Mapping[str, Any] = json.loads(path.read_text())
        fields: dict[str, Any] = {
            name: unhex(value) if isinstance(value, str) and value.startswith("0x") else value
            for name, value in stored.items()
            if name in Deployment.__slots__
        }
        return Deployment(**fields)
    except (ValueError, TypeError, AttributeError) as error:
        raise DeploymentUnusable(f"{path.name} is not a deployment file", path=str(path)) from error


def write_deployment(path: Path, deployment: Deployment) -> None:
    """On disk before this returns: the addresses cannot be found again otherwise."""
    write_durably(path, deployment.as_json(), mode=0o666)  # less what the umask takes: nothing in it is secret


def verify_deployment(node: Node, deployment: Deployment) -> None:
    """The start-up check of every loop.

    Raises:
        WrongChain: another chain, or this one after a reset.
        ContractMissing: no contract, or another one, at an address.
        NodeInconsistent: it has not a single block to show.
    """
    chain_id = int(node.call("eth_chainId"), 16)
    if chain_id != deployment.chain_id:
        raise WrongChain(expected=deployment.chain_id, found=chain_id)
    found = genesis_hash(node)
    if found != deployment.genesis_hash:
        raise WrongChain("the chain was reset, or is another one with the same id", chain_id=chain_id, found="0x" + found.hex())
    pinned = ((deployment.registry, deployment.registry_code_hash), (deployment.ledger, deployment.ledger_code_hash))
    for address, code_hash in pinned:
        if _code_hash(node, address) != code_hash:
            raise ContractMissing(address="0x" + address.hex())


def genesis_hash(node: Node) -> bytes:
    """The first block's hash, as the second one names it: an Anvil restarted from its state file makes a new first block each
    time and may answer with that one, while the blocks that follow stay as they were.

    Raises:
        NodeInconsistent: it knows no first block, as no chain is without one.
    """
    second = node.call("eth_getBlockByNumber", "0x1", False)
    if second is not None:
        return unhex(second["parentHash"])
    first = node.call("eth_getBlockByNumber", "0x0", False)
    if first is None:
        raise NodeInconsistent("the node knows no first block of its chain")
    return unhex(first["hash"])


def deploy(
    node: Node, founding: Founding, *, deployer: bytes, signing: transactions.Sign, tariff: fees.Tariff = fees.DEVELOPMENT
) -> Deployment:
    """Deploy registry and ledger, wait until both are mined, and say where they are. `deployer` becomes the owner.

    Raises:
        WouldRevert: the contracts refuse what they shall be founded with.
        FeeTooHigh: the chain is dearer than the tariff's cap.
        NodeUnreachable: it took longer than five minutes.
    """
    registry_artifact, ledger_artifact = load_artifact("OrganizationRegistry"), load_artifact("ProvenanceLedger")
    body = registry_artifact.deployment(deployer, founding.consortium_did, founding.consortium_signer)
    registry, block = _create(node, registry_artifact, body, deployer=deployer, signing=signing, tariff=tariff)
    body = ledger_artifact.deployment(registry, founding.recovery_period, founding.ruling_period)
    ledger, _ = _create(node, ledger_artifact, body, deployer=deployer, signing=signing, tariff=tariff)
    deployment = Deployment(
        chain_id=int(node.call("eth_chainId"), 16),
        genesis_hash=genesis_hash(node),
        registry=registry,
        ledger=ledger,
        registry_code_hash=_code_hash(node, registry),
        ledger_code_hash=_code_hash(node, ledger),
        block=block,
        recovery_period=founding.recovery_period,
        ruling_period=founding.ruling_period,
        consortium_did=founding.consortium_did,
        owner=deployer,
    )
    (separator,) = ledger_at(node, ledger).read("DOMAIN_SEPARATOR")
    if separator != deployment.domain_separator:
        raise DeploymentUnusable("the ledger's EIP-712 domain is not the one we sign under", ledger="0x" + ledger.hex())
    return deployment


def _code_hash(node: Node, address: bytes) -> bytes:
    code = unhex(node.call("eth_getCode", "0x" + address.hex(), "latest"))
    return keccak(code) if code else b""


def _create(
    node: Node, artifact: Artifact, body: bytes, *, deployer: bytes, signing: transactions.Sign, tariff: fees.Tariff
) -> tuple[bytes, int]:
    """(address, block) of a new contract. Sends the same bytes until they are mined."""
    who = "0x" + deployer.hex()
    estimate = node.ask("eth_estimateGas", {"from": who, "data": "0x" + body.hex()})
    if isinstance(estimate, Refusal):
        raise revert_error(estimate.revert, [artifact]) if estimate.hint is Hint.REVERTED else estimate.error("eth_estimateGas")
    fee = tariff.offer(fees.market_of(*node.batch(fees.QUESTIONS)))
    unsigned = transactions.Transaction(
        chain_id=int(node.call("eth_chainId"), 16),
        nonce=int(node.call("eth_getTransactionCount", who, "pending"), 16),
        priority_fee_wei=fee.priority_wei,
        max_fee_wei=fee.max_wei,
        gas=int(estimate, 16) * 11 // 10,
        to=b"",
        body=body,
    )
    signed = transactions.sign(unsigned, signing)
    answer = node.ask("eth_sendRawTransaction", "0x" + signed.raw.hex())
    if isinstance(answer, Refusal) and answer.hint is not Hint.KNOWN:
        raise answer.error("eth_sendRawTransaction")
    receipt = await_receipt(node, signed.hash)
    if int(receipt["status"], 16) != 1:
        raise DeploymentUnusable(f"the deployment of {artifact.contract} failed", transaction="0x" + signed.hash.hex())
    return unhex(receipt["contractAddress"]), int(receipt["blockNumber"], 16)


def await_receipt(node: Node, transaction_hash: bytes) -> dict[str, Any]:
    """Ask until the transaction is mined: a node may take it before it knows of a receipt."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        receipt = node.call("eth_getTransactionReceipt", "0x" + transaction_hash.hex())
        if receipt is not None and receipt.get("blockNumber"):
            return dict(receipt)
        time.sleep(_POLL_SECONDS)
    raise NodeUnreachable("the transaction was not mined in time", transaction="0x" + transaction_hash.hex())
