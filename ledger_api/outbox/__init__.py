"""The outbox: accepted events become transactions, one step at a time, and survive death between any two steps.

`lane.py` gives nonces and follows transactions, `plan.py` decides what may travel together, `worker.py` is the loop,
`rejudge.py` looks again at what a refusal or a deadline left behind, `registrar.py` sends the registry's transactions.
"""

from ledger_api.outbox.surroundings import Surroundings

__all__ = ["Surroundings"]
