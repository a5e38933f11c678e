"""Values with named parts. Internal to the core and to what is built on it.

The standard library's `dataclasses` would do, but each of its classes is compiled when it is imported, and every start
of a program would pay for some forty of them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Any:
        return lambda made: made


__all__ = ["Record"]


@dataclass_transform(frozen_default=True)
class Record:
    """Base of classes whose instances are told by their parts and never change.

    The annotations of the class name the parts, in order; what is assigned there is the default. Instances are made with
    their parts by position or name, and print that way. They are equal if they are of one class and their parts are, and
    can be kept in sets if their parts can. The parts of a class are its own only, not those of a record that it derives from.

    Parameters
    ----------
    uncompared : collection of str
        Parts that take no part in comparisons.

    Examples
    --------
    >>> class Place(Record, uncompared=("note",)):
    ...     line: int
    ...     column: int = 0
    ...     note: str = ""
    >>> Place(3), Place(3) == Place(3, note="here"), Place(3) == (3, 0)
    (Place(line=3, column=0, note=''), True, False)
    >>> Place(3).replaced(column=7).column
    7
    """

    __match_args__: ClassVar[tuple[str, ...]] = ()
    _parts: ClassVar[tuple[str, ...]] = ()
    _known: ClassVar[frozenset[str]] = frozenset()
    _required: ClassVar[frozenset[str]] = frozenset()
    _compared: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, *, uncompared: Collection[str] = ()) -> None:
        parts = tuple(cls.__annotations__)
        cls._parts = parts
        cls.__match_args__ = parts  # type: ignore[misc]
        cls._known = frozenset(parts)
        cls._required = frozenset(part for part in parts if not hasattr(cls, part))
        cls._compared = tuple(part for part in parts if part not in uncompared)

    def __init__(self, *values: Any, **named: Any) -> None:
        # What is not given is found in the class.
        given = self.__dict__
        given.update(zip(self._parts, values))  # noqa: B905 - what is too much is counted below
        given.update(named)
        if len(given) != len(values) + len(named) or not self._required <= given.keys() <= self._known:
            raise TypeError(f"{type(self).__name__} takes {', '.join(self._parts)}, not {values} and {named}")

    def replaced(self, **changes: Any) -> Self:
        """The same with other values for some parts."""
        return type(self)(**self.__dict__ | changes)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"cannot assign to {name}: a {type(self).__name__} does not change")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"cannot delete {name}: a {type(self).__name__} does not change")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self is other or all(getattr(self, part) == getattr(other, part) for part in self._compared)

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, part) for part in self._compared))

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{part}={getattr(self, part)!r}' for part in self._parts)})"
