"""The application, wired once and lent from test to test: what its routes take is worked out again for each new one, for half a second."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI
from starlette.datastructures import State

from ledger_api.app import create_app
from ledger_api.routes.deps import Context

_KEPT = ("metered", "site")  # of the state of an application: the rest belongs to one database
_idle: dict[tuple[float, ...], list[FastAPI]] = {}


@contextmanager
def lent(context: Context) -> Iterator[FastAPI]:
    """As `create_app(context)`; two at once are two. Requests are counted on from test to test."""
    limits = (context.settings.max_body_mebibytes, context.settings.body_patience_seconds)  # wired into the application
    idle = _idle.setdefault(limits, [])
    app = idle.pop() if idle else create_app(context)
    app.state = State({name: getattr(app.state, name) for name in _KEPT if hasattr(app.state, name)} | {"context": context})
    yield app
    idle.append(app)
