"""The provenance ledger's typed client: what can be asked (`calls`), what is answered (`answers`), and two ways to ask (`asking`).

    from ledger_client import Ledger, calls

    with Ledger("http://127.0.0.1:8080", key="lk_…") as ledger:
        answer = ledger.ask(calls.verify(calls.question(calls.by_serial("09990000200030", "L123957"), step="pay")))

`AsyncLedger` is the same with `await`. The package knows nothing of the service's code: it needs httpx and pydantic alone.
"""

from ledger_client import answers, booked, calls, events
from ledger_client.asking import AsyncLedger, Ledger
from ledger_client.problems import Busy, LedgerProblem, Refused, Unreachable

__all__ = ["AsyncLedger", "Busy", "Ledger", "LedgerProblem", "Refused", "Unreachable", "answers", "booked", "calls", "events"]
