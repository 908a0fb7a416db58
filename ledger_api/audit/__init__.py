"""The audit: from the chain and the database, is every accepted event recorded exactly once or refused, and nothing besides?

It changes nothing, takes no lease, and works while the service runs: it speaks as of one block, on one moment of the database.
`hearing` reads the chain, `histories` folds it, `acceptance` meets events with records, `journeys` looks at what is on its way,
`passports` makes them again from nothing. Tests of faults and operators run the same one. `recounting`, beside it, counts verdicts without
any database.
"""

from ledger_api.audit.auditing import audit
from ledger_api.audit.report import Check, Report

__all__ = ["Check", "Report", "audit"]
