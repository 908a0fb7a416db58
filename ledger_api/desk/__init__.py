"""The authentication desk, a wing of its own: somebody asks, photos come in, machines look, appraisers decide.

It records its verdicts by the door that any authenticator uses (`intake.accept_events`); no room of the ledger imports it.
Machines assist and never decide. docs/desk.md has the plan.
"""
