"""The three examples and the agents' server, as programs of their own, against the whole service on a real chain."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from ledger_client import Ledger, calls
from tests import servers
from tests.living import GTIN, World, living_ledger

pytestmark = [pytest.mark.chain, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
AGENTS = [sys.executable, "-m", "ledger_client.agents"]
READING = {"verify_item", "item_story", "item_holds", "item_opinions"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with living_ledger(tmp_path_factory.mktemp("agents")) as made:
        made.bag()
        yield made


def ledger_of(world: World) -> str:
    return str(world.passport("B0000001")["chain"]["ledger"])


def run(world: World, program: str, *arguments: str, key: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LEDGER_URL": world.url} | ({"LEDGER_KEY": world.keys[key]} if key else {})
    command = [sys.executable, str(ROOT / "examples" / program), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def test_a_brand_a_consumer_and_a_platform_are_each_a_short_program(world: World) -> None:
    made = run(world, "brand_ingests.py", GTIN, "EX-1", "no such serial!", key="maison")
    read = run(world, "consumer_looks_up.py", GTIN, "EX-1")
    anchored = run(world, "consumer_looks_up.py", GTIN, "EX-1", world.chain_url, ledger_of(world))
    asked = run(world, "platform_verifies.py", GTIN, "EX-1", key="platform")

    assert made.returncode == 1 and "serial-invalid" in made.stdout and "on record:" in made.stdout, made.stderr
    assert read.returncode == 3 and "manufacture, says Maison" in read.stdout and "CONSISTENT, NOT ANCHORED" in read.stdout, read.stderr
    assert anchored.returncode == 0 and "ANCHORED" in anchored.stdout, anchored.stderr
    assert asked.returncode in (0, 1) and "as of block" in asked.stdout, asked.stderr


def test_a_platform_asks_about_many_at_once_and_watches_one(world: World) -> None:
    known = calls.by_serial(GTIN, "B0000001")
    with Ledger(world.url, key=world.keys["platform"]) as ledger:
        many = ledger.ask(calls.verify_many([calls.question(known, watch=True), {"step": "list"}])).lines
        watched = ledger.ask(calls.watches()).watches

    assert [line.index for line in many] == [0, 1]
    assert many[0].answer is not None and many[0].answer.watch is not None
    assert many[1].error is not None and many[1].error["code"] == "invalid-body"
    assert many[0].answer.watch.id in {one.id for one in watched}


def test_an_agent_asks_by_standard_input_and_gets_proofs(world: World, tmp_path: Path) -> None:
    trusted = tmp_path / "trust.json"
    trusted.write_text(json.dumps({"ledger": ledger_of(world)}))
    server = StdioServerParameters(
        command=AGENTS[0],
        args=[*AGENTS[1:], "--url", world.url, "--rpc", world.chain_url, "--trust", str(trusted)],
        env={**os.environ, "LEDGER_KEY": world.keys["platform"]},
    )

    async def talk() -> dict[str, Any]:
        async with Client(server) as client:
            tools = await client.list_tools()
            item = {"gtin": GTIN, "serial": "B0000001"}
            answers = {tool.name: await client.call_tool(tool.name, item) for tool in tools.tools}
            unknown = await client.call_tool("item_story", {"gtin": GTIN, "serial": "NONE"})
            return {"tools": tools.tools, "answers": answers, "unknown": unknown}

    told = asyncio.run(talk())

    assert {tool.name for tool in told["tools"]} == READING
    assert all(tool.annotations.read_only_hint for tool in told["tools"])
    for name, answer in told["answers"].items():
        assert not answer.is_error, (name, answer.content)
        assert answer.structured_content["proof"]["verdict"] == "anchored", name
        assert answer.content[1].resource.text.startswith('{"'), "the proof itself is there"
    assert told["answers"]["item_story"].structured_content["events"][0]["kind"] == "manufacture"
    assert told["answers"]["item_holds"].structured_content["is_on_hold"] is False
    assert told["answers"]["verify_item"].structured_content["decision"] in ("accept", "quarantine", "reject")
    assert told["unknown"].is_error and "unknown-item" in told["unknown"].content[0].text


@pytest.fixture(scope="module")
def by_http(world: World) -> Iterator[str]:
    port = servers.free_port()
    command = [*AGENTS, "--url", world.url, "--http", "--port", str(port), "--allow-writes"]
    process = subprocess.Popen(command, env={name: value for name, value in os.environ.items() if name != "LEDGER_KEY"})
    try:
        servers.await_port(port, process)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_an_agent_asks_by_http_with_a_key_of_its_own(world: World, by_http: str) -> None:
    item = {"gtin": GTIN, "serial": "B0000001"}

    async def talk(key: str | None) -> tuple[set[str], Any, Any, Any]:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        async with httpx_of(headers) as http, Client(streamable_http_client(by_http, http_client=http)) as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            return tools, *[await client.call_tool(tool, item) for tool in ("item_holds", "verify_item", "watch_item")]

    tools, holds, verified, watched = asyncio.run(talk(world.keys["platform"]))
    _, seen, refused, _ = asyncio.run(talk(None))

    assert tools == READING | {"open_case", "watch_item"}
    assert watched.structured_content["watch"] is not None
    assert not holds.is_error and not verified.is_error, verified.content
    assert verified.structured_content["proof"]["verdict"] == "consistent, not anchored"
    assert not seen.is_error
    assert refused.is_error and "unauthenticated" in refused.content[0].text


def httpx_of(headers: dict[str, str]) -> Any:
    from mcp.shared._httpx_utils import create_mcp_http_client

    return create_mcp_http_client(headers=headers)


def test_a_server_by_http_keeps_no_key(world: World) -> None:
    ended = subprocess.run([*AGENTS, "--http"], env={**os.environ, "LEDGER_KEY": "lk_x"}, capture_output=True, text=True, timeout=60)

    assert ended.returncode == 2 and "own key" in ended.stderr and "lk_x" not in ended.stderr
