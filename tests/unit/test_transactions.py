"""Transactions as bytes, against a wallet's."""

from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from ledger_api.chain.transactions import Transaction, read, sign
from ledger_api.keys import Signer

SECRET = b"\x09" * 32
wei = st.integers(0, 2**90)


@given(st.integers(1, 2**40), st.integers(0, 2**60), wei, wei, st.integers(0, 2**24), st.binary(max_size=300), st.booleans())
def test_signed_bytes_are_those_of_a_wallet(
    chain_id: int, nonce: int, priority: int, most: int, gas: int, body: bytes, is_deployment: bool
) -> None:
    to = b"" if is_deployment else b"\xab" * 20
    transaction = Transaction(chain_id, nonce, priority, most, gas, to, body)
    fields = {
        "type": 2, "chainId": chain_id, "nonce": nonce, "maxPriorityFeePerGas": priority, "maxFeePerGas": most, "gas": gas,
        "data": body, "value": 0,
    }  # fmt: skip
    if to:
        fields["to"] = to

    signed = sign(transaction, Signer(SECRET).sign)

    wallet = Account.sign_transaction(fields, SECRET)
    assert signed.raw == bytes(wallet.raw_transaction)
    assert signed.hash == bytes(wallet.hash)
    assert read(signed.raw) == transaction
