"""Drawings: a tree for a terminal and a Mermaid flowchart that no label can break."""

from __future__ import annotations

from tests.unit.language.documents import EXAMPLE, chain, changed
from workflows.language.compile import compile_graph
from workflows.language.draw import draw_mermaid, draw_text
from workflows.language.yaml import load


def test_it_draws_the_example_as_a_tree() -> None:
    assert draw_text(compile_graph(load(EXAMPLE).data)).splitlines() == [
        "code-review 1.0.0",
        "list  tool fs.glob",
        "split  plan",
        "├─ size(state.files) == 0 → end",
        "├─ else: each file of ${state.files} → read  tool fs.read",
        "│  review  model default",
        "│  ⇥ summarise",
        "└─ join (settle) → summarise  model default",
        "   accept  human: Ship this report?",
        "   ├─ accept → write  tool fs.write",
        "   │  end",
        "   └─ reject → summarise ↑",
    ]


def test_it_draws_every_kind_of_node_and_way() -> None:
    branches = ["one", {"to": "two", "with": {"focus": 1}, "optional": True}]
    drawn = draw_text(compile_graph(changed(nodes__pick__rules__1__fork__branches=branches)))
    for line in (
        "├─ state.note == 'a': fork → one  model default",
        "├─ state.note == 'a': fork (optional) → two  wait 1s",
        "├─ join (all) → ask  human: Well? ${size(results)}",
        "│  judge  validate short, fits, seen",
        "│  ├─ pass → ⇥ done",
        "│  └─ fail → fail",
        "   └─ on failure → rescue  model default",
    ):
        assert line in drawn


def test_it_draws_a_wait_until_a_moment() -> None:
    until = {"kind": "wait", "until": "2030-01-01T00:00:00Z", "next": "end"}
    assert "nap  wait 2030-01-01T00:00:00Z" in draw_text(compile_graph(chain(nap=until)))


def test_it_draws_mermaid() -> None:
    lines = draw_mermaid(compile_graph(load(EXAMPLE).data)).splitlines()
    assert lines[0] == "flowchart TD"
    for line in (
        '    n0["list<br/>tool fs.glob"]',
        '    n1{"split<br/>plan"}',
        '    n7(("end"))',
        '    n1 -->|"size(state.files) #61;#61; 0"| n7',
        '    n1 ==>|"else: each file of #36;#123;state.files#125;"| n2',
        '    n1 -.->|"join (settle)"| n4',
    ):
        assert line in lines
    assert not any("fail" in line for line in lines)


def test_no_text_of_a_graph_can_end_a_label() -> None:
    ask = 'x"] --> n9["<script>alert(1)</script>`|;%%\n#quot;'
    human = {"kind": "human", "ask": ask, "outcomes": ["ok"], "next": "end"}
    drawn = draw_mermaid(compile_graph(chain(ask=human)))
    label = drawn.splitlines()[1].removeprefix('    n0[/"').removesuffix('"/]')
    assert not set(label.replace("<br/>", "")) & set('"<>|`[]{}%\n')
    assert len(label.split("<br/>")) == 2
