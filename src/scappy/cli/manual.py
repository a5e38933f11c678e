"""Man pages and completions, made from the declarations of the options."""

from __future__ import annotations

from collections.abc import Sequence

from scappy.cli.options import Option, UsageError

__all__ = ["completion", "manual"]


def roff(text: str) -> str:
    """Text as roff source."""
    return text.replace("\\", "\\e").replace("-", "\\-")


def manual(program: str, version: str, sentence: str, usage: str, options: Sequence[Option], notes: str) -> str:
    """A man page in roff.

    Parameters
    ----------
    program, version, sentence : str
        For the title and the line that ``apropos`` shows.
    usage : str
        The command line.
    options : sequence of Option
        What is described.
    notes : str
        Paragraphs parted by blank lines, behind the options.
    """
    lines = [
        f'.TH {program.upper()} 1 "" "scappy {version}" "User Commands"',
        ".SH NAME",
        f"{program} \\- {roff(sentence)}",
        ".SH SYNOPSIS",
        f".B {roff(usage)}",
        ".SH OPTIONS",
    ]
    for option in options:
        names = [f"-{option.short}"] if option.short else []
        names += [f"--{option.long}"] if option.long else []
        value = f" \\fI{roff(option.value)}\\fR" if option.value else ""
        lines += [".TP", ", ".join(f"\\fB{roff(name)}\\fR" for name in names) + value, roff(option.help)]
    lines.append(".SH NOTES")
    for paragraph in notes.strip().split("\n\n"):
        lines += [".PP", roff(" ".join(paragraph.split()))]
    return "\n".join(lines) + "\n"


def words_of(options: Sequence[Option]) -> list[str]:
    """All spellings of the options."""
    return [f"-{option.short}" for option in options if option.short] + [
        f"--{option.long}" for option in options if option.long
    ]


def completion(shell: str, program: str, options: Sequence[Option], words: Sequence[str]) -> str:
    """A completion script.

    Parameters
    ----------
    shell : {"bash", "zsh", "fish"}
        For which shell.
    program : str
        For which command.
    options : sequence of Option
        Its options.
    words : sequence of str
        Names that may stand in filters and formats; they complete whatever is no option and no file.

    Raises
    ------
    UsageError
        For any other shell.
    """
    if shell == "bash":
        return BASH.format(program=program, options=" ".join(words_of(options)), words=" ".join(words))
    if shell == "zsh":
        entries = []
        for option in options:
            text = option.help.replace("'", "").replace("[", "(").replace("]", ")").replace(":", ",")
            value = f":{option.value.split()[0].lower()}:_files" if option.value else ""
            entries += [f"  '-{option.short}[{text}]{value}'"] if option.short else []
            entries += [f"  '--{option.long}[{text}]{value}'"] if option.long else []
        return ZSH.format(program=program, entries=" \\\n".join(entries), words=" ".join(words))
    if shell == "fish":
        lines = []
        for option in options:
            text = option.help.replace("'", "")
            parts = [f"complete -c {program}"]
            parts += [f"-s {option.short}"] if option.short else []
            parts += [f"-l {option.long}"] if option.long else []
            parts += ["-r"] if option.value else []
            lines.append(" ".join(parts) + f" -d '{text}'")
        lines.append(f"complete -c {program} -a '{' '.join(words)}'")
        return "\n".join(lines) + "\n"
    raise UsageError(f"there are completions for bash, zsh and fish, not {shell!r}")


BASH = """_{program}() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}"
    case "$before" in
        -r|--read|-w|--write|--filter-file) COMPREPLY=($(compgen -f -- "$word")); return;;
    esac
    case "$word" in
        -*) COMPREPLY=($(compgen -W "{options}" -- "$word"));;
        *) COMPREPLY=($(compgen -W "{words}" -- "$word") $(compgen -f -- "$word"));;
    esac
}}
complete -F _{program} {program}
"""

ZSH = """#compdef {program}
_arguments -s \\
{entries} \\
  '*:filter:({words})'
"""
