"""The law of canonical text: what a tree prints parses to an equal tree."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from scappy.fields import FIELDS, FieldUse, lookup
from scappy.filters import (
    And,
    Check,
    FieldOperand,
    ListOperand,
    Literal,
    Modifier,
    Node,
    Not,
    Operand,
    Operator,
    Or,
    Transformer,
    TransformerArgument,
    Val,
    check_types,
    checks,
    parse,
)
from scappy.filters.tree import TRANSFORMERS

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
INDEXES = st.integers(0, 2**31 - 1)


def use_of(name: str, argument: str | int) -> FieldUse:
    """The use of a field with an argument in brackets, quoted if it is text."""
    if isinstance(argument, int):
        return lookup(f"{name}[{argument}]")
    quoted = argument.replace("\\", "\\\\").replace('"', '\\"')
    return lookup(f'{name}["{quoted}"]')


FIELD_USES: st.SearchStrategy[FieldUse] = st.one_of(
    st.sampled_from(
        [
            field.name
            for field in FIELDS.values()
            # What is behind addresses repeats names of others, too many for Hypothesis to show.
            if not (field.argument and field.argument.required) and not re.match(r"k8s\.(client|server)\.", field.name)
        ]
    ).map(lookup),
    st.sampled_from(["evt.arg.flags", "evt.rawarg.res", "evt.type.is.open", "evt.abspath.src", "span.arg.x"]).map(
        lookup
    ),
    st.builds(
        use_of, st.sampled_from(["evt.arg", "evt.around", "proc.aname", "container.mount", "proc.aenv"]), INDEXES
    ),
    st.builds(use_of, st.just("span.tag"), st.integers(-(2**31), 2**31 - 1)),
    st.builds(use_of, st.sampled_from(["proc.env", "thread.cgroup", "k8s.pod.label", "container.mount.dest"]), NAMES),
)
FIELDS_ALONE = st.builds(FieldOperand, FIELD_USES)
LITERALS = st.builds(
    Literal,
    st.binary(max_size=8)
    | st.text(max_size=8).map(lambda text: text.encode("utf-8", "replace"))
    | st.sampled_from(
        [b"<", b">", b"<=", b"and", b"not", b"anyof", b"len(x)", b"a,b", b"a=b", b"\\x41", b"\\\\", b"'"]
    ),
)
SELECTORS = st.none() | st.sampled_from("abcXYZ0")


def transformers(arguments: st.SearchStrategy[TransformerArgument]) -> st.SearchStrategy[TransformerArgument]:
    """Transformers and lists of given arguments."""
    several = st.lists(arguments, max_size=3).map(tuple)
    return st.builds(Transformer, st.sampled_from(TRANSFORMERS), several, SELECTORS) | st.builds(ListOperand, several)


ARGUMENTS = st.recursive(FIELDS_ALONE | LITERALS, transformers, max_leaves=5)
TRANSFORMED = st.builds(
    Transformer, st.sampled_from(TRANSFORMERS), st.lists(ARGUMENTS, max_size=3).map(tuple), SELECTORS
)
OPERANDS: st.SearchStrategy[Operand] = FIELDS_ALONE | TRANSFORMED
RIGHT_FIELDS = TRANSFORMED | st.builds(Val, FIELDS_ALONE)
LISTS = st.lists(LITERALS, max_size=4).map(tuple)

WITH_LIST = [operator for operator in Operator if operator.takes_list]
WITH_VALUE = [operator for operator in Operator if not operator.takes_list and operator is not Operator.EXISTS]
WITH_MODIFIER = [operator for operator in WITH_VALUE if operator.value not in ("<", "<=", ">", ">=")]

CHECKS: st.SearchStrategy[Node] = st.one_of(
    st.builds(Check, OPERANDS, st.just(Operator.EXISTS)),
    st.builds(Check, OPERANDS, st.sampled_from(WITH_VALUE), st.tuples(LITERALS)),
    st.builds(Check, OPERANDS, st.sampled_from(WITH_LIST), LISTS),
    st.builds(Check, OPERANDS, st.sampled_from(WITH_MODIFIER), LISTS, st.sampled_from(Modifier)),
    st.builds(Check, OPERANDS, st.sampled_from(WITH_VALUE + WITH_LIST), RIGHT_FIELDS),
)


def combinations(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """And, or and not of given nodes."""
    items = st.lists(nodes, min_size=2, max_size=4).map(tuple)
    return st.builds(And, items) | st.builds(Or, items) | st.builds(Not, nodes)


TREES = st.recursive(CHECKS, combinations, max_leaves=8)


@given(TREES)
def test_canonical_text_parses_to_the_same_tree(tree: Node) -> None:
    text = str(tree)
    parsed = parse(text)
    assert parsed == tree
    assert str(parsed) == text


@given(LITERALS, st.sampled_from(WITH_VALUE))
def test_values_survive(literal: Literal, operator: Operator) -> None:
    tree = parse(f"proc.name {operator.value} {literal}")
    assert isinstance(tree, Check)
    assert tree.right == (literal,)


@given(LITERALS)
def test_canonical_text_can_be_shown(literal: Literal) -> None:
    assert str(literal).isprintable()


@given(st.lists(st.sampled_from(["evt.dir=<", "fd.num in (1,2)", "not proc.name=a"]), min_size=1, max_size=6))
def test_typed_trees_equal_untyped_ones(parts: list[str]) -> None:
    text = " and ".join(parts)
    tree = parse(text)
    typed = check_types(tree, text)
    assert typed == tree
    assert str(typed) == str(tree)
    assert all(check.type and len(check.values) > 0 for check in checks(typed))
