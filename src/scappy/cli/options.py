"""Declarations of command-line options, and the scanner that reads them.

The scanner takes what getopt takes: short options may be joined (``-NA``), a value may stand at its option
(``-r/tmp/x``, ``--read=/tmp/x``) or behind it, and what is no option is left over in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scapcore.record import Record

__all__ = ["Option", "UsageError", "help_text", "scan"]


class UsageError(Exception):
    """The command line cannot be understood."""


class Option(Record):
    """One option.

    Attributes
    ----------
    name : str
        Key of the value that it sets.
    short, long : str
        Its letter and its long name, empty where it has none.
    value : str
        Name of its value in the help; empty for a switch.
    help : str
        One sentence.
    """

    name: str
    short: str
    long: str
    value: str
    help: str


def scan(
    words: Sequence[str],
    options: Sequence[Option],
    found: Callable[[Option, str, list[str]], None],
) -> list[str]:
    """Read a command line.

    Parameters
    ----------
    words : sequence of str
        Without the program's name.
    options : sequence of Option
        What is known.
    found : callable
        Called for each option with its value (``""`` for a switch) and the words that follow; it may take some of them away.

    Returns
    -------
    list of str
        The words that are no options.

    Raises
    ------
    UsageError
        For an unknown option, or a missing or superfluous value.
    """
    by_short = {option.short: option for option in options if option.short}
    by_long = {option.long: option for option in options if option.long}
    rest = list(words)
    left: list[str] = []
    while rest:
        word = rest.pop(0)
        if word == "--":
            return left + rest
        if word.startswith("--"):
            name, sign, value = word[2:].partition("=")
            option = by_long.get(name)
            if option is None:
                import difflib

                near = difflib.get_close_matches(name, by_long, 1)
                raise UsageError(f"unknown option --{name}" + (f"; did you mean --{near[0]}?" if near else ""))
            if option.value and not sign:
                if not rest:
                    raise UsageError(f"--{name} needs a value")
                value = rest.pop(0)
            elif sign and not option.value:
                raise UsageError(f"--{name} takes no value")
            found(option, value, rest)
        elif len(word) > 1 and word[0] == "-":
            letters = word[1:]
            while letters:
                letter, letters = letters[0], letters[1:]
                option = by_short.get(letter)
                if option is None:
                    raise UsageError(f"unknown option -{letter}")
                value = ""
                if option.value:
                    if not letters and not rest:
                        raise UsageError(f"-{letter} needs a value")
                    value, letters = (letters, "") if letters else (rest.pop(0), "")
                found(option, value, rest)
        else:
            left.append(word)
    return left


def help_text(usage: str, options: Sequence[Option]) -> str:
    """The help page: a usage line and the options."""
    lines = [usage, "", "Options:"]
    for option in options:
        names = [f"-{option.short}"] if option.short else []
        names += [f"--{option.long}"] if option.long else []
        head = ", ".join(names) + (f" {option.value}" if option.value else "")
        if len(head) > 24:
            lines += [f"  {head}", f"  {'':24} {option.help}"]
        else:
            lines.append(f"  {head:24} {option.help}")
    return "\n".join(lines)
