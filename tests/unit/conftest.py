"""Unit tests meet no network: a socket is an error here."""

import socket
from typing import NoReturn

import pytest


@pytest.fixture(autouse=True)
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise RuntimeError("unit tests open no sockets")

    for call in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, call, refuse)
