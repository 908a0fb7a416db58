"""Where a webhook may go: no address of our own network, of a metadata service or of nobody, in whatever spelling."""

import asyncio
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from ledger_api.webhooks.errors import EndpointNotAllowed
from ledger_api.webhooks.guard import AddressRefused, Guarded, checked_url, is_public

REFUSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.0.1",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "nonsense",
    "127.1",
    "0x7f000001",
]
ALLOWED = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "100.63.255.255",
    "100.128.0.1",
    "172.32.0.1",
    "192.169.0.1",
    "2606:4700::1111",
    "2a00:1450:4007::200e",
]


class Says(AbstractResolver):
    """A resolver whose answers are written down: one list of addresses for each time it is asked. `port`: where a test's server is."""

    def __init__(self, *answers: list[str], port: int | None = None) -> None:
        self.answers, self._port = list(answers), port

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        found = self.answers.pop(0)
        return [
            ResolveResult(hostname=host, host=one, port=self._port or port, family=int(family), proto=0, flags=int(socket.AI_NUMERICHOST))
            for one in found
        ]

    async def close(self) -> None: ...


@pytest.mark.parametrize("address", REFUSED)
def test_no_address_is_public_that_is_private_special_or_an_ipv4_in_disguise(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ALLOWED)
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/a",
        "https://hooks.example.com:22/",
        "https://hooks.example.com:80/",
        "https://user@hooks.example.com/",
        "https://user:word@hooks.example.com/",
        "https://hooks.example.com/#part",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://8.8.8.8/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://localhost/",
        "https://metadata/",
        "https://metadata.google.internal/",
        "https://printer.local/",
        "https://a.localhost/",
        "https://127.0.0.1.:443/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "//hooks.example.com",
        "https:///path",
        "https://-a.example.com/",
        "https://a..example.com/",
        "https://[fe80::1%25eth0]/",
        "javascript:alert(1)",
        "https://hooks.example.com:99999/",
    ],
)
def test_what_is_typed_must_be_https_to_a_public_name(url: str) -> None:
    with pytest.raises(EndpointNotAllowed):
        checked_url(url, loopback=False)


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/a?b=c", "https://hooks.example.com:8443/", "https://HOOKS.example.com", "https://bücher.example/x"]
)
def test_an_ordinary_endpoint_is_allowed(url: str) -> None:
    assert checked_url(url, loopback=False).scheme == "https"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/x", "http://localhost:1/", "http://[::1]:5/"])
def test_this_very_machine_is_allowed_only_where_it_is_said(url: str) -> None:
    assert checked_url(url, loopback=True).port is not None
    with pytest.raises(EndpointNotAllowed):
        checked_url(url, loopback=False)


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "http://169.254.169.254/latest", "http://hooks.example.com/"])
def test_loopback_lets_nothing_else_pass(url: str) -> None:
    with pytest.raises(EndpointNotAllowed):
        checked_url(url, loopback=True)


def test_a_name_passes_only_when_every_address_does() -> None:
    asked = Guarded(Says(["8.8.8.8"], ["8.8.8.8", "10.0.0.1"], ["2606:4700::1111", "::ffff:10.0.0.1"]), loopback=False)

    assert [one["host"] for one in asyncio.run(asked.resolve("hooks.example.com", 443))] == ["8.8.8.8"]
    for _ in range(2):
        with pytest.raises(AddressRefused):
            asyncio.run(asked.resolve("hooks.example.com", 443))
