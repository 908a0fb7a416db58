"""A brand's ERP: this was made. `brand_ingests.py GTIN SERIAL [SERIAL …]`, with LEDGER_URL and LEDGER_KEY."""

import os
import sys
from datetime import UTC, datetime

from ledger_client import Ledger, calls
from ledger_client.events import Manufacture


def main(gtin: str, *serials: str) -> int:
    made_at = datetime.now(UTC).replace(microsecond=0).isoformat()
    events = [
        Manufacture(kind="manufacture", occurred_at=made_at, gtin=gtin, serial=serial, category="handbag", payload={"model": "Cabas"})
        for serial in serials
    ]
    with Ledger(os.environ["LEDGER_URL"], key=os.environ["LEDGER_KEY"]) as ledger:
        answer = ledger.ask(calls.record(events))
        for result in answer.results:
            print(serials[result.index], result.status, result.reason or result.item)
        if answer.submission is not None:
            print("on record:", ledger.follow(answer.submission).status)
    return 1 if answer.refused else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
