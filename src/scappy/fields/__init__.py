"""The fields that filters, formats and chisels ask for, one module per field class.

A field is added by adding one row to the module of its class; :data:`FIELDS` then holds it under its name.
"""

from __future__ import annotations

from .field import Argument, Field, FieldClass
from .prefix import lookup_prefix
from .registry import CLASSES, FIELDS, ArgumentKind, FieldProblem, FieldUse, lookup, resolve

__all__ = [
    "CLASSES",
    "FIELDS",
    "Argument",
    "ArgumentKind",
    "Field",
    "FieldClass",
    "FieldProblem",
    "FieldUse",
    "lookup",
    "lookup_prefix",
    "resolve",
]
