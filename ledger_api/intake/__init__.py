"""The door: whether an event is accepted, and if so durably, once, and on the state that all accepted events leave behind.

`preparing` names things before any lock, `judging` applies the rules on the tip, `accepting` writes, `batches` does the same for what an
organization signed itself. No HTTP; time and ids are parameters.
"""

from ledger_api.intake.accepting import AuthorityCache, Intake, Order, accept_events
from ledger_api.intake.batches import accept_batch
from ledger_api.intake.results import EventResult, Submission

__all__ = ["AuthorityCache", "EventResult", "Intake", "Order", "Submission", "accept_batch", "accept_events"]
