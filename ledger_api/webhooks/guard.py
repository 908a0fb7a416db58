"""Where a request may go: an endpoint's address comes from outside, and our network is none of its business.

Two gates. `checked_url` reads what somebody typed. `Guarded` stands between a host name and the connection: it resolves, looks at
*every* address, and hands exactly those on; the connection is made to what was looked at, so that a name which resolves differently the
next moment (DNS rebinding) gains nothing. Redirects are not followed (`sending`).
"""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from ledger_api.webhooks.errors import EndpointNotAllowed

PORTS = (443, 8443)
LONGEST_URL = 2048
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
_NAME = re.compile(r"(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")
_LOCAL_ENDINGS = (".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa", ".onion", ".test")

# https://www.iana.org/assignments/iana-ipv4-special-registry, and where clouds keep credentials outside of it
_IPV4 = [
    ip_network(block)
    for block in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",
    )
]  # fmt: skip
# of IPv6 only what is given out to the public, without tunnels and translations that carry an IPv4 address inside (6to4, Teredo)
_IPV6_PUBLIC = ip_network("2000::/3")
_IPV6 = [ip_network(block) for block in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "2620:4f:8000::/48")]


class AddressRefused(OSError):
    """The name leads to an address that is not public. Which one is told to nobody."""


def is_public(address: str) -> bool:
    """False also for what is no address. Mapped, translated (NAT64) and tunnelled IPv4 addresses are none of the public IPv6 ones."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    match found:
        case IPv4Address():
            return not any(found in block for block in _IPV4)
        case IPv6Address():
            return found in _IPV6_PUBLIC and not any(found in block for block in _IPV6)


def is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def checked_url(text: str, *, loopback: bool) -> URL:
    """What somebody typed, as it will be asked.

    Raises:
        EndpointNotAllowed: and which rule; `loopback` lets http to this very machine pass (development chains only).
    """
    if len(text) > LONGEST_URL or not text.isprintable():
        raise EndpointNotAllowed("An endpoint's address has at most 2,048 printable characters.", field="url")
    try:
        url = URL(text)
        host, port = (url.raw_host or "").lower(), url.port
    except ValueError:
        raise EndpointNotAllowed("This is no address.", field="url") from None
    if url.raw_user is not None or url.raw_password is not None or url.raw_fragment:
        raise EndpointNotAllowed("An endpoint's address has no user name, password or fragment.", field="url")
    if loopback and url.scheme in ("http", "https") and host in LOOPBACK_HOSTS:
        return url
    if url.scheme != "https":
        raise EndpointNotAllowed("An endpoint's address begins with https://.", field="url")
    if port not in PORTS:
        raise EndpointNotAllowed("An endpoint answers on port 443 or 8443.", field="url", ports=list(PORTS))
    if _NAME.fullmatch(host) is None or host.endswith(_LOCAL_ENDINGS):
        raise EndpointNotAllowed("An endpoint has a public host name; numbers and local names are refused.", field="url")
    return url


class Guarded(AbstractResolver):
    """Asks another resolver, and passes its answer on only when every address in it may be connected to."""

    def __init__(self, asked: AbstractResolver, *, loopback: bool) -> None:
        self._asked, self._loopback = asked, loopback

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """Raises AddressRefused, and whatever the other resolver raises."""
        found = await self._asked.resolve(host, port, family)
        for one in found:
            if not is_public(one["host"]) and not (self._loopback and is_loopback(one["host"])):
                raise AddressRefused("not public")
        return found

    async def close(self) -> None:
        await self._asked.close()
