"""JSON in the layout of the original chisels: a line for each member, arrays in one line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from scappy.chisels.units import number

__all__ = ["json_text"]


def json_text(value: Any, level: int = 0) -> str:
    """A value as JSON.

    Examples
    --------
    >>> print(json_text({"a": [1, [2, None]], "b": {"c": True}}))
    {
      "a":[1,[2,null]],
      "b":{
        "c":true
      }
    }
    """
    if isinstance(value, Mapping) and value:
        inside = "  " * (level + 1)
        members = ",\n".join(f"{inside}{json.dumps(str(name))}:{json_text(item, level + 1)}" for name, item in value.items())
        return "{\n" + members + "\n" + "  " * level + "}"
    if isinstance(value, (Mapping, Sequence)) and not isinstance(value, (str, bytes)):
        return "[" + ",".join(json_text(item, level + 1) for item in value) + "]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    return json.dumps(value)
