"""A key's own connection to the service, kept as a browser keeps it: one that the service closed because it was silent is made anew."""

import http.client
import json
import time
from typing import Any, Self
from urllib.parse import urlsplit

IDLE_SECONDS = 3.0  # the service keeps it for longer; a machine that stood still does not


class Line:
    def __init__(self, url: str, key: str) -> None:
        place = urlsplit(url)
        self._connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=120)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Accept": "application/json"}
        self._asked = 0.0  # monotonic

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if time.monotonic() - self._asked > IDLE_SECONDS:
            self._connection.close()
        was_open = self._connection.sock is not None
        try:
            answer = self._request(method, path, raw)
        except ConnectionError:
            if not was_open:
                raise
            self._connection.close()  # it was closed before this was read
            answer = self._request(method, path, raw)
        told = answer.read()
        self._asked = time.monotonic()
        return answer.status, json.loads(told) if told else None

    def must(self, method: str, path: str, body: Any = None) -> Any:
        status, told = self.ask(method, path, body)
        assert status < 300, (method, path, status, told)
        return told

    def _request(self, method: str, path: str, body: bytes | None) -> http.client.HTTPResponse:
        self._connection.request(method, path, body=body, headers=self._headers)
        return self._connection.getresponse()
