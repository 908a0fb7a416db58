"""The two loops one would write instead: *textbook* and *skilled*. One transaction per event, same contract, payloads and rules.

Textbook: web3.py, send, wait for the receipt, decode it, insert a row, next; the node mines at once.
Skilled: AsyncWeb3, nonces counted locally, fifty transactions in flight, blocks every second, logs read back in ranges, rows in bulk.
Neither pays for HTTP acceptance or a durable queue; both index what they recorded.
"""

import asyncio
import json
import sqlite3
import time
from pathlib import Path
from typing import Any

from eth_account import Account
from web3 import AsyncWeb3, Web3
from web3.contract import Contract

from benchmarks.world import BRAND_DID, BRAND_KEY, OWNER_SECRET, World, events, signed_batch_of_one

ABI = Path(__file__).parent.parent / "ledger_api" / "abi"
IN_FLIGHT = 50
GAS = 400_000


def admit_brand(place: World) -> None:
    """The brand becomes a member, by its owner's hand."""
    web3 = Web3(Web3.HTTPProvider(place.rpc_url))
    registry = web3.eth.contract(address=Web3.to_checksum_address(place.deployment.registry), abi=_abi("OrganizationRegistry"))
    owner = Account.from_key(OWNER_SECRET)
    call = registry.functions.admit(BRAND_DID, 2, Account.from_key(BRAND_KEY).address)
    fees = {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9}
    shape = {"from": owner.address, "nonce": web3.eth.get_transaction_count(owner.address), "chainId": place.deployment.chain_id, **fees}
    signed = owner.sign_transaction(call.build_transaction(shape))
    web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(signed.raw_transaction), poll_latency=0.05)


def _abi(name: str) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((ABI / f"{name}.json").read_text())["abi"]
    return loaded


def _table(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute(
        "CREATE TABLE IF NOT EXISTS recorded (item BLOB, event_hash BLOB PRIMARY KEY, organization BLOB, payload BLOB, block INTEGER)"
    )
    return database


def _row(log: Any) -> tuple[Any, ...]:
    told = log["args"]
    return told["item"], told["eventHash"], told["organization"], told["payload"], log["blockNumber"]


def textbook(place: World, *, count: int, rows: Path) -> float:
    """Events per second."""
    web3 = Web3(Web3.HTTPProvider(place.rpc_url))
    ledger: Contract = web3.eth.contract(address=Web3.to_checksum_address(place.deployment.ledger), abi=_abi("ProvenanceLedger"))
    sender = Account.from_key(OWNER_SECRET)
    database = _table(rows)
    began = time.perf_counter()
    for event in events(count, run="T"):
        batch = signed_batch_of_one(event, separator=place.deployment.domain_separator)
        shape = {"from": sender.address, "nonce": web3.eth.get_transaction_count(sender.address)}
        signed = sender.sign_transaction(ledger.functions.record([batch]).build_transaction(shape))
        receipt = web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(signed.raw_transaction))
        for log in ledger.events.Recorded().process_receipt(receipt):
            with database:
                database.execute("INSERT INTO recorded VALUES (?, ?, ?, ?, ?)", _row(log))
    took = time.perf_counter() - began
    _expect(database, count)
    return count / took


def skilled(place: World, *, count: int, rows: Path) -> float:
    """Events per second."""
    return asyncio.run(_skilled(place, count, rows))


async def _skilled(place: World, count: int, rows: Path) -> float:
    web3 = AsyncWeb3(AsyncWeb3.AsyncHTTPProvider(place.rpc_url))
    ledger = web3.eth.contract(address=Web3.to_checksum_address(place.deployment.ledger), abi=_abi("ProvenanceLedger"))
    sender = Account.from_key(OWNER_SECRET)
    first = await web3.eth.get_transaction_count(sender.address)
    start_block = await web3.eth.block_number
    in_flight = asyncio.Semaphore(IN_FLIGHT)
    database = _table(rows)
    began = time.perf_counter()

    async def send(nonce: int, batch: Any) -> None:
        async with in_flight:
            shape = {
                "from": sender.address, "nonce": nonce, "gas": GAS, "chainId": place.deployment.chain_id,
                "maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9,
            }  # fmt: skip
            unsigned = await ledger.functions.record([batch]).build_transaction(shape)
            await web3.eth.send_raw_transaction(sender.sign_transaction(unsigned).raw_transaction)

    batches = (signed_batch_of_one(event, separator=place.deployment.domain_separator) for event in events(count, run="S"))
    await asyncio.gather(*(send(first + number, batch) for number, batch in enumerate(batches)))
    seen, next_block = 0, start_block + 1
    while seen < count:
        head = await web3.eth.block_number
        if head >= next_block:
            logs = await ledger.events.Recorded().get_logs(from_block=next_block, to_block=head)
            with database:
                database.executemany("INSERT INTO recorded VALUES (?, ?, ?, ?, ?)", [_row(log) for log in logs])
            seen, next_block = seen + len(logs), head + 1
        else:
            await asyncio.sleep(0.1)
    took = time.perf_counter() - began
    await web3.provider.disconnect()
    _expect(database, count)
    return count / took


def _expect(database: sqlite3.Connection, count: int) -> None:
    (stored,) = database.execute("SELECT count(*) FROM recorded").fetchone()
    if stored != count:
        raise AssertionError(f"{stored} of {count} events were recorded")
