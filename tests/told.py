"""What a page of the docs tells to call, as it stands in its blocks, and whether somebody really called it and was answered so.

    POST /v1/bookings
    {"reference": "O-7", …}             the body, whole: its members are those that were sent
    201 {"state":"inviting",…}          the answer, shortened with `…`: what is shown was answered

    $ curl -s $URL/v1/bookings -d '{"reference": "O-7", …}'     a command, which `tried` sends
    {"state":"inviting",…}                                     and the answer

`{name}` in a path stands for any name. Words such as `book-verification` were answered to the letter; other text only in its kind.
"""

import argparse
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

import httpx

from tests.living import Exchange

_CALL = re.compile(r"^(GET|POST|PUT|DELETE) (/\S+)\n((?:[ {].*\n)*)(?:(\d{3}) (\S.*\n(?: .*\n)*))?", re.MULTILINE)
_COMMAND = re.compile(r"^\$ (curl .*(?:\n {4}.*)*)\n(\{.*\n(?: .*\n)*)", re.MULTILINE)
_LEFT_OUT = re.compile(r",?\s*…(?=[\]}])")
_WORD = re.compile(r"[a-z]+(-[a-z]+)*")


@dataclass(frozen=True)
class Told:
    method: str
    path: str
    body: Any
    status: int | None
    answer: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def is_of(self, made: Exchange) -> bool:
        return self.method == made.method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", self.path), made.path) is not None

    def was_made(self, made: Exchange) -> bool:
        if not self.is_of(made) or self.status not in (None, made.status):
            return False
        has_body = self.body is None or _members(self.body) == _members(json.loads(made.body))
        return has_body and (self.answer is None or _is_shown(self.answer, json.loads(made.answer)))


def told_in(page: str) -> Iterator[Told]:
    for method, path, body, status, answer in _CALL.findall(page):
        shown = json.loads(_LEFT_OUT.sub("", answer)) if answer else None
        yield Told(method, path.partition("?")[0], json.loads(body) if body else None, int(status) if status else None, shown)


def tried(page: str, names: Mapping[str, str]) -> Iterator[tuple[str, bool, str]]:
    """The commands of a page, sent one after another: command, whether it was answered as shown, its answer. `names`: $URL, keys."""
    for command, shown in _COMMAND.findall(page):
        answer = _curl(Template(command).substitute(names))
        yield command, answer.is_success and _is_shown(json.loads(_LEFT_OUT.sub("", shown)), answer.json()), answer.text


def _curl(command: str) -> httpx.Response:
    reader = argparse.ArgumentParser()
    reader.add_argument("-s", action="store_true")
    reader.add_argument("-X")
    reader.add_argument("-H", action="append", default=[])
    reader.add_argument("-d")
    reader.add_argument("url")
    asked = reader.parse_args(shlex.split(command)[1:])
    headers = dict(header.split(": ", 1) for header in asked.H)
    return httpx.request(asked.X or ("POST" if asked.d else "GET"), asked.url, headers=headers, content=asked.d)


def _members(said: Any) -> Any:
    return {name: _members(value) for name, value in said.items()} if isinstance(said, dict) else None


def _is_shown(shown: Any, answered: Any) -> bool:
    match shown, answered:
        case dict(), dict():
            return all(name in answered and _is_shown(value, answered[name]) for name, value in shown.items())
        case list(), list():
            return all(any(_is_shown(value, one) for one in answered) for value in shown)
        case str(), str():
            return shown == answered or not _WORD.fullmatch(shown)
        case ((int() | float() | None), _):
            return type(shown) is type(answered)
    return False
