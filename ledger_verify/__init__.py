"""The pure heart of the ledger, installable alone: canonical bytes and hashes, the state of an item and its rules.

Everything here is a function of its arguments: no clock, no network, no database, no randomness. It is the twin of the
contracts and answers to the same vectors in `tests/vectors`; `docs/protocol.md` is the specification of both.
"""
