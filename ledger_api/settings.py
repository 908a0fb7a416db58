"""The only reading of environment variables. Secrets have no defaults and come from files when they can."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


@dataclass(frozen=True)
class Bucket:
    """One bucket of an S3-compatible storage. Its keys are read from a file when they are needed, and kept nowhere."""

    host: str
    name: str
    is_secure: bool
    region: str
    credentials_file: Path

    def credentials(self) -> tuple[str, str]:
        """The access key is the file's first line, the secret key its second. Raises ValueError."""
        lines = self.credentials_file.read_text().split()
        if len(lines) != 2:
            raise ValueError("LEDGER_PHOTOS_CREDENTIALS_FILE: expected two lines, the access key and the secret key")
        return lines[0], lines[1]


class Settings(BaseSettings):
    """`LEDGER_…` variables. `home` names the one folder that holds everything local."""

    model_config = SettingsConfigDict(env_prefix="LEDGER_", extra="ignore")

    home: Path = Path(".ledger")
    # empty: SQLite in the home folder; postgresql+psycopg://… for more than one machine
    database_url: str = ""
    # empty: the embedded chain
    rpc_url: str = ""
    node_read_seconds: float = 30.0  # how long a node may think about one request
    # where the deployment file is; empty: <home>/deployments/<chain id>.json
    deployment: str = ""
    # passphrase of the keystores: a file wins over the variable; neither: <home>/keys/passphrase is made (0600)
    passphrase_file: Path | None = None
    passphrase: SecretStr | None = None
    photos: Path | None = None  # the desk's, encrypted; none: <home>/photos. Processes on several machines share the folder
    # instead of a folder: https://storage.example/bucket, of an S3-compatible storage, with a file of its two keys
    photos_bucket: str = ""
    photos_region: str = "us-east-1"
    photos_credentials_file: Path | None = None
    # a folder with a classifier for the desk's photos (docs/screening.md); none: nothing is tagged and nothing is screened
    desk_model: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    # how a Digital Link and a QR name us; empty: http://host:port
    public_url: str = ""
    # blocks after which a recorded event is final; 0: the node's `finalized` tag decides; none: what its fee profile says
    confirmations: int | None = None
    block_time_seconds: int = 1  # of the embedded chain
    lanes: int = 1  # relayer keys, each a lane of nonces
    lease_seconds: int = 5  # a killed worker's lane stands still for so long; a turn takes far less
    # how the chain is bid on; auto: by its id, a public layer 1 when the id is not known
    fee_profile: Literal["auto", "anvil", "l1", "l2", "private"] = "auto"
    max_fee_gwei: int = 200  # no transaction ever offers more for a unit of gas
    max_in_flight: int = 16  # transactions of one lane that are sent and not yet mined
    # an event that the contract would revert is tried so often, ever more rarely, before it is parked for an operator
    most_tries: int = 10
    stuck_blocks: int = 5  # unmined for so many blocks: sent again with a higher fee
    batch_deadline_seconds: int = 3600  # how long a signed batch may travel
    # alarms: an accepted event that waits for longer, an indexer further behind the head
    oldest_waiting_seconds: int = 300
    behind_blocks: int = 50
    oldest_notice_seconds: int = 120  # a notice that is due and that nobody sends
    rate_per_minute_anonymous: int = 120
    rate_per_minute_key: int = 6000
    # notices to webhook endpoints: the first pause after a failure (each next one is four times as long, a day at most)
    webhook_first_pause_seconds: float = 5
    webhook_loopback: bool = False  # development chains only: endpoints on this very machine, by http and on any port
    max_body_mebibytes: int = 64
    body_patience_seconds: float = 20  # before a request that comes too slowly is cut off

    @property
    def sqlalchemy_url(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'ledger.db'}"

    @property
    def base_url(self) -> str:
        """How we name ourselves to others, without a slash at the end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def bucket(self) -> Bucket | None:
        """Where photos are kept when it is no folder. Raises ValueError for half a setting."""
        if not self.photos_bucket:
            return None
        parts = urlsplit(self.photos_bucket)
        name = parts.path.strip("/")
        if parts.scheme not in ("http", "https") or not parts.netloc or not name or "/" in name:
            raise ValueError("LEDGER_PHOTOS_BUCKET: expected https://host/bucket")
        if self.photos_credentials_file is None:
            raise ValueError("LEDGER_PHOTOS_BUCKET needs LEDGER_PHOTOS_CREDENTIALS_FILE")
        return Bucket(parts.netloc, name, parts.scheme == "https", self.photos_region, self.photos_credentials_file)
