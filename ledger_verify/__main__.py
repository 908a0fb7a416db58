"""`python -m ledger_verify FILE`."""

from ledger_verify.cli import run

run()
