"""What the outbox is wired with, made once per process."""

from dataclasses import dataclass

from sqlalchemy import Engine

from ledger_api.chain import fees
from ledger_api.chain.deploy import Deployment
from ledger_api.chain.rpc import Node
from ledger_api.keys import Keyring
from ledger_api.outbox.lane import LaneTerms
from ledger_api.settings import Settings


@dataclass(frozen=True, slots=True)
class Surroundings:
    engine: Engine
    node: Node
    keyring: Keyring
    deployment: Deployment
    settings: Settings

    @property
    def lane_terms(self) -> LaneTerms:
        return LaneTerms(
            chain_id=self.deployment.chain_id,
            tariff=fees.tariff(self.settings.fee_profile, self.deployment.chain_id, self.settings.max_fee_gwei * fees.GWEI),
            lease_seconds=self.settings.lease_seconds,
            stuck_blocks=self.settings.stuck_blocks,
        )
