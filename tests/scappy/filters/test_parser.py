"""The grammar: what a text is parsed into, what is refused, and where errors point."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scapcore.errors import FilterError, MissingDependencyError
from scappy.fields import lookup
from scappy.filters import (
    And,
    Check,
    FieldOperand,
    FilterNames,
    Literal,
    Modifier,
    Node,
    Not,
    Operator,
    Or,
    Transformer,
    Val,
    field_uses,
    load_filter_file,
    parse,
    parse_filter,
)
from scappy.filters.parser import DEEPEST


def field(text: str) -> FieldOperand:
    """The operand that a field name is parsed into."""
    return FieldOperand(lookup(text))


def equal(name: str, value: str) -> Check:
    """The check ``name = value``."""
    return Check(field(name), Operator.EQ, (Literal(value.encode()),))


A, B, C, D = (equal("proc.name", letter) for letter in "abcd")


def letters(text: str) -> str:
    """Filter text for a pattern of the letters A to D."""
    return re.sub("[ABCD]", lambda letter: f"proc.name={letter.group().lower()}", text)


@pytest.mark.parametrize(
    ("pattern", "tree"),
    [
        ("A", A),
        ("(A)", A),
        ("((A))", A),
        ("A or B and C", Or((A, And((B, C))))),
        ("A and B or C", Or((And((A, B)), C))),
        ("A or B or C", Or((A, B, C))),
        ("A and B and C", And((A, B, C))),
        ("A and (B and C)", And((A, And((B, C))))),
        ("not A and B", And((Not(A), B))),
        ("not (A or B)", Not(Or((A, B)))),
        ("not(A)", Not(A)),
        ("not not A", A),
        ("not not not A", Not(A)),
        ("not (not A)", Not(Not(A))),
        ("A and (B or C) and not D", And((A, Or((B, C)), Not(D)))),
        ("(A)and(B)or(C)", Or((And((A, B)), C))),
        ("(A )and( B)", And((A, B))),
        (" \t\n\r\v\fA \t and\n B ", And((A, B))),
        ("A or not B", Or((A, Not(B)))),
    ],
)
def test_precedence(pattern: str, tree: Node) -> None:
    assert parse(letters(pattern)) == tree


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
def test_empty_filter_is_everything(text: str) -> None:
    tree = parse_filter(text)
    assert tree == And(())
    assert str(tree) == ""


@pytest.mark.parametrize(
    ("text", "operator"),
    [
        *((f"proc.name {operator.value} x", operator) for operator in Operator if not operator.takes_list),
        ("proc.name == x", Operator.EQ),
        ("proc.name=x", Operator.EQ),
        ("proc.name==x", Operator.EQ),
        ("proc.name!=x", Operator.NE),
        ("proc.name<=x", Operator.LE),
        ("proc.name>=x", Operator.GE),
        ("proc.name in(x)", Operator.IN),
        ("proc.name intersects (x)", Operator.INTERSECTS),
        ("proc.name pmatch (x)", Operator.PMATCH),
    ],
)
def test_operators(text: str, operator: Operator) -> None:
    if operator is Operator.EXISTS:
        text = "proc.name exists"
    tree = parse(text)
    assert isinstance(tree, Check)
    assert tree.operator is operator
    assert tree.right == (() if operator is Operator.EXISTS else (Literal(b"x"),))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("abc", b"abc"),
        (">", b">"),
        ("<", b"<"),
        (">=", b">="),
        ("a=b", b"a=b"),
        ("a,b", b"a,b"),
        ('a"b', b'a"b'),
        ("it's", b"it's"),
        ("and", b"and"),
        ("anyof", b"anyof"),
        ("", b""),
        ("   ", b""),
        ("\\x41\\x7e", b"A~"),
        ("\\xde\\xAD", b"\xde\xad"),
        ("\\xZZ", b"\\xZZ"),
        ("a\\\\b", b"a\\b"),
        ('a\\"b', b'a"b'),
        ("a\\nb", b"a\\nb"),
        ("a\\", b"a\\"),
        ("é", "é".encode()),
        ("\udcff", b"\xff"),
        ('""', b""),
        ("''", b""),
        ('"a b"', b"a b"),
        ("'a b'", b"a b"),
        ('"it\'s (a)"', b"it's (a)"),
        ("'say \"x\"'", b'say "x"'),
        ('"a\\"b"', b'a"b'),
        ("'a\\'b'", b"a'b"),
        ("'a\\\"b'", b'a"b'),
        ('"\\b\\f\\n\\r\\t\\/\\\\"', b"\b\f\n\r\t/\\"),
        ('"\\x00\\xff"', b"\x00\xff"),
        ('"a\\ b"', b"a\\b"),
        ('"a\\qb"', b"a\\qb"),
        ('"a\\\'b"', b"a\\'b"),
        ('"len(x)"', b"len(x)"),
    ],
)
def test_values(written: str, value: bytes) -> None:
    tree = parse(f"proc.name={written}")
    assert isinstance(tree, Check)
    assert tree.right == (Literal(value),)


def test_bare_values_have_no_escapes_after_newer_operators() -> None:
    for operator in ("regex", "iglob"):
        tree = parse(f"proc.name {operator} a\\\\b\\x41")
        assert isinstance(tree, Check)
        assert tree.right == (Literal(b"a\\\\b\\x41"),)


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("()", []),
        ("( )", []),
        ("(a)", [b"a"]),
        ("(a,b)", [b"a", b"b"]),
        ("( a , 'b c' ,\"d\")", [b"a", b"b c", b"d"]),
        ("(a,)", [b"a", b""]),
        ("(,)", [b"", b""]),
        ("(>,<)", [b">", b"<"]),
        ("(a=b,c)", [b"a=b", b"c"]),
        ("(\\x41)", [b"A"]),
    ],
)
def test_lists(written: str, values: list[bytes]) -> None:
    tree = parse(f"proc.name in {written}")
    assert isinstance(tree, Check)
    assert tree.right == tuple(Literal(value) for value in values)


def test_modifiers() -> None:
    tree = parse("proc.name startswith anyof (a, b)")
    assert tree == Check(field("proc.name"), Operator.STARTSWITH, (Literal(b"a"), Literal(b"b")), Modifier.ANYOF)
    assert parse("proc.name = allof()") == Check(field("proc.name"), Operator.EQ, (), Modifier.ALLOF)
    assert parse("proc.name != oneof (1)") != parse("proc.name != anyof (1)")


def test_transformers_and_val() -> None:
    assert parse("tolower(basename( proc.exepath ))=bash") == Check(
        Transformer("tolower", (Transformer("basename", (field("proc.exepath"),)),)), Operator.EQ, (Literal(b"bash"),)
    )
    assert parse("fd.rip = val(fd.lip)") == Check(field("fd.rip"), Operator.EQ, Val(field("fd.lip")))
    tree = parse("proc.name in tolower (proc.pname)")
    assert tree == Check(field("proc.name"), Operator.IN, Transformer("tolower", (field("proc.pname"),)))
    text = 'join(",", (proc.name, "x", len(proc.args))) = val(proc.cmdline)'
    assert str(parse(text)) == text
    assert [use.name for use in field_uses(parse(text))] == ["proc.name", "proc.args", "proc.cmdline"]
    tree = parse('getopt((proc.args[0], proc.args[1]), "ab:")["b"] exists')
    assert isinstance(tree, Check)
    assert isinstance(tree.left, Transformer)
    assert tree.left.selector == "b"


def test_positions() -> None:
    tree = parse("evt.dir=< and proc.name in (a, 'b c')")
    assert isinstance(tree, And)
    first, second = tree.items
    assert isinstance(first, Check)
    assert isinstance(second, Check)
    assert (first.position, first.operator_position, second.position, second.operator_position) == (0, 7, 14, 24)
    assert isinstance(second.right, tuple)
    assert [literal.position for literal in second.right] == [28, 31]
    assert (second.field_name, second.argument) == ("proc.name", None)


@pytest.mark.parametrize(
    ("text", "position", "message", "suggestion"),
    [
        ("proc.nme=a", 0, "unknown field proc.nme", "proc.name"),
        ("evt.dir=< and proc.nme=a", 14, "unknown field proc.nme", "proc.name"),
        ("name=a", 0, "unknown field name", "proc.name"),
        ("evt.arg.flag=a", 8, "unknown event argument flag", "evt.arg.flags"),
        ("proc.aname.2=a", 10, "proc.aname[0]", None),
        ("proc.env[a b]=a", 8, "this bracket is not closed", "quote"),
        ("proc.name", 9, "an operator is expected after proc.name", "proc.name exists"),
        ("proc.name and evt.dir=<", 10, "an operator is expected", "exists"),
        ("proc.name contans a", 10, "unknown operator contans", "contains"),
        ("proc.name containsx", 10, "unknown operator containsx", "contains"),
        ("proc.name ~ a", 10, "an operator is expected", None),
        ("proc.name=a b", 12, "and, or or the end", "quoted"),
        ("proc.name=a && proc.name=b", 12, "and, or or the end", "did you mean and?"),
        ("proc.name=a || proc.name=b", 12, "and, or or the end", "did you mean or?"),
        ("proc.name=a AND proc.name=b", 12, "unknown word AND", "did you mean and?"),
        ('proc.name="a"and"b"', 13, "must follow and", None),
        ("proc.name=a )", 12, "this bracket closes nothing", None),
        ("(proc.name=a", 0, "this bracket is not closed", None),
        ("(proc.name=a b)", 13, "and, or or the end", None),
        ("proc.name=a and", 15, "a check is expected", None),
        ("and proc.name=a", 0, "a check is expected, not and", None),
        ("proc.name=a or or proc.name=b", 15, "a check is expected, not or", None),
        ("not", 3, "a check is expected", None),
        ("()", 1, "a field is expected, not )", None),
        ("= a", 0, "a field is expected, not =", None),
        ('"proc.name"=a', 0, 'a field is expected, not "', None),
        ('proc.name="a', 10, "this quote is not closed", None),
        ('proc.name="a\\', 10, "this quote is not closed", None),
        ("proc.name=\"a'", 10, "this quote is not closed", None),
        ('proc.name="a\\x4"', 12, "two hexadecimal digits", None),
        ("proc.name=(a)", 10, "a value is expected after =", "list"),
        ("proc.name in a", 13, "expected '(' after in", None),
        ("proc.name in", 12, "expected '(' after in", None),
        ("proc.name in (a", 13, "this list is not closed", None),
        ("proc.name in (a b)", 16, "a comma or the end of the list", "quote"),
        ("lenn(proc.name) = 1", 0, "unknown transformer lenn", "len"),
        ("len(proc.name = 1", 14, "a comma or ')'", None),
        ("len(proc.name", 3, "this bracket is not closed", None),
        ("len(val(proc.name)) = 1", 4, "val() cannot stand within", None),
        ("fd.rip = val(fd.lip = 1", 20, "expected ')'", None),
        ("proc.name=\ud800", 10, "cannot be written as UTF-8", None),
        ("not_a_macro", 0, "unknown field not_a_macro", None),
    ],
)
def test_errors_point_at_the_place(text: str, position: int, message: str, suggestion: str | None) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    error = caught.value
    assert message in error.message
    assert error.position == position
    assert error.text == text
    if suggestion is not None:
        assert error.suggestion is not None
        assert suggestion in error.suggestion
    lines = str(error).splitlines()
    assert lines[-1] == "  " + " " * position + "^"


def test_nesting_is_limited() -> None:
    deep = "(" * DEEPEST + "proc.name=a" + ")" * DEEPEST
    assert parse(deep) == A
    with pytest.raises(FilterError, match="nested more than"):
        parse(f"({deep})")
    with pytest.raises(FilterError, match="nested more than"):
        parse("(" * 100_000)
    with pytest.raises(FilterError, match="nested more than"):
        parse("len(" * 100_000)
    assert isinstance(parse("not " * 100_001 + "proc.name=a"), Not)


@given(st.text(alphabet="evt.dirprocnam=<>!()\"'\\x41, \tandort[]0", max_size=40) | st.text(max_size=30))
def test_nothing_but_filter_errors(text: str) -> None:
    for start in ("", "proc.name=", "proc.name in (", "not (", "len(", "evt.arg["):
        try:
            parse_filter(start + text)
        except FilterError as error:
            assert 0 <= error.position <= len(start + text)


NAMES = FilterNames(
    {"shells": ("sh", "bash"), "all": ("shells", "vi", '"shells"', "a b"), "none": ()},
    {
        "shell": "proc.name in (shells)",
        "opened": "evt.type=open or evt.type=openat",
        "both": "shell and opened",
        "broken": "shell and proc.nme=a",
        "nested": "not broken",
        "loop": "proc.name=a or pool",
        "pool": "not loop",
        "empty": " ",
    },
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("proc.name in (shells)", "proc.name in (sh, bash)"),
        ("proc.name in shells", "proc.name in (sh, bash)"),
        ("proc.name in ( shells , zsh)", "proc.name in (sh, bash, zsh)"),
        ('proc.name in ("shells", zsh)', "proc.name in (shells, zsh)"),
        ("proc.name in (all)", 'proc.name in (sh, bash, vi, shells, "a b")'),
        ("proc.name in none", "proc.name in ()"),
        ("fd.name pmatch (shells)", "fd.name pmatch (sh, bash)"),
        ("proc.name startswith anyof (shells)", "proc.name startswith anyof (sh, bash)"),
        ("proc.name = shells", "proc.name = shells"),
        ("shell", "proc.name in (sh, bash)"),
        ("not shell", "not proc.name in (sh, bash)"),
        ("not opened", "not (evt.type = open or evt.type = openat)"),
        ("shell and opened", "proc.name in (sh, bash) and (evt.type = open or evt.type = openat)"),
        ("(both)", "proc.name in (sh, bash) and (evt.type = open or evt.type = openat)"),
    ],
)
def test_lists_and_macros(text: str, canonical: str) -> None:
    assert str(parse_filter(text, NAMES)) == canonical


def test_checks_of_a_macro_are_placed_where_it_is_used() -> None:
    tree = parse("evt.dir=< and shell", NAMES)
    assert isinstance(tree, And)
    check = tree.items[1]
    assert isinstance(check, Check)
    assert isinstance(check.right, tuple)
    assert (check.position, check.right[0].position) == (14, 14)


@pytest.mark.parametrize(
    ("text", "message", "position", "shown"),
    [
        ("broken", "in macro broken: unknown field proc.nme", 10, "shell and proc.nme=a"),
        ("evt.dir=< and nested", "in macro broken: unknown field proc.nme", 10, "shell and proc.nme=a"),
        ("loop", "in macro pool: the macro loop contains itself: loop → pool → loop", 4, "not loop"),
        ("not empty", "the macro empty is empty", 4, "not empty"),
        ("shel", "unknown field or macro shel", 0, "shel"),
        ("proc.name in shels", "there is no list shels", 13, "proc.name in shels"),
    ],
)
def test_errors_of_names(text: str, message: str, position: int, shown: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text, NAMES)
    assert message in caught.value.message
    assert (caught.value.position, caught.value.text) == (position, shown)


def test_names_cannot_grow_out_of_bounds() -> None:
    doubling = {f"m{level + 1}": f"m{level} or m{level}" for level in range(40)}
    with pytest.raises(FilterError, match="more than 100000 checks"):
        parse("m40", FilterNames({}, {"m0": "proc.name=a", **doubling}))
    chain = {f"m{level + 1}": f"m{level}" for level in range(200)}
    with pytest.raises(FilterError, match="nested more than"):
        parse("m200", FilterNames({}, {"m0": "proc.name=a", **chain}))
    lists = {f"l{level + 1}": (f"l{level}",) * 2 for level in range(40)}
    with pytest.raises(FilterError, match="more than 1000000 values") as caught:
        parse("proc.name in (l40)", FilterNames({"l0": ("a",), **lists}))
    assert caught.value.position == 14
    links = {f"l{level + 1}": (f"l{level}",) for level in range(2000)}
    with pytest.raises(FilterError, match="levels deep"):
        parse("proc.name in (l2000)", FilterNames({"l0": ("a",), **links}))
    with pytest.raises(FilterError, match="the list a contains itself: a → b → a"):
        parse("proc.name in a", FilterNames({"a": ("b",), "b": ("a",)}))


RULES = """
- required_engine_version: 10
- list: shells
  items: [sh, bash, '"my shell"', 7, true]
- list: shells
  items: [zsh]
  append: true
- macro: shell
  condition: proc.name in (shells)
- macro: shell
  condition: or proc.name = fish
  append: true
- rule: some rule
  condition: shell
- list: editors
  items: [ed]
- list: editors
  items: [vi]
  override: {items: append}
- macro: replaced
  condition: evt.dir = >
- macro: replaced
  condition: evt.dir = <
"""


def test_filter_file(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES, encoding="utf-8")
    names = load_filter_file(path)
    assert names.lists == {"shells": ("sh", "bash", '"my shell"', "7", "true", "zsh"), "editors": ("ed", "vi")}
    assert set(names.macros) == {"shell", "replaced"}
    shown = str(parse_filter("shell and replaced", names))
    assert shown == '(proc.name in (sh, bash, "my shell", 7, true, zsh) or proc.name = fish) and evt.dir = <'
    later = tmp_path / "later.yaml"
    later.write_text("- list: editors\n  items: [nano]\n  append: true\n", encoding="utf-8")
    assert load_filter_file(str(later), names).lists["editors"] == ("ed", "vi", "nano")
    assert names.lists["editors"] == ("ed", "vi")
    later.write_text("", encoding="utf-8")
    assert load_filter_file(later) == FilterNames()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1", "a list of entries is expected"),
        ("- a", "entry 1 is not a mapping"),
        ("- list: 5", "the name of a list must be a text"),
        ("- list: a\n  items: b", "items of list a"),
        ("- list: a\n  items: [[b]]", "items of list a"),
        ("- macro: a", "condition of macro a"),
        ("- macro: [", "not YAML"),
        ("- !!python/object:os.system a", "not YAML"),
        ("\x00", "not YAML"),
    ],
)
def test_bad_filter_files(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(FilterError, match=message):
        load_filter_file(path)


def test_missing_filter_file(tmp_path: Path) -> None:
    with pytest.raises(FilterError, match="No such file"):
        load_filter_file(tmp_path / "missing.yaml")


def test_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingDependencyError, match=r"scappy\[filters\]"):
        load_filter_file(tmp_path / "rules.yaml")
