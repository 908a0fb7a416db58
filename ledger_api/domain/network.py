"""Which chain and contracts a service speaks for. A value, made once by the wiring from the deployment file."""

from dataclasses import dataclass

from ledger_verify.hashing import OrganizationId
from ledger_verify.transition import Terms


@dataclass(frozen=True, slots=True)
class Network:
    chain_id: int
    registry: bytes  # 20 bytes
    ledger: bytes  # 20 bytes
    domain_separator: bytes  # of the ledger's EIP-712 domain: what batches and consents are signed under
    terms: Terms  # the ledger's two periods
    consortium: OrganizationId
    confirmations: int = 2  # blocks after which a recorded event is final; 0: the node's `finalized` tag decides
    first_block: int = 0  # of the ledger: nothing of it is before
