"""Pure packages give the same answer on every machine, in every process, at any time."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.tree import PURE, modules, parsed, shown

IMPURE_NAMES = frozenset(
    {"open", "input", "print", "hash", "id", "exec", "eval", "compile", "__import__", "breakpoint"}
)
CLOCK_AND_CHANCE = frozenset({"now", "utcnow", "today", "uuid1", "uuid4", "getnode"})
TEXT_OF_FILES = frozenset({"read_text", "read_bytes", "write_text", "write_bytes"})
STATE_OF_FILES = frozenset({"iterdir", "glob", "rglob", "exists", "is_file", "is_dir", "stat", "cwd", "home"})
IMPURE_METHODS = CLOCK_AND_CHANCE | TEXT_OF_FILES | STATE_OF_FILES
ORDERED = frozenset({"list", "tuple", "enumerate", "iter", "next", "map", "filter", "zip", "join", "chain"})
SETS = frozenset({"set", "frozenset"})


def impurities(tree: ast.Module) -> list[str]:
    """Calls that look at the world, and loops in the order of a set, as `line: what`."""
    found = []
    hashes = {part for node in ast.walk(tree) if _is_hash(node) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node not in hashes:
            found += [f"{node.lineno}: {what}" for what in _call(node)]
        elif isinstance(node, ast.For | ast.comprehension) and _is_set(node.iter):
            found.append(f"{node.iter.lineno}: a loop over a set")
    return sorted(found)


def _is_hash(node: ast.AST) -> bool:
    """A `__hash__` may use what differs between processes: a dictionary's order does not depend on it."""
    return isinstance(node, ast.FunctionDef) and node.name == "__hash__"


def _call(node: ast.Call) -> list[str]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    found = [f"{name}()"] if name in IMPURE_NAMES else []
    found += [f".{method}()"] if method in IMPURE_METHODS else []
    if (name or method) in ORDERED and any(_is_set(argument) for argument in node.args):
        found.append(f"the order of a set, by {name or method}()")
    return found


def _is_set(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
        return _is_set(node.left) or _is_set(node.right)
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(node, ast.Set | ast.SetComp) or (isinstance(called, ast.Name) and called.id in SETS)


def test_pure_packages_do_not_look_at_the_world() -> None:
    assert [f"{shown(path)}:{found}" for path in modules(*PURE) for found in impurities(parsed(path))] == []


@pytest.mark.parametrize(
    "source",
    [
        "datetime.now(UTC)",
        "open('x')",
        "Path('x').read_text()",
        "hash(name)",
        "for x in {1, 2}: ...",
        "[x for x in set(a) - b]",
        "list(frozenset(a))",
        "', '.join({a for a in b})",
    ],
)
def test_an_impurity_is_seen(source: str) -> None:
    assert impurities(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "for x in sorted(set(a)): ...",
        "datetime.fromisoformat(x)",
        "x in {1, 2}",
        "len(set(a))",
        "def __hash__(self): return hash(self.digest)",
    ],
)
def test_what_is_pure_passes(source: str) -> None:
    assert impurities(ast.parse(source)) == []
