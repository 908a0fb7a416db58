"""A second-hand platform, before it lists: `platform_verifies.py GTIN SERIAL`, with LEDGER_URL and LEDGER_KEY. 0 is `accept` alone."""

import os
import sys

from eth_account import Account
from eth_account.messages import encode_typed_data

from ledger_client import Ledger, calls


def main(gtin: str, serial: str) -> int:
    with Ledger(os.environ["LEDGER_URL"], key=os.environ["LEDGER_KEY"]) as ledger:
        answer = ledger.ask(calls.verify(calls.question(calls.by_serial(gtin, serial), step="list")))
    signed_by = Account.recover_message(encode_typed_data(full_message=answer.typed_data), signature=answer.signature)
    if signed_by.lower() != answer.signer:
        print("the answer's signature is not the service's")
        return 2
    print(answer.decision, f"as of block {answer.as_of.block}, until {answer.valid_until:%H:%M:%S} UTC")
    for reason in answer.reasons:
        print(f"  {reason.decision}: {reason.code}. {reason.message}")
    return 0 if answer.decision == "accept" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
