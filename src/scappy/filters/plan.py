"""Typed tree → plan: the form in which the core takes filters, and what it has to compute for them."""

from __future__ import annotations

from scapcore import plan
from scapcore.domains import addresses_of
from scapcore.errors import FieldError, FilterError
from scapcore.fields import FieldUse as CoreUse
from scapcore.predicate import Predicate

from . import parse_filter
from .names import FilterNames
from .tree import (
    And,
    Check,
    FieldOperand,
    ListOperand,
    Literal,
    Network,
    Node,
    Not,
    Operator,
    Transformer,
    TransformerArgument,
    Val,
)

__all__ = ["CompiledFilter", "compile_filter"]

MILLISECOND = 1_000_000
#: Fields that hold the name of an address, and the fields of these addresses.
DOMAINS = {"fd.cip.name": "fd.cip", "fd.sip.name": "fd.sip", "fd.lip.name": "fd.lip", "fd.rip.name": "fd.rip"}


class CompiledFilter:
    """A filter that is ready to be run, as often as wanted.

    Attributes
    ----------
    text : str
        The filter as it was written.
    tree : Node
        The typed tree.
    plan : scapcore.plan.Condition
        The same as the core takes it.
    needs : int
        Costly columns that the filter looks at, as bits (see :class:`scapcore.engine.Engine`).
    needs_state : bool
        Whether threads, descriptors and the rest must be followed; a filter on ``evt.type`` runs without.
    """

    __slots__ = ("asks_for_names", "needs", "needs_state", "plan", "resolving", "text", "tree")

    def __init__(self, text: str, tree: Node) -> None:
        self.text = text
        self.tree = tree
        self.needs = 0
        self.needs_state = False
        self.asks_for_names = False
        self.resolving = False
        self.plan = self.condition(tree)

    def __repr__(self) -> str:
        return f"CompiledFilter({str(self.tree)!r})"

    def predicate(
        self, *, text_mode: int = 0, unlimited: bool = False, early: bool = False, counted: bool = False
    ) -> Predicate:
        """A runner for one pass over a capture.

        Parameters
        ----------
        text_mode : int, optional
            How byte buffers are shown in the texts of arguments that the filter looks at: 0 normal, 1 ASCII, 2 hex,
            3 hex and ASCII, 4 base64.
        unlimited : bool, optional
            Whether these texts are not cut to 80 characters.
        early : bool, optional
            Whether calls are forgotten whose beginning is dropped, see :class:`scapcore.predicate.Predicate`.
        counted : bool, optional
            Whether internal events are chosen too, for those who count events.
        """
        condition = self.plan
        if self.asks_for_names:
            # Not before the filter is run: this goes to the network.
            self.resolving = True
            condition = self.condition(self.tree)
        return Predicate(condition, text_mode=text_mode, unlimited=unlimited, early=early, counted=counted)

    def condition(self, node: Node) -> plan.Condition:
        """The plan of a sub-tree."""
        if isinstance(node, Check):
            return self.check(node)
        if isinstance(node, Not):
            return plan.Negation(self.condition(node.item))
        items = tuple(self.condition(item) for item in node.items)
        return plan.Conjunction(items) if isinstance(node, And) else plan.Disjunction(items)

    def check(self, check: Check) -> plan.Condition:
        """The plan of one comparison."""
        if check.field_name == "evt.around":
            time, distance = check.argument, check.values[0]
            assert isinstance(time, int) and isinstance(distance, int)
            return plan.Around(time, distance * MILLISECOND)
        if check.field_name in DOMAINS and check.operator is not Operator.EXISTS:
            return self.domain(check)
        left = self.operand(check.left)
        right = check.right
        quantifier = check.modifier.value if check.modifier is not None else None
        if isinstance(right, tuple):
            if check.operator is Operator.REGEX:
                compile_pattern(check, self.text)
            values: tuple[plan.Value, ...] = tuple(
                (value.address, value.prefix) if isinstance(value, Network) else value for value in check.values
            )
            return plan.Comparison(left, check.operator.value, values, quantifier=quantifier)
        other = self.operand(right.operand if isinstance(right, Val) else right)
        return plan.Comparison(left, check.operator.value, right=other, quantifier=quantifier)

    def domain(self, check: Check) -> plan.Condition:
        """The plan of a comparison with domain names: their addresses count, and only ends of a connection."""
        assert isinstance(check.left, FieldOperand)
        self.asks_for_names = True
        field = DOMAINS[check.left.use.name]
        names = [value.decode("utf-8", "replace") for value in check.values if isinstance(value, bytes)]
        found = tuple(address for name in names for address in addresses_of(name)) if self.resolving else ()
        for name in (field, "fd.cip"):
            self.needs |= CoreUse(name).needs
        self.needs_state = True
        connected = plan.Comparison(plan.FieldOperand("fd.cip"), "exists")
        matches: plan.Condition = plan.Comparison(plan.FieldOperand(field), "in", found)
        if check.operator is Operator.NE:
            matches = plan.Negation(matches)
        return plan.Conjunction((connected, matches))

    def operand(self, operand: TransformerArgument) -> plan.Operand:
        """The plan of one side of a comparison."""
        if isinstance(operand, Literal):
            return plan.TextOperand(operand.value)
        if isinstance(operand, ListOperand):
            return plan.ListOperand(tuple(self.operand(item) for item in operand.items))
        if isinstance(operand, Transformer):
            arguments = tuple(self.operand(argument) for argument in operand.arguments)
            selector = operand.selector.encode() if operand.selector is not None else None
            return plan.TransformerOperand(operand.name, arguments, selector)
        return self.field(operand)

    def field(self, operand: FieldOperand) -> plan.FieldOperand:
        """The plan of a field; notes what it needs."""
        use = operand.use
        try:
            core = CoreUse(use.name, use.argument)
        except FieldError as error:
            raise FilterError(str(error), self.text, operand.position) from None
        self.needs |= core.needs
        self.needs_state = self.needs_state or core.needs_state
        return plan.FieldOperand(use.name, use.argument)


def compile_pattern(check: Check, text: str) -> None:
    """Raise where a regular expression is none."""
    import re  # only this operator needs it

    assert isinstance(check.right, tuple)
    for literal in check.right:
        try:
            re.compile(literal.value.decode("utf-8", "replace"))
        except (re.error, OverflowError, RecursionError) as error:
            raise FilterError(f"not a regular expression: {error}", text, literal.position) from None


def compile_filter(text: str, names: FilterNames | None = None) -> CompiledFilter:
    """Make a filter ready to be run.

    Parameters
    ----------
    text : str
        The filter; an empty one lets every event pass.
    names : FilterNames, optional
        Lists and macros that the filter may name.

    Raises
    ------
    FilterError
        If the text is no filter, or asks for a field that cannot be taken from captures; the error knows the place.

    Examples
    --------
    >>> compile_filter("evt.type = open").needs_state, compile_filter("fd.name contains etc").needs_state
    (False, True)
    """
    return CompiledFilter(text, parse_filter(text, names))
