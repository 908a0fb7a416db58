"""The wiring of one process: settings become an engine, a node, keys and a network, checked against each other.

Every command and every loop begins with `open_service`; nothing is wired anywhere else. Deployment and migrations are here
too, because both are done once, by whoever starts first.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from ledger_api import migrations
from ledger_api.chain import fees
from ledger_api.chain.deploy import Deployment, Founding, deploy, read_deployment, verify_deployment, write_deployment
from ledger_api.chain.rpc import Node
from ledger_api.desk.vault import BucketVault, DiskVault, Vault
from ledger_api.domain.network import Network
from ledger_api.errors import CallerError, ContractMissing, WrongChain
from ledger_api.home import Home
from ledger_api.indexer.following import Following
from ledger_api.indexer.source import Source
from ledger_api.intake import AuthorityCache, Intake
from ledger_api.keys import DEVELOPMENT_CHAINS, Keyring
from ledger_api.outbox import Surroundings
from ledger_api.outbox.registrar import ChainRegistrar
from ledger_api.settings import Settings
from ledger_api.store import directory
from ledger_api.store.engine import open_engine, reading, writing
from ledger_api.store.following import read_cursor
from ledger_api.webhooks.endpoints import Terms as WebhookTerms
from ledger_verify.hashing import organization_id

if TYPE_CHECKING:
    from ledger_api.desk.working import DeskWorker
    from ledger_api.webhooks.notifying import Notifier

CONSORTIUM_DID = "did:web:consortium.example"
CONSORTIUM_NAME = "The consortium"


class NotDeployed(CallerError):
    """There is no deployment for this chain: run `ledger deploy`, or set LEDGER_DEPLOYMENT."""

    code, status = "not-deployed", 404


@dataclass(frozen=True)
class Service:
    """Everything a command needs, opened. Close with `close`."""

    settings: Settings
    home: Home
    engine: Engine
    node: Node
    keyring: Keyring
    deployment: Deployment
    network: Network
    intake: Intake

    @property
    def owner(self) -> str:
        """This process, in leases."""
        return f"{os.uname().nodename}:{os.getpid()}:{time.time_ns() & 0xFFFFFF:x}"

    def surroundings(self) -> Surroundings:
        return Surroundings(self.engine, self.node, self.keyring, self.deployment, self.settings)

    def following(self) -> Following:
        source = Source(self.node, self.deployment.registry, self.deployment.ledger)
        return Following(self.engine, source, self.network, self.deployment.block, self.owner, self.settings.lease_seconds)

    def webhooks(self) -> WebhookTerms:
        """Endpoints may be on this very machine only where nothing is at stake."""
        loopback = self.settings.webhook_loopback and self.network.chain_id in DEVELOPMENT_CHAINS
        return WebhookTerms(self.keyring.webhook_secret, loopback)

    def notifier(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> "Notifier":
        from ledger_api.listings.doubting import Doubter  # what the notifier's loop needs is loaded by that loop alone
        from ledger_api.verification.answering import Voice
        from ledger_api.verification.watching import Watcher
        from ledger_api.webhooks.notifying import Notifier

        settings, statements = self.settings, self.keyring.service()
        watcher = Watcher(self.engine, Voice(self.network, statements.sign, statements.address), clock)
        pause, lease = settings.webhook_first_pause_seconds, settings.lease_seconds
        doubter = Doubter(self.engine, self.network, clock)
        return Notifier(self.engine, self.webhooks(), self.owner, pause, lease, clock, steps=(watcher.turn, doubter.turn))

    def desk(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> "DeskWorker":
        """Raises DeskClosed, ModelUnusable."""
        from ledger_api.desk import working  # what the desk's loop needs is loaded by that loop alone
        from ledger_api.listings.looking import PhotoChecker

        worker = working.opened(self.intake, self.photos(), self.settings.desk_model, signers=self.keyring)
        return replace(worker, clock=clock, others=(PhotoChecker(worker.machines, clock).turn,))

    def registrar(self) -> ChainRegistrar:
        return ChainRegistrar(self.surroundings())

    def photos(self) -> Vault | None:
        """Where the desk's photos are; None where the package was installed without the extra `desk`."""
        if find_spec("cryptography") is None or find_spec("cv2") is None:
            return None
        try:
            bucket = self.settings.bucket
            if bucket is not None:
                return BucketVault(bucket, self.keyring.vault_secret())
        except (ValueError, OSError) as error:
            raise CallerError(f"The photos' storage cannot be used: {error}") from error
        return DiskVault(self.settings.photos or self.home.path / "photos", self.keyring.vault_secret())

    def close(self) -> None:
        self.engine.dispose()


def deployment_path(settings: Settings, chain_id: int) -> Path:
    return Path(settings.deployment) if settings.deployment else Home(settings.home).deployment(chain_id)


def open_service(settings: Settings, rpc_url: str) -> Service:
    """Open what is there; deploys nothing.

    Raises:
        NotDeployed, WrongChain, ContractMissing, NodeUnreachable: and why.
    """
    home = Home(settings.home)
    home.path.mkdir(parents=True, exist_ok=True)
    node = Node(rpc_url, read_seconds=settings.node_read_seconds)
    chain_id = int(node.call("eth_chainId"), 16)
    path = deployment_path(settings, chain_id)
    if not path.exists():
        raise NotDeployed(chain_id=chain_id, path=str(path))
    deployment = read_deployment(path)
    verify_deployment(node, deployment)
    keyring = Keyring(settings.home, settings, chain_id)
    engine = open_engine(settings.sqlalchemy_url)
    with _one_at_a_time(home):
        migrations.upgrade(engine)
        _refuse_other_database(engine, deployment)
        _introduce_consortium(engine, deployment)
    network = Network(
        chain_id=chain_id,
        registry=deployment.registry,
        ledger=deployment.ledger,
        domain_separator=deployment.domain_separator,
        terms=deployment.terms,
        consortium=deployment.consortium,
        confirmations=fees.confirmations(settings.confirmations, settings.fee_profile, chain_id),
        first_block=deployment.block,
    )
    intake = Intake(engine, network, keyring, AuthorityCache(network.consortium))
    return Service(settings, home, engine, node, keyring, deployment, network, intake)


def _refuse_other_database(engine: Engine, deployment: Deployment) -> None:
    """Events accepted for one chain must not travel to another. A database that has followed none yet fits any."""
    with reading(engine) as connection:
        made_for = read_cursor(connection)
    if made_for is None:
        return
    if (made_for.chain_id, made_for.genesis_hash) != (deployment.chain_id, deployment.genesis_hash):
        raise WrongChain("the database was made for another chain", database=made_for.chain_id, deployment=deployment.chain_id)
    if (made_for.registry, made_for.ledger) != (deployment.registry, deployment.ledger):
        raise ContractMissing("the contracts are not those this database was made for", ledger="0x" + made_for.ledger.hex())


def _introduce_consortium(engine: Engine, deployment: Deployment) -> None:
    """The consortium is a member nobody admits through a door: its page name is kept here, and left alone when it has one."""
    with writing(engine) as connection:
        if directory.profile(connection, deployment.consortium) is None:
            row = {"organization": deployment.consortium, "did": deployment.consortium_did, "name": CONSORTIUM_NAME}
            directory.keep_profile(connection, row | {"country": None, "visibility": "public", "created_at": datetime.now(UTC)})


def deploy_once(settings: Settings, rpc_url: str, *, consortium_did: str = CONSORTIUM_DID) -> Deployment:
    """The deployment of this chain: found, or made now and written to its file before anything uses it."""
    home = Home(settings.home)
    with _one_at_a_time(home):
        node = Node(rpc_url, read_seconds=settings.node_read_seconds)
        chain_id = int(node.call("eth_chainId"), 16)
        path = deployment_path(settings, chain_id)
        if path.exists():
            found = read_deployment(path)
            verify_deployment(node, found)
            return found
        keyring = Keyring(settings.home, settings, chain_id)
        consortium = organization_id(consortium_did)
        keyring.create_blinding(consortium)
        founding = Founding(consortium_did=consortium_did, consortium_signer=keyring.create_signer(consortium).address)
        owner = keyring.owner()
        tariff = fees.tariff(settings.fee_profile, chain_id, settings.max_fee_gwei * fees.GWEI)
        made = deploy(node, founding, deployer=owner.address, signing=owner.sign, tariff=tariff)
        write_deployment(path, made)
        return made


@contextmanager
def _one_at_a_time(home: Home) -> Iterator[None]:
    """Deploying and migrating are for one process at a time on this machine."""
    home.path.mkdir(parents=True, exist_ok=True)
    with (home.path / "setup.lock").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
