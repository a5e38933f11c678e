"""The characters of a filter: blanks, words, operators, values and their escapes.

What a stretch of text is depends on what the parser expects there, so this is a cursor that is asked for one
thing at a time. Where the dialect of sysdig 0.29.3 and the newest one differ:

* **A bare value** ends at a blank or a bracket, within a list also at a comma. That is the older rule, which
  takes in everything that the newer one does: ``=``, quotes and commas are refused there.
* **An empty value** stands at the end of the text or before a closing bracket (``fd.name=``), and between the
  commas of a list. The newer dialect refuses it.
* **Escapes in bare values**: ``\\\\``, ``\\"`` and ``\\xHH`` as in the older dialect, if the operator is one that it
  knows; after newer operators (``regex``, ``iglob``, ``bcontains``, ``bstartswith``, and behind ``anyof`` and the
  like) a backslash is a backslash, as in the newer dialect.
* **Escapes in quotes**: those of the newer dialect. Where it knows none (``\\q``), both characters stay as
  they are in the older one. ``\\xHH`` is that byte in both.
* **Quotes**: the sign that opened a value closes it. (In the older dialect either sign does.)
* ``==`` means ``=``. (In the older dialect the second sign would belong to the value.)
* **A word operator** ends where its word ends: ``contains"x"`` and ``contains/etc`` are read as in the older
  dialect, ``containsx`` is not an operator.
"""

from __future__ import annotations

import re

from scapcore.errors import FilterError

from .tree import Literal, Operator

__all__ = ["Scanner"]

BLANKS = " \t\n\r\v\f"
SYMBOLS = ("==", "!=", "<=", ">=", "=", "<", ">")
WORDS = {operator.value: operator for operator in Operator if operator.value.isalpha()}
FIELD_END = frozenset(BLANKS + "()!=<>,\"'")
IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
HEX_BYTE = r"\\x([0-9A-Fa-f]{2})"
CONTROLS = {"b": b"\b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t", "/": b"/", "\\": b"\\", '"': b'"', " ": b"\\"}


class Scanner:
    """A cursor over the text of a filter.

    Parameters
    ----------
    text : str
        The whole filter.

    Attributes
    ----------
    position : int
        Index of the next character.
    """

    __slots__ = ("position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def error(self, message: str, position: int | None = None, suggestion: str | None = None) -> FilterError:
        """The error to raise, at the cursor or at a given place."""
        return FilterError(message, self.text, self.position if position is None else position, suggestion)

    def skip_blanks(self) -> int:
        """Move to the next character that is no blank; return its position."""
        text, position = self.text, self.position
        while position < len(text) and text[position] in BLANKS:
            position += 1
        self.position = position
        return position

    @property
    def at_end(self) -> bool:
        """True if nothing is left."""
        return self.position >= len(self.text)

    def sees(self, start: str) -> bool:
        """True if the text goes on with `start`."""
        return self.text.startswith(start, self.position)

    def take(self, start: str) -> bool:
        """Skip blanks and then `start`; False, and nothing taken but blanks, if something else follows."""
        self.skip_blanks()
        if not self.sees(start):
            return False
        self.position += len(start)
        return True

    def identifier(self) -> str:
        """The identifier at the cursor, not consumed; empty if there is none."""
        match = IDENTIFIER.match(self.text, self.position)
        return match.group() if match else ""

    def take_keyword(self, word: str) -> bool:
        """Skip blanks and a word that a blank, an opening bracket or the end follows."""
        start = self.skip_blanks()
        end = start + len(word)
        if not self.sees(word) or self.text[end : end + 1] not in ("", "(", *BLANKS):
            return False
        self.position = end
        return True

    def call(self) -> str:
        """The identifier at the cursor if an opening bracket follows it, not consumed; else empty."""
        word = self.identifier()
        after = self.position + len(word)
        while word and self.text[after : after + 1] in (*BLANKS,):
            after += 1
        return word if word and self.text[after : after + 1] == "(" else ""

    def field_word(self) -> str:
        """Read a field name with its argument, or an identifier; empty if the text goes on otherwise."""
        text, start, position = self.text, self.position, self.position
        while position < len(text) and text[position] not in FIELD_END:
            if text[position] == "[":
                position = self.bracket_end(position)
            else:
                position += 1
        self.position = position
        return text[start:position]

    def bracket_end(self, start: int) -> int:
        """Index behind the bracketed argument whose opening bracket is at `start`."""
        text, position = self.text, start + 1
        quote = text[position : position + 1]
        if quote in ("'", '"'):
            position += 1
            while position < len(text) and text[position] != quote:
                position += 2 if text[position] == "\\" else 1
            position += 1
        else:
            while position < len(text) and text[position] not in BLANKS + "[]'\"":
                position += 1
        if text[position : position + 1] != "]":
            raise self.error("this bracket is not closed", start, "quote an argument that holds blanks")
        return position + 1

    def operator(self, after: str) -> Operator:
        """Read an operator.

        Parameters
        ----------
        after : str
            What stands before it, for the message of the error.
        """
        start = self.skip_blanks()
        for symbol in SYMBOLS:
            if self.sees(symbol):
                self.position += len(symbol)
                return Operator("=" if symbol == "==" else symbol)
        word = self.identifier()
        operator = WORDS.get(word)
        if operator is not None:
            self.position += len(word)
            return operator
        if not word or word in ("and", "or", "not"):
            raise self.error(f"an operator is expected after {after}", start, f"to ask for any value: {after} exists")
        from scappy.fields.names import nearest

        near = nearest(word, WORDS)
        raise self.error(f"unknown operator {word}", start, f"did you mean {' or '.join(near)}?" if near else None)

    def value(self, *, in_list: bool, escapes: bool) -> Literal:
        """Read a value, quoted or bare.

        Parameters
        ----------
        in_list : bool
            True if a comma ends a bare value, too.
        escapes : bool
            True if a bare value may hold escapes.
        """
        start = self.skip_blanks()
        if self.text[start : start + 1] in ("'", '"'):
            return Literal(self.quoted(), start)
        return Literal(self.bare(in_list, escapes), start)

    def quoted(self) -> bytes:
        """Read a quoted value; the cursor is at the opening sign."""
        text, start = self.text, self.position
        quote = text[start]
        parts: list[bytes] = []
        position = start + 1
        while True:
            begin = position
            while position < len(text) and text[position] not in (quote, "\\"):
                position += 1
            parts.append(self.encoded(begin, position))
            if position >= len(text) or (text[position] == "\\" and position + 1 >= len(text)):
                raise self.error("this quote is not closed", start)
            if text[position] == quote:
                self.position = position + 1
                return b"".join(parts)
            following = text[position + 1]
            if following == "x":
                match = re.compile(HEX_BYTE).match(text, position)
                if match is None:
                    raise self.error("\\x must be followed by two hexadecimal digits", position)
                parts.append(bytes([int(match.group(1), 16)]))
                position += 4
            elif following in CONTROLS or following == quote:
                parts.append(CONTROLS.get(following, following.encode()))
                position += 2
            else:
                parts.append(b"\\" + self.encoded(position + 1, position + 2))
                position += 2

    def bare(self, in_list: bool, escapes: bool) -> bytes:
        """Read a bare value, which may turn out empty."""
        text, start, position = self.text, self.position, self.position
        ends = BLANKS + ("()," if in_list else "()")
        while position < len(text) and text[position] not in ends:
            position += 1
        self.position = position
        value = self.encoded(start, position)
        if not escapes or b"\\" not in value:
            return value
        parts: list[bytes] = []
        index = 0
        while index < len(value):
            pair = value[index : index + 2]
            if pair in (b"\\\\", b'\\"'):
                parts.append(pair[1:])
                index += 2
            elif pair == b"\\x" and is_hex(digits := value[index + 2 : index + 4]):
                parts.append(bytes([int(digits, 16)]))
                index += 4
            else:
                parts.append(value[index : index + 1])
                index += 1
        return b"".join(parts)

    def encoded(self, start: int, end: int) -> bytes:
        """A stretch of the text as bytes; bytes that were no UTF-8 on a command line come back as they were."""
        try:
            return self.text[start:end].encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise self.error("this character cannot be written as UTF-8", start + error.start) from None


def is_hex(digits: bytes) -> bool:
    """True if these are two hexadecimal digits."""
    return len(digits) == 2 and all(digit in b"0123456789abcdefABCDEF" for digit in digits)
