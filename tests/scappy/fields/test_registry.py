"""The field registry: what is declared, and how a field is read out of text."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scapcore.errors import FieldError
from scappy.fields import CLASSES, FIELDS, ArgumentKind, FieldProblem, lookup, lookup_prefix, resolve
from scappy.fields.names import event_names, nearest, parameter_types, service_port, services

SHARED = Path(os.environ.get("SCAPPY_SHARED", Path(__file__).resolve().parents[4] / "shared"))


@pytest.fixture(scope="module")
def specified() -> dict[str, dict[str, Any]]:
    """The fields of the specification by name."""
    path = SHARED / "spec" / "fields.json"
    if not path.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{path} is missing")
        pytest.skip(f"{path} is missing")
    return {entry["name"]: entry for entry in json.loads(path.read_text(encoding="utf-8"))["fields"]}


#: Fields that no other tool has: what only objects of a cluster tell that were joined to a capture.
OWN = re.compile(r"k8s\.(?:(?:client|server|daemonset|statefulset|job|cronjob|node)\..*|svc\.ip)")
OTHERS = {name: field for name, field in FIELDS.items() if not OWN.fullmatch(name)}


def test_names_are_those_of_the_specification(specified: dict[str, dict[str, Any]]) -> None:
    assert set(OTHERS) == set(specified)
    assert not any(FIELDS[name].classic or FIELDS[name].modern for name in set(FIELDS) - set(OTHERS))


@pytest.mark.parametrize(
    ("attribute", "key"),
    [
        ("type", "type"),
        ("format", "format"),
        ("field_class", "class"),
        ("is_list", "list"),
        ("filter_only", "filter_only"),
        ("print_only", "print_only"),
        ("table_only", "table_only"),
        ("no_field_on_right", "no_field_on_right"),
        ("no_transformer", "no_transformer"),
        ("deprecated", "deprecated"),
        ("classic", "in_v0293"),
        ("modern", "in_newest"),
        ("classic_type", "type_v0293"),
        ("classic_format", "format_v0293"),
    ],
)
def test_attributes_are_those_of_the_specification(
    specified: dict[str, dict[str, Any]], attribute: str, key: str
) -> None:
    default = None if attribute.startswith("classic_") else False
    wanted = {name: entry.get(key, default) for name, entry in specified.items()}
    assert {name: getattr(field, attribute) for name, field in OTHERS.items()} == wanted


def test_argument_rules_are_those_of_the_specification(specified: dict[str, dict[str, Any]]) -> None:
    for name, entry in specified.items():
        rule = FIELDS[name].argument
        assert (rule.meaning if rule else None) == entry.get("arg"), name
        required = entry["requires_arg"] and not entry.get("arg_optional", False)
        assert bool(rule and rule.required) == required, name
        hidden = entry["in_v0293"] and not entry["shown_by_list_command_v0293"]
        assert FIELDS[name].hidden == hidden, name


def test_every_field_has_one_sentence() -> None:
    for field in FIELDS.values():
        assert field.sentence.endswith("."), field.name
        assert len(field.sentence) <= 130, field.name


def test_classes_hold_their_fields() -> None:
    for field_class in CLASSES:
        assert {field.field_class for field in field_class.fields} == {field_class.name}
    assert sum(len(field_class.fields) for field_class in CLASSES) == len(FIELDS)


@pytest.mark.parametrize(
    ("text", "name", "argument"),
    [
        ("evt.num", "evt.num", None),
        ("evt.buflen.file.in", "evt.buflen.file.in", None),
        ("evt.arg.flags", "evt.arg", "flags"),
        ("evt.arg[0]", "evt.arg", 0),
        ("evt.args", "evt.args", None),
        ("evt.rawarg.res", "evt.rawarg", "res"),
        ("evt.type", "evt.type", None),
        ("evt.type.is.2", "evt.type.is", 2),
        ("evt.type.is.open", "evt.type.is", "open"),
        ("evt.around[1700000000000000000]", "evt.around", 1700000000000000000),
        ("evt.abspath", "evt.abspath", None),
        ("evt.abspath.dst", "evt.abspath", "dst"),
        ("proc.aname", "proc.aname", None),
        ("proc.aname[2]", "proc.aname", 2),
        ("proc.args[1]", "proc.args", 1),
        ("proc.env", "proc.env", None),
        ("proc.env[PATH]", "proc.env", "PATH"),
        ("proc.env['a b']", "proc.env", "a b"),
        ('proc.env["a\\"]"]', "proc.env", 'a"]'),
        ("proc.env[5]", "proc.env", "5"),
        ("proc.aenv[1]", "proc.aenv", 1),
        ("proc.aenv[HOME]", "proc.aenv", "HOME"),
        ("thread.cgroup.cpu", "thread.cgroup", "cpu"),
        ("thread.cgroup[cpu]", "thread.cgroup", "cpu"),
        ("thread.cgroups", "thread.cgroups", None),
        ("k8s.pod.label.app", "k8s.pod.label", "app"),
        ("k8s.ns.label.a.b/c-d_e", "k8s.ns.label", "a.b/c-d_e"),
        ("k8s.pod.labels", "k8s.pod.labels", None),
        ("mesos.task.label.x", "mesos.task.label", "x"),
        ("marathon.app.label.x", "marathon.app.label", "x"),
        ("container.mount[0]", "container.mount", 0),
        ("container.mount[/x*]", "container.mount", "/x*"),
        ("container.mount.dest[/x]", "container.mount.dest", "/x"),
        ("container.mounts", "container.mounts", None),
        ("span.tag[-1]", "span.tag", -1),
        ("span.arg.name", "span.arg", "name"),
        ("span.arg[1]", "span.arg", 1),
        ("span.count.fortag[2]", "span.count.fortag", 2),
        ("evtin.span.p.arg.x", "evtin.span.p.arg", "x"),
        ("fd.types[3]", "fd.types", 3),
        ("fd.cip.name", "fd.cip.name", None),
    ],
)
def test_lookup(text: str, name: str, argument: str | int | None) -> None:
    use = lookup(text)
    assert (use.name, use.argument) == (name, argument)
    kind = {str: ArgumentKind.NAME, int: ArgumentKind.INDEX, type(None): ArgumentKind.NONE}[type(argument)]
    assert use.argument_kind is kind
    assert lookup(str(use)) == use


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("", "unknown field", 0),
        ("proc", "unknown field proc", 0),
        ("proc.nme", "unknown field proc.nme", 0),
        ("proc.name.x", "unknown field proc.name.x", 0),
        ("proc.name[0]", "proc.name takes no argument", 9),
        ("evt.arg", "evt.arg needs an argument", 7),
        ("evt.arg.", "evt.arg needs an argument", 8),
        ("evt.arg[]", "evt.arg needs an argument", 8),
        ("evt.arg[0", "is not closed", 7),
        ("evt.arg[x]", "takes a decimal index", 8),
        ("evt.arg[-1]", "takes a decimal index", 8),
        ("evt.arg[99999999999]", "too large", 8),
        ("evt.arg[" + "9" * 5000 + "]", "too large", 8),
        ("evt.arg.zzz", "unknown event argument zzz", 8),
        ("evt.rawarg[0]", "otherwise: evt.rawarg.name", 10),
        ("evt.type.is.opne", "unknown event type opne", 12),
        ("evt.abspath.x", "takes .src or .dst", 12),
        ("evt.around.5", "otherwise: evt.around[0]", 10),
        ("proc.aname.2", "otherwise: proc.aname[0]", 10),
        ("proc.env[a'b]", "must be quoted", 9),
        ("k8s.pod.label", "needs an argument: k8s.pod.label.name", 13),
        ("container.mount", "needs an argument", 15),
        ("span.tag.x", "otherwise: span.tag[0]", 8),
    ],
)
def test_what_is_no_field(text: str, message: str, offset: int) -> None:
    problem = resolve(text)
    assert isinstance(problem, FieldProblem)
    assert message in problem.message
    assert problem.offset == offset
    with pytest.raises(FieldError) as caught:
        lookup(text)
    assert problem.message in str(caught.value)


def test_nearest_names_are_suggested() -> None:
    with pytest.raises(FieldError, match=r"unknown field fd\.nmae; did you mean fd\.name\?"):
        lookup("fd.nmae")
    with pytest.raises(FieldError, match=r"did you mean evt\.arg\.flags\?"):
        lookup("evt.arg.flag")
    assert nearest("zzzzzz", FIELDS) == ()


def test_raw_arguments_have_the_type_of_the_parameter() -> None:
    assert lookup("evt.rawarg.res").type == "ERRNO"
    assert lookup("evt.rawarg.size").type == "UINT64"
    assert lookup("evt.rawarg.name").type == "FSPATH"
    assert lookup("evt.rawarg.data").type == "BYTEBUF"
    assert lookup("evt.rawarg.addr").type == "UINT64"
    assert lookup("evt.arg.res").type == "CHARBUF"
    assert set(parameter_types().values()) & {"IPV4ADDR", "IPV6ADDR"} == set()


def test_event_names_hold_both_generations() -> None:
    assert {"open", "openat", "procinfo", "switch", "restart_syscall"} <= event_names()
    assert "opne" not in event_names()


def test_services() -> None:
    assert service_port("https") == 443
    assert service_port("no-such-service") is None


def test_well_known_services_need_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_file(*arguments: object, **more: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", no_file)
    monkeypatch.setattr("socket.getservbyname", no_file)
    services.cache_clear()
    try:
        assert service_port("https") == 443
        assert service_port("no-such-service") is None
    finally:
        services.cache_clear()


@pytest.mark.parametrize(
    ("text", "use", "rest"),
    [
        ("evt.num) and", "evt.num", ") and"),
        ("proc.name:%fd.name", "proc.name", ":%fd.name"),
        ("proc.names", "proc.name", "s"),
        ("proc.aname[2]x", "proc.aname[2]", "x"),
        ("proc.aname.x", "proc.aname", ".x"),
        ("evt.arg.fdx", "evt.arg.fd", "x"),
        ("evt.arg.environment", "evt.arg.env", "ironment"),
        ("evt.args.x", "evt.args", ".x"),
        ("evt.abspath.src,", "evt.abspath.src", ","),
        ("evt.abspath.x", "evt.abspath", ".x"),
        ("evt.type.is.12)", "evt.type.is.12", ")"),
        ("evt.type.is.openat2,", "evt.type.is.openat2", ","),
        ("thread.cgroup.cpu/x", "thread.cgroup.cpu", "/x"),
        ("k8s.pod.label.a/b c", "k8s.pod.label.a/b", " c"),
        ("container.mount['a]b'].", "container.mount['a]b']", "."),
    ],
)
def test_lookup_prefix(text: str, use: str, rest: str) -> None:
    found, end = lookup_prefix("%" + text, 1)
    assert found == lookup(use)
    assert ("%" + text)[end:] == rest


@pytest.mark.parametrize("text", ["", "%", "proc.nme x", "evt.arg x", "evt.arg.zzz", "evt.arg[0", "k8s.pod.label. x"])
def test_lookup_prefix_refuses(text: str) -> None:
    with pytest.raises(FieldError):
        lookup_prefix(text)


@given(st.text(max_size=20), st.sampled_from(sorted(FIELDS)), st.text(max_size=20))
def test_lookup_raises_nothing_but_field_errors(before: str, name: str, after: str) -> None:
    for text in (before, name + after, name + "." + after, name + "[" + after + "]"):
        found = resolve(text)
        if isinstance(found, FieldProblem):
            assert 0 <= found.offset <= len(text)
            with pytest.raises(FieldError):
                lookup(text)
        else:
            assert lookup(str(found)) == found
        with contextlib.suppress(FieldError):
            assert lookup_prefix(text)[1] <= len(text)


def test_import_brings_nothing_slow_along() -> None:
    program = (
        "import sys, scappy.fields; "
        "print(*sorted({'json', 'difflib', 'socket', 'numpy', 'scapcore.schema'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
