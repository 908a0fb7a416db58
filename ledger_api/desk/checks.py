"""What machines look at, by kind. They find; people decide.

A kind is a function from a case and one of its shots to a result with the version of what made it. What is not installed or not set up is
not a kind, and nobody hints that it looked.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from ledger_api.desk import policy
from ledger_api.desk.rows import cases as rows
from ledger_api.desk.rows.cases import AnyRow
from ledger_api.desk.vault import Vault
from ledger_api.store.engine import reading

if TYPE_CHECKING:
    from ledger_api.desk.tagging import Tagger


@dataclass(frozen=True, slots=True)
class Checked:
    result: dict[str, Any]
    version: str


@dataclass(frozen=True, slots=True)
class Machines:
    vault: Vault
    engine: Engine
    tagger: "Tagger | None" = None

    def look(self, kind: str, case: AnyRow, shot: AnyRow) -> Checked | None:
        """None: this check is off.

        Raises:
            NoSuchPhoto, PhotoTampered, KeyError: there is no such kind.
        """
        return {"reuse": self._reuse, "serial": self._serial, "tags": self._tags}[kind](case, shot)

    def _tags(self, case: AnyRow, shot: AnyRow) -> Checked | None:
        if self.tagger is None:
            return None
        with reading(self.engine) as connection:
            terms = policy.read(connection, case.authenticator)
        tags = self.tagger.tags(self.vault.get(shot.shown))
        flagged = [tag.label for tag in tags if terms.prohibits(tag.label)]
        return Checked({"tags": [asdict(tag) for tag in tags], "flagged": flagged}, self.tagger.version)

    def _reuse(self, case: AnyRow, shot: AnyRow) -> Checked:
        from ledger_api.desk import reuse

        return Checked(reuse.find(self.engine, self.vault, reuse.OfCase(case, shot)), reuse.VERSION)

    def _serial(self, case: AnyRow, shot: AnyRow) -> Checked:
        from ledger_api.desk import serials  # the reader is loaded by the process that reads, when it first does

        with reading(self.engine) as connection:
            item = rows.item_of(connection, case)
            known = None if item is None else rows.serial_of(connection, item)
        return Checked(serials.read(self.vault.get(shot.shown), claimed=case.serial, known=known).as_json(), serials.VERSION)
