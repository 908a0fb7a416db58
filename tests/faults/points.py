"""Every point at which a worker or an indexer may die, read from their code: nothing in the product speaks of them.

A site is a place in the rooms `outbox` and `indexer` that has an effect on the world, with a point before and one after it:

    commit   a `with writing(…)`: before its commit, after it
    sign     a key signs
    ask      a request to a node, directly or by a function of `chain` that asks
    cursor   the indexer's cursor is written (inside its commit)

A point is named `outbox.lane:Lane.send:ask#1:before`: module, function, effect, its number in that function, side. `site_at` finds
the site of a running frame by its line, so that the process that dies and the list that is checked can never disagree. What asks,
signs or commits in these rooms and is no listed site is an error (`Unlisted`): a new way to do it cannot be overlooked.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent / "ledger_api"
ROOMS = ("outbox", "indexer")
NAIVE = Path(__file__).resolve().parent / "naive.py"  # dies under the same rules, and is no part of the product
SIDES = ("before", "after")
_NODE_METHODS = frozenset({"call", "ask", "batch"})


class Unlisted(AssertionError):
    """Something happened in a room at a place that is no site."""


@dataclass(frozen=True, slots=True)
class Site:
    """One place; `first` and `last` are the lines of its expression, `from_line` and `to_line` those of its statement."""

    module: str
    function: str
    effect: str
    number: int
    first: int
    last: int
    from_line: int
    to_line: int

    @property
    def name(self) -> str:
        return f"{self.module}:{self.function}:{self.effect}#{self.number}"

    @property
    def points(self) -> tuple[str, str]:
        return f"{self.name}:before", f"{self.name}:after"


@cache
def sites() -> tuple[Site, ...]:
    """All of them, in the order of the files."""
    found: list[Site] = []
    for room in ROOMS:
        for path in sorted((ROOT / room).glob("*.py")):
            found += _sites_of(path)
    return tuple(found)


def points() -> list[str]:
    return [point for site in sites() for point in site.points]


@cache
def naive_sites() -> tuple[Site, ...]:
    return tuple(_sites_of(NAIVE))


@cache
def _by_module() -> dict[str, list[Site]]:
    by_module: dict[str, list[Site]] = {}
    for site in (*sites(), *naive_sites()):
        by_module.setdefault(site.module, []).append(site)
    return by_module


def module_of(filename: str) -> str | None:
    """`outbox.lane` for a file of a room, None for any other."""
    path = Path(filename)
    if path == NAIVE:
        return "faults.naive"
    if path.parent.name not in ROOMS or path.parent.parent != ROOT:
        return None
    return f"{path.parent.name}.{path.stem}"


@cache
def site_at(filename: str, line: int, effect: str) -> Site:
    """The site of a frame in a room.

    Raises:
        Unlisted: there is none.
    """
    module = module_of(filename)
    around = [site for site in _by_module().get(module or "", ()) if site.effect == effect and site.from_line <= line <= site.to_line]
    exact = [site for site in around if site.first <= line <= site.last]
    if not around:
        raise Unlisted(f"{filename}:{line} does `{effect}` and is not listed by tests/faults/points.py")
    return min(exact or around, key=lambda site: site.to_line - site.from_line)


# --- reading the code


def _sites_of(path: Path) -> list[Site]:
    tree = ast.parse(path.read_text())
    module = f"{path.parent.name}.{path.stem}"
    imported = _imported_modules(tree)
    counts: dict[tuple[str, str], int] = {}
    found: list[Site] = []
    for function, statement, node in _nodes(tree):
        effect = _effect(node, imported)
        if effect is None:
            continue
        if any(site.function == function and site.effect == effect and site.first == node.lineno for site in found):
            continue  # two on one line are one
        number = counts[function, effect] = counts.get((function, effect), 0) + 1
        last = node.end_lineno or node.lineno
        to_line = max(last, _end_of_head(statement))
        found.append(Site(module, function, effect, number, node.lineno, last, statement.lineno, to_line))
    return found


_Found = tuple[str, ast.stmt, ast.expr]


def _nodes(tree: ast.Module) -> list[_Found]:
    """(function, innermost statement, expression) of every expression inside functions, in the order of lines."""
    return sorted(_walk(tree, (), False, None), key=lambda found: (found[2].lineno, found[2].col_offset))


def _walk(node: ast.AST, names: tuple[str, ...], is_inside: bool, statement: ast.stmt | None) -> Iterator[_Found]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _walk(child, (*names, child.name), is_inside or not isinstance(child, ast.ClassDef), child)
            continue
        inner = child if isinstance(child, ast.stmt) else statement
        if isinstance(child, ast.expr) and is_inside and inner is not None:
            yield ".".join(names), inner, child
        yield from _walk(child, names, is_inside, inner)


def _end_of_head(statement: ast.stmt) -> int:
    """The last line of a statement without its block."""
    body = getattr(statement, "body", None)
    if body:
        return max(statement.lineno, body[0].lineno - 1)
    return statement.end_lineno or statement.lineno


def _effect(node: ast.expr, imported: frozenset[str]) -> str | None:
    if isinstance(node, ast.Attribute) and node.attr == "sign" and not _is_module(node.value, imported):
        return "sign"  # called here, or handed to what calls it
    if not isinstance(node, ast.Call):
        return None
    match node.func:
        case ast.Name(id="writing"):
            return "commit"
        case ast.Name(id=name) if name in _asking().functions:
            return "ask"
        case ast.Attribute(attr="write_cursor"):
            return "cursor"
        case ast.Attribute(value=receiver, attr=attr) if attr in _NODE_METHODS and _last_name(receiver) in ("node", "_node"):
            return "ask"
        case ast.Attribute(value=receiver, attr=attr) if attr in _asking().methods and not _is_module(receiver, imported):
            return "ask"
    return None


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _is_module(node: ast.expr, imported: frozenset[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in imported


def _imported_modules(tree: ast.Module) -> frozenset[str]:
    found = set[str]()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class _Asking:
    functions: frozenset[str]
    methods: frozenset[str]


@cache
def _asking() -> _Asking:
    """What in `chain` asks a node, by itself or by calling what does."""
    functions: dict[str, ast.AST] = {}
    methods: dict[str, ast.AST] = {}
    for path in sorted((ROOT / "chain").glob("*.py")):
        if path.stem == "rpc":
            continue  # the node itself
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef):
                functions[node.name] = node
            if isinstance(node, ast.ClassDef):
                methods |= {child.name: child for child in node.body if isinstance(child, ast.FunctionDef)}
    known = _Asking(frozenset(), frozenset())
    while True:
        more = _Asking(
            frozenset(name for name, node in functions.items() if _asks(node, known)),
            frozenset(name for name, node in methods.items() if _asks(node, known)),
        )
        if more == known:
            return known
        known = more


def _asks(function: ast.AST, known: _Asking) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in _NODE_METHODS and _last_name(node.func.value) in ("node", "_node"):
                return True
            if node.func.attr in known.methods and isinstance(node.func.value, ast.Name) and node.func.value.id == "self":
                return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in known.functions:
            return True
    return False
