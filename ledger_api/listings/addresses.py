"""Where a listing is, as browsers write it, and whether its badge is looked at there. Pure."""

from urllib.parse import urlsplit, urlunsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """As browsers write it; empty for what has none."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if not host or parts.scheme not in DEFAULT_PORTS:
        return ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + ("" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}")


def belongs(url: str, asked: str) -> bool:
    """Is this the address of the listing? Only how hosts are written, and what follows `#`, may differ."""
    home = origin_of(asked)
    return home != "" and (home, _within(asked)) == (origin_of(url), _within(url))


def _within(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(("", "", parts.path or "/", parts.query, ""))


def is_at_home(listing_origin: str, *, own: str, origin: str | None, referer: str | None) -> bool:
    """Who shows the picture, as far as a browser says; who says nothing is shown the listing's name to compare."""
    said = [origin] if origin is not None else []
    said += [origin_of(referer)] if referer else []
    return all(one in (listing_origin, origin_of(own)) for one in said)
