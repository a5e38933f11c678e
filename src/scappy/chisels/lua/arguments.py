"""Words of the command line that belong to a chisel."""

from __future__ import annotations

from scapcore.errors import ChiselError

__all__ = ["split_values"]


def split_values(text: str, name: str) -> list[str]:
    """Split the word behind the name of a chisel into values (chisel API, section 1).

    Parameters
    ----------
    text : str
        Values with blanks between them; ``'`` or a backquote begins and ends a part in which blanks stay.
    name : str
        Name of the chisel, for the message.

    Raises
    ------
    ChiselError
        If a quote is not closed.

    Examples
    --------
    >>> split_values("'a b' c", "x")
    ['a b', 'c']
    """
    text = text.strip()
    if not text:
        return []
    values = []
    begin = 0
    quoted = False
    closing = 0
    for place, sign in enumerate(text):
        if sign == " " and not quoted:
            values.append(text[begin : max(place - closing, begin)])
            begin = place + 1
            closing = 0
        elif sign in "'`":
            if quoted:
                closing = 1
            else:
                begin += 1
            quoted = not quoted
    if quoted:
        raise ChiselError(f"corrupted parameters for chisel {name}")
    values.append(text[begin : max(len(text) - closing, begin)])
    return values
