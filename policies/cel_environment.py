"""The CEL engine with the subset switched on: what it knows, and our functions hosted in it.

Everything here was tried against cel-expr-python 0.1.3. Errors are truthy *values* in that engine, its
maps come back in an order that differs between processes, and its checker lets `+` concatenate dynamic
texts and lists whatever the configuration says. `policies.expressions` guards against all three.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from cel_expr_python import cel

from policies import cel_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_BINDINGS: Final = 256
NUMBER: Final = "_number"
"""The name of the guard that lets numbers through and stops everything else, infinities among it."""

_CONFIG: Final = """
name: detent
stdlib:
  exclude_macros: [all, exists, exists_one, map, filter]
  include_functions:
    - {name: "_&&_"}
    - {name: "_||_"}
    - {name: "!_"}
    - {name: "_==_"}
    - {name: "_!=_"}
    - {name: "_<_"}
    - {name: "_<=_"}
    - {name: "_>_"}
    - {name: "_>=_"}
    - {name: "@in"}
    - {name: "_?_:_"}
    - {name: "_[_]"}
    - {name: startsWith}
    - {name: endsWith}
    - {name: contains}
    - {name: size}
    - {name: "-_", overloads: [{id: negate_int64}, {id: negate_double}]}
    - {name: "_+_", overloads: [{id: add_int64}, {id: add_double}]}
    - {name: "_-_", overloads: [{id: subtract_int64}, {id: subtract_double}]}
    - {name: "_*_", overloads: [{id: multiply_int64}, {id: multiply_double}]}
    - {name: "_/_", overloads: [{id: divide_int64}, {id: divide_double}]}
    - {name: "_%_", overloads: [{id: modulo_int64}]}
"""
SORTS: Final = {"d": "DYN", "i": "INT", "s": "STRING", "b": "BOOL"}
"""The sorts of variable that an expression's hoisted parts are bound to: `d0`, `d1`, … `i0`, …"""


@cache
def environment() -> cel.Env:
    """The one environment, made when it is first needed (about 25 ms)."""
    kinds = {sort: getattr(cel.Type, name) for sort, name in SORTS.items()}
    variables = {f"{sort}{number}": kind for sort, kind in kinds.items() for number in range(MAX_BINDINGS)}
    return cel.NewEnv(config=cel.NewEnvConfigFromYaml(_CONFIG), variables=variables, functions=_functions())


def _functions() -> list[cel.FunctionDecl]:
    """Our functions, one overload per kind of argument: a parameter of type DYN never matches."""
    kind = cel.Type
    every = {
        "null": kind.NULL,
        "bool": kind.BOOL,
        "int": kind.INT,
        "double": kind.DOUBLE,
        "string": kind.STRING,
        "list": kind.LIST,
        "map": kind.MAP,
    }
    number = {"int": kind.INT, "double": kind.DOUBLE}
    containers = {"null": kind.NULL, "map": kind.MAP}
    return [
        _declare(NUMBER, cel_values.checked_number, {name: (one, (one,)) for name, one in number.items()}),
        _declare("json", cel_values.to_json, {name: (kind.STRING, (one,)) for name, one in every.items()}),
        _declare("join", cel_values.join, {"list": (kind.STRING, (kind.LIST, kind.STRING))}),
        _declare(
            "count",
            cel_values.count,
            {name: (kind.INT, (kind.LIST, kind.STRING, one)) for name, one in every.items()},
        ),
        _declare(
            "get",
            cel_values.get,
            {
                f"{first}_{name}": (kind.DYN, (container, kind.STRING, one))
                for first, container in containers.items()
                for name, one in every.items()
            },
        ),
    ]


def _declare(
    name: str, function: Callable[..., object], overloads: Mapping[str, tuple[cel.Type, tuple[cel.Type, ...]]]
) -> cel.FunctionDecl:
    return cel.FunctionDecl(
        name,
        [
            cel.Overload(f"{name}_{suffix}", result, list(takes), is_member=False, impl=function)
            for suffix, (result, takes) in overloads.items()
        ],
    )
