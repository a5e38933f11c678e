"""How a command ends: messages of one line and documented exit statuses."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from scapcore.errors import CorruptCaptureError, FieldError, FilterError, ScapError
from scappy.cli.options import UsageError

__all__ = ["DAMAGED", "INTERRUPTED", "OUTPUT_CLOSED", "USAGE", "damage_lines", "guarded"]

#: Exit statuses: the input failed or is damaged, the command line is wrong, nobody reads the output any more, Ctrl-C.
DAMAGED, USAGE, OUTPUT_CLOSED, INTERRUPTED = 1, 2, 3, 130

#: Damaged places that are told one by one.
MOST_LINES = 20


def damage_lines(error: CorruptCaptureError) -> list[str]:
    """What to say about a damaged capture: a line for each gap, or for the place where reading stopped."""
    if not error.gaps:
        return [str(error)]
    lines = [str(gap) for gap in error.gaps[:MOST_LINES]]
    if error.gap_count > len(lines):
        lines.append(f"{error.gap_count - len(lines)} more places are damaged; scappy info --report lists them")
    return lines


def guarded(program: str, run: Callable[[], int]) -> int:
    """Run a command; what goes wrong becomes a message and an exit status, never a traceback."""
    # A stream that was closed before the start is None, and its number would go to the next file that is opened.
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    try:
        status = run()
        sys.stdout.flush()
        return status
    except UsageError as error:
        print(f"{program}: {error}; see {program} --help", file=sys.stderr)
        return USAGE
    except (FilterError, FieldError) as error:
        print(f"{program}: {error}", file=sys.stderr)
        return USAGE
    except CorruptCaptureError as error:
        for line in damage_lines(error):
            print(f"{program}: {line}", file=sys.stderr)
        return DAMAGED
    except ScapError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return DAMAGED
    except BrokenPipeError:
        # What is still buffered for the closed pipe must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        print(f"{program}: standard output was closed", file=sys.stderr)
        return OUTPUT_CLOSED
    except OSError as error:
        print(f"{program}: {error.strerror or error}", file=sys.stderr)
        return DAMAGED
    except MemoryError:
        print(f"{program}: out of memory", file=sys.stderr)
        return DAMAGED
    except KeyboardInterrupt as interrupt:
        if interrupt.args:
            print(f"{program}: interrupted; {interrupt}", file=sys.stderr)
        return INTERRUPTED
