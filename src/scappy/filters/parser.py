"""From the text of a filter to its tree.

The grammar is that of the newest tools: ``and`` binds tighter than ``or``, ``not`` tightest, ``not not x`` is ``x``;
there are transformers, ``val()``, modifiers and macros. What sysdig 0.29.3 reads otherwise:

* ``a or b and c`` is an error there, and means ``a or (b and c)`` here, at every depth of brackets.
* ``not not x`` means ``not x`` there.
* An empty list holds one empty text there; here nothing is in it. ``(a,)`` holds ``a`` and an empty text in both.
* Text that holds nothing but blanks is an error there; here it is the empty filter, which all events pass.
* Accidents of that scanner are errors here: words run together (``notproc.name=a``, ``a=b orc=d``), blanks within
  words (``n ot``), brackets that close nothing, ``a=b not c=d``.

What concerns single characters (values, quotes, escapes) is told in :mod:`scappy.filters.lexer`.
"""

from __future__ import annotations

from scapcore.errors import FilterError
from scappy.fields import FIELDS, FieldProblem, resolve

from .lexer import Scanner
from .names import FilterNames
from .tree import (
    TRANSFORMERS,
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
    Right,
    Transformer,
    TransformerArgument,
    Val,
)

__all__ = ["DEEPEST", "MOST_CHECKS", "parse"]

DEEPEST = 100
"""How deep brackets, transformers and macros may be nested, all counted together."""

MOST_CHECKS = 100_000
"""How many checks a filter may have after its macros have been put in."""

# The operators of the older dialect; after the others, a bare value has no escapes.
WITH_ESCAPES = frozenset(Operator) - {Operator.BCONTAINS, Operator.BSTARTSWITH, Operator.IGLOB, Operator.REGEX}
ORDER = (Operator.LT, Operator.LE, Operator.GT, Operator.GE)
MODIFIERS = {modifier.value: modifier for modifier in Modifier}


def parse(text: str, names: FilterNames | None = None) -> Node:
    """Parse a filter; the values are left as text.

    Parameters
    ----------
    text : str
        The filter; an empty one gives an :class:`And` without items.
    names : FilterNames, optional
        Lists and macros that the filter may name.

    Raises
    ------
    FilterError
        If the text is no filter, or names an unknown field.

    Examples
    --------
    >>> print(parse("not proc.name=cat and fd.num in(1,2)or evt.dir=>"))
    (not proc.name = cat and fd.num in (1, 2)) or evt.dir = >
    """
    return Parser(text, names or FilterNames(), Progress()).whole()


class Progress:
    """What the parsers of a filter and of its macros share.

    Attributes
    ----------
    depth : int
        How deep the nesting is now.
    checks : int
        How many checks there have been.
    macros : list of str
        The macros that are being read, outermost first.
    """

    __slots__ = ("checks", "depth", "macros")

    def __init__(self) -> None:
        self.depth = 0
        self.checks = 0
        self.macros: list[str] = []


class Parser:
    """A recursive descent over one text: the filter, or a macro of it.

    Parameters
    ----------
    text : str
        What is parsed.
    names : FilterNames
        Lists and macros.
    progress : Progress
        Shared by all texts of a filter.
    origin : int, optional
        For a macro: where the filter uses it; this becomes the position of all its nodes.
    """

    def __init__(self, text: str, names: FilterNames, progress: Progress, origin: int | None = None) -> None:
        self.scanner = Scanner(text)
        self.names = names
        self.progress = progress
        self.origin = origin

    def place(self, position: int) -> int:
        """The position that a node gets."""
        return position if self.origin is None else self.origin

    def enter(self, position: int) -> None:
        """Count one level of nesting."""
        self.progress.depth += 1
        if self.progress.depth > DEEPEST:
            raise self.scanner.error(f"the filter is nested more than {DEEPEST} levels deep", position)

    def leave(self) -> None:
        """Count one level back."""
        self.progress.depth -= 1

    def whole(self) -> Node:
        """The whole text."""
        scanner = self.scanner
        scanner.skip_blanks()
        if scanner.at_end:
            return And(())
        node = self.disjunction()
        scanner.skip_blanks()
        if not scanner.at_end:
            raise self.trailing()
        return node

    def trailing(self) -> FilterError:
        """The error of text behind a complete expression."""
        scanner = self.scanner
        if scanner.sees(")"):
            return scanner.error("this bracket closes nothing")
        for symbol, word in (("&", "and"), ("|", "or"), (",", "or")):
            if scanner.sees(symbol):
                return scanner.error("and, or or the end of the filter is expected", None, f"did you mean {word}?")
        word = scanner.identifier()
        if word in ("and", "or"):
            return scanner.error(f"a blank or an opening bracket must follow {word}")
        if word.lower() in ("and", "or"):
            return scanner.error(f"unknown word {word}", None, f"did you mean {word.lower()}?")
        hint = "a value that holds blanks or brackets must be quoted"
        return scanner.error("and, or or the end of the filter is expected", None, hint)

    def disjunction(self) -> Node:
        """Items with ``or`` between them."""
        items = [self.conjunction()]
        while self.scanner.take_keyword("or"):
            items.append(self.conjunction())
        return items[0] if len(items) == 1 else Or(tuple(items))

    def conjunction(self) -> Node:
        """Items with ``and`` between them."""
        items = [self.negation()]
        while self.scanner.take_keyword("and"):
            items.append(self.negation())
        return items[0] if len(items) == 1 else And(tuple(items))

    def negation(self) -> Node:
        """An item with any number of ``not`` before it, of which pairs cancel."""
        negated = False
        while self.scanner.take_keyword("not"):
            negated = not negated
        node = self.item()
        return Not(node) if negated else node

    def item(self) -> Node:
        """A check, a macro, or an expression in brackets."""
        scanner = self.scanner
        start = scanner.skip_blanks()
        if scanner.take("("):
            self.enter(start)
            node = self.disjunction()
            scanner.skip_blanks()
            if scanner.at_end:
                raise scanner.error("this bracket is not closed", start)
            if not scanner.take(")"):
                raise self.trailing()
            self.leave()
            return node
        if scanner.at_end:
            raise scanner.error("unexpected end of filter: a check is expected")
        if scanner.identifier() in ("and", "or", "not"):
            raise scanner.error(f"a check is expected, not {scanner.identifier()}", start)
        if not scanner.call():
            word = scanner.field_word()
            if word and "." not in word and "[" not in word:
                return self.macro(word, start)
            scanner.position = start
        return self.check()

    def macro(self, name: str, start: int) -> Node:
        """What a macro stands for."""
        scanner = self.scanner
        text = self.names.macros.get(name)
        if text is None:
            raise self.unknown_word(name, start)
        if name in self.progress.macros:
            chain = " → ".join((*self.progress.macros, name))
            raise scanner.error(f"the macro {name} contains itself: {chain}", start)
        self.enter(start)
        self.progress.macros.append(name)
        parser = Parser(text, self.names, self.progress, self.place(start))
        try:
            node = parser.whole()
        except FilterError as error:
            if error.text == text and not error.message.startswith("in macro "):
                error = FilterError(f"in macro {name}: {error.message}", text, error.position, error.suggestion)
            raise error from None
        if node == And(()):
            raise scanner.error(f"the macro {name} is empty", start)
        self.progress.macros.pop()
        self.leave()
        return node

    def unknown_word(self, word: str, start: int) -> FilterError:
        """The error of a word that is neither field nor macro."""
        from scappy.fields.names import nearest

        # proc.name may have been written as name.
        near = tuple(name for name in FIELDS if name.partition(".")[2] == word)[:3]
        near = near or nearest(word, [*self.names.macros, *FIELDS])
        suggestion = f"did you mean {' or '.join(near)}?" if near else None
        what = "field or macro" if self.names.macros else "field"
        return self.scanner.error(f"unknown {what} {word}", start, suggestion)

    def check(self) -> Check:
        """One comparison."""
        scanner = self.scanner
        start = scanner.skip_blanks()
        self.progress.checks += 1
        if self.progress.checks > MOST_CHECKS:
            raise scanner.error(f"the filter has more than {MOST_CHECKS} checks", start)
        left = self.operand()
        before = scanner.text[start : scanner.position]
        at = scanner.skip_blanks()
        operator = scanner.operator(before)
        modifier, right = self.right_side(operator)
        return Check(left, operator, right, modifier, self.place(start), self.place(at))

    def operand(self) -> Operand:
        """A field or a transformer."""
        scanner = self.scanner
        start = scanner.skip_blanks()
        name = scanner.call()
        if name in TRANSFORMERS:
            return self.transformer(name)
        if name:
            from scappy.fields.names import nearest

            near = nearest(name, TRANSFORMERS)
            suggestion = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(TRANSFORMERS)}"
            raise scanner.error(f"unknown transformer {name}", start, suggestion)
        return self.field()

    def field(self) -> FieldOperand:
        """A field with its argument."""
        scanner = self.scanner
        start = scanner.skip_blanks()
        word = scanner.field_word()
        if not word:
            if scanner.at_end:
                raise scanner.error("unexpected end of filter: a field is expected", start)
            raise scanner.error(f"a field is expected, not {scanner.text[start]}", start)
        found = resolve(word)
        if isinstance(found, FieldProblem):
            if "." not in word:
                raise self.unknown_word(word, start)
            raise scanner.error(found.message, start + found.offset, found.suggestion)
        return FieldOperand(found, self.place(start))

    def right_side(self, operator: Operator) -> tuple[Modifier | None, Right]:
        """What follows the operator."""
        scanner = self.scanner
        if operator is Operator.EXISTS:
            return None, ()
        start = scanner.skip_blanks()
        name = scanner.call()
        if name == "val":
            return None, self.val()
        if name in TRANSFORMERS:
            return None, self.transformer(name)
        if operator.takes_list:
            return None, self.values_of(operator, start)
        if name in MODIFIERS and operator not in ORDER:
            scanner.position += len(name)
            return MODIFIERS[name], self.literals(escapes=False)
        literal = scanner.value(in_list=False, escapes=operator in WITH_ESCAPES)
        if scanner.position == start and not scanner.at_end and not scanner.sees(")"):
            raise scanner.error(
                f"a value is expected after {operator.value}", start, "a list follows in, intersects or pmatch"
            )
        return None, (self.placed(literal),)

    def placed(self, literal: Literal) -> Literal:
        """A literal with the position that it gets in the tree."""
        return literal if self.origin is None else Literal(literal.value, self.origin)

    def values_of(self, operator: Operator, start: int) -> tuple[Literal, ...]:
        """A list in brackets, or a list by its name."""
        scanner = self.scanner
        if scanner.sees("("):
            return self.literals(escapes=operator in WITH_ESCAPES)
        name = scanner.identifier()
        if not name:
            raise scanner.error(f"expected '(' after {operator.value}", start)
        scanner.position += len(name)
        values = self.list_values(name, start)
        if values is None:
            from scappy.fields.names import nearest

            near = nearest(name, self.names.lists)
            suggestion = f"did you mean {' or '.join(near)}?" if near else "a list is written in brackets"
            raise scanner.error(f"expected '(' after {operator.value}: there is no list {name}", start, suggestion)
        return tuple(Literal(value, self.place(start)) for value in values)

    def literals(self, *, escapes: bool) -> tuple[Literal, ...]:
        """A list in brackets; the names of lists among its bare elements are replaced by their elements."""
        scanner = self.scanner
        opening = scanner.skip_blanks()
        scanner.position += 1
        if scanner.take(")"):
            return ()
        literals: list[Literal] = []
        while True:
            start = scanner.skip_blanks()
            name = "" if scanner.sees("'") or scanner.sees('"') else scanner.identifier()
            literal = self.placed(scanner.value(in_list=True, escapes=escapes))
            values = self.list_values(name, start) if name and literal.value == name.encode() else None
            if values is None:
                literals.append(literal)
            else:
                literals += [Literal(value, self.place(start)) for value in values]
            if scanner.take(")"):
                return tuple(literals)
            if scanner.at_end:
                raise scanner.error("this list is not closed", opening)
            if not scanner.take(","):
                raise scanner.error(
                    "a comma or the end of the list is expected", None, "quote a value that holds blanks"
                )

    def list_values(self, name: str, start: int) -> list[bytes] | None:
        """Elements of a named list; None if there is no such list."""
        try:
            return self.names.values(name)
        except FilterError as error:
            raise self.scanner.error(error.message, start) from None

    def val(self) -> Val:
        """``val(field)``; the cursor is at the word."""
        scanner = self.scanner
        start = scanner.position
        scanner.position += len("val")
        scanner.take("(")
        operand = self.field()
        if not scanner.take(")"):
            raise scanner.error("expected ')' after the field of val")
        return Val(operand, self.place(start))

    def transformer(self, name: str) -> Transformer:
        """A transformer with its arguments; the cursor is at its name."""
        scanner = self.scanner
        start = scanner.position
        self.enter(start)
        scanner.position += len(name)
        arguments = self.arguments(name)
        selector = None
        if scanner.sees("["):
            end = scanner.bracket_end(scanner.position)
            selector = scanner.text[scanner.position + 1 : end - 1].strip("'\"")
            scanner.position = end
        self.leave()
        return Transformer(name, arguments, selector, self.place(start))

    def arguments(self, name: str) -> tuple[TransformerArgument, ...]:
        """What stands in the brackets of a transformer, or of a list within them."""
        scanner = self.scanner
        opening = scanner.skip_blanks()
        scanner.take("(")
        arguments: list[TransformerArgument] = []
        if scanner.take(")"):
            return ()
        while True:
            arguments.append(self.transformer_argument(name))
            if scanner.take(")"):
                return tuple(arguments)
            scanner.skip_blanks()
            if scanner.at_end:
                raise scanner.error("this bracket is not closed", opening)
            if not scanner.take(","):
                raise scanner.error(f"a comma or ')' is expected in {name}()")

    def transformer_argument(self, name: str) -> TransformerArgument:
        """A field, a transformer, a text, a number or a list."""
        scanner = self.scanner
        start = scanner.skip_blanks()
        if scanner.sees("("):
            self.enter(start)
            items = self.arguments(name)
            self.leave()
            return ListOperand(items, self.place(start))
        first = scanner.text[start : start + 1]
        if first and (first in "'\"+-" or first.isdigit()):
            return self.placed(scanner.value(in_list=True, escapes=False))
        if scanner.call() == "val":
            raise scanner.error("val() cannot stand within a transformer", start, "write the field alone")
        return self.operand()
