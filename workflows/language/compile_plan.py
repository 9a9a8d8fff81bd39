"""Makes a plan's compiled rules, with the scopes that they open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.language import graph as compiled
from workflows.language.expressions import compile_condition, compile_template
from workflows.language.spec_values import BranchSpec

if TYPE_CHECKING:
    from typing import Literal

    from workflows.language.expressions import Template
    from workflows.language.spec_values import ForkSpec, MapSpec, Mode, RuleSpec


def template_or_none(value: object) -> Template | None:
    """The compiled template, null for null."""
    return None if value is None else compile_template(value)


def compile_rule(rule: RuleSpec) -> compiled.Rule:
    """One rule of a valid plan."""
    return compiled.Rule(
        when=None if rule.when is None else compile_condition(rule.when),
        to=rule.to,
        fork=None if rule.fork is None else _fork(rule.fork),
        map=None if rule.map is None else _map(rule.map),
    )


def _mode(mode: Mode) -> Literal["all", "settle"]:
    assert mode in ("all", "settle"), "the other modes do not run yet, so they are never valid"
    return mode


def _fork(fork: ForkSpec) -> compiled.Fork:
    value = template_or_none(fork.value)
    return compiled.Fork(
        branches=tuple(_branch(branch, value) for branch in fork.branches),
        join=fork.join,
        mode=_mode(fork.mode),
        max_concurrency=fork.max_concurrency,
    )


def _branch(branch: str | BranchSpec, value: Template | None) -> compiled.Branch:
    if not isinstance(branch, BranchSpec):
        return compiled.Branch(branch, (), optional=False, value=value)
    bind = tuple((name, compile_template(item)) for name, item in branch.with_.items())
    return compiled.Branch(branch.to, bind, branch.optional, value)


def _map(opened: MapSpec) -> compiled.Map:
    return compiled.Map(
        over=compile_template(opened.over),
        name=opened.as_,
        to=opened.to,
        join=opened.join,
        mode=_mode(opened.mode),
        max_concurrency=opened.max_concurrency,
        value=template_or_none(opened.value),
    )
