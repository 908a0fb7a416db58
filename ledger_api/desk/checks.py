"""What machines look at, by kind. They find; people decide.

A kind is a function from a case and one of its shots to a result with the version of what made it. What is not installed or not set up is
not a kind, and nobody hints that it looked.
"""

from dataclasses import dataclass
from typing import Any

from ledger_api.desk.rows.cases import AnyRow
from ledger_api.desk.vault import Vault


@dataclass(frozen=True, slots=True)
class Checked:
    result: dict[str, Any]
    version: str


@dataclass(frozen=True, slots=True)
class Machines:
    vault: Vault

    def look(self, kind: str, case: AnyRow, shot: AnyRow) -> Checked:
        """Raises NoSuchPhoto, PhotoTampered, KeyError (there is no such kind)."""
        return {"serial": self._serial}[kind](case, shot)

    def _serial(self, case: AnyRow, shot: AnyRow) -> Checked:
        from ledger_api.desk import serials  # the reader is loaded by the process that reads, when it first does

        return Checked(serials.read(self.vault.get(shot.shown), claimed=case.serial).as_json(), serials.VERSION)
