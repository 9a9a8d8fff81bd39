"""The CEL engine with the subset switched on: compiling texts over numbered variables, and running them.

Everything here was tried against cel-expr-python 0.1.3, which has five traps. Errors are truthy *values*.
Maps come back in an order that differs between processes. Its checker lets `+` join dynamic texts and
lists whatever the configuration says. A null that is converted to Python takes a reference away from
`None`, and some thousands of them abort the process (on Python 3.11, where `None` is mortal). Functions
hosted in Python keep their arguments and results for ever. So nothing is hosted here, nulls are never
converted, and arithmetic is given numbers only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from cel_expr_python import cel

from policies.cel_values import checked
from policies.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Fetch = Callable[[Mapping[str, object]], object]

MAX_BINDINGS: Final = 256
SORTS: Final = {"d": "DYN", "i": "INT", "f": "DOUBLE", "s": "STRING", "b": "BOOL"}
"""The sorts of variable that the parts of an expression are bound to: `d0`, `d1`, … `i0`, …"""

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
    - {name: "-_", overloads: [{id: negate_int64}, {id: negate_double}]}
    - {name: "_+_", overloads: [{id: add_int64}, {id: add_double}]}
    - {name: "_-_", overloads: [{id: subtract_int64}, {id: subtract_double}]}
    - {name: "_*_", overloads: [{id: multiply_int64}, {id: multiply_double}]}
    - {name: "_/_", overloads: [{id: divide_int64}, {id: divide_double}]}
    - {name: "_%_", overloads: [{id: modulo_int64}]}
"""
_UNBOUND: Final = re.compile(r'No value with name "(\w+)" found')
_STATUS: Final = re.compile(r"^(?:[A-Z_]+: )?(?:ERROR: <input>:-?\d+:-?\d+: )?")
_MISFIT: Final = re.compile(
    r"(?:found no matching overload for '(.+)' applied to '|No matching overloads found : ([^(]+))(.*?)'?$"
)
_OPERATORS: Final = {"_?_:_": "?:", "<jump_condition>": "?:", "_[_]": "[]"}
# What the binding raises for texts that do not compile and for values that it cannot take or give back.
_FAULTS: Final = (RuntimeError, ValueError, TypeError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an expression: its sort (see `SORTS`) and how to compute it from the bindings."""

    sort: str
    fetch: Fetch


@cache
def environment() -> cel.Env:
    """The one environment, made when it is first needed (about 25 ms)."""
    kinds = {sort: getattr(cel.Type, name) for sort, name in SORTS.items()}
    variables = {f"{sort}{number}": kind for sort, kind in kinds.items() for number in range(MAX_BINDINGS)}
    return cel.NewEnv(config=cel.NewEnvConfigFromYaml(_CONFIG), variables=variables)


def compile_text(text: str, bound: Mapping[str, Part]) -> Part:
    """Compile CEL text over numbered variables; `ExpressionError` in our words if it does not compile."""
    try:
        compiled = environment().compile(text)
    except _FAULTS as error:
        raise ExpressionError(_in_our_words(str(error))) from None
    named = {name: sort for sort, name in SORTS.items()}
    parts = tuple((name, part.fetch) for name, part in bound.items())
    return Part(named.get(compiled.return_type().name(), "j"), lambda bindings: _run(compiled, parts, bindings))


def _run(compiled: cel.Expression, parts: tuple[tuple[str, Fetch], ...], bindings: Mapping[str, object]) -> object:
    data: dict[str, object] = {}
    faults: dict[str, ExpressionError] = {}
    for name, fetch in parts:
        try:
            data[name] = checked(fetch(bindings))
        except ExpressionError as error:
            faults[name] = error  # left unbound: `&&`, `||` and `?:` may never ask for it
    try:
        value = compiled.eval(data=data)
        if value.type() == cel.Type.BOOL:
            return value.value()
        if value.type() != cel.Type.ERROR:
            return checked(_taken(value))
        said = str(value.value())
    except _FAULTS as error:
        said = str(error)
    unbound = _UNBOUND.search(said)
    raise faults[unbound[1]] if unbound else ExpressionError(_in_our_words(said))


def _taken(value: cel.Value) -> object:
    """A result as plain data. A null is told by its type: converting it would take a reference from `None`."""
    kind = value.type().name()
    if kind == "NULL":
        return None
    if kind.startswith("LIST"):
        return [_taken(item) for item in value.value()]
    if kind.startswith("MAP"):
        return {key: _taken(item) for key, item in value.value().items()}
    return value.value()


def _in_our_words(message: str) -> str:
    """The engine's first line, without its own names for operators."""
    line = _STATUS.sub("", message.partition("\n")[0])
    if "max recursion depth" in line:
        return "it is nested more than 32 deep, and every `+` or `*` of a row counts"
    misfit = _MISFIT.search(line)
    if misfit is None:  # a key may be a value of the run's, so it is not told
        return line[:1].lower() + line[1:].partition(" : ")[0]
    operator = (misfit[1] or misfit[2]).strip()
    return f"`{_OPERATORS.get(operator) or operator.strip('_@')}` does not take {misfit[3] or 'what it is given'}"
