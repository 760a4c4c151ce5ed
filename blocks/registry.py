"""One registry for everything that a spec can name: blocks, modulations, generators."""

import difflib
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class UnknownNameError(KeyError):
    """A name that no registry entry answers to; the message lists the closest names.

    Args:
        kind: What was looked up, for example ``"frequency block"``.
        name: The name that was asked for.
        known: Every name that would have worked.
    """

    def __init__(self, kind: str, name: object, known: list[str]) -> None:
        close = difflib.get_close_matches(str(name), known, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
        listed = ", ".join(known[:40]) + (", ..." if len(known) > 40 else "")
        self.kind, self.name, self.known = kind, name, known
        self.message = f"unknown {kind} {str(name)[:80]!r}: {hint}Known: {listed or 'none'}."
        super().__init__(self.message)

    def __str__(self) -> str:
        """Return the message itself; KeyError would show its repr."""
        return self.message

    def __reduce__(self) -> tuple:
        """Rebuild from the three arguments, so that the error crosses process borders."""
        return type(self), (self.kind, self.name, self.known)


class Registry(Generic[T]):
    """A named collection of objects: register once, look up by name, fail kindly.

    Adding is atomic: a refused name leaves the registry as it was.

    Args:
        kind: What the entries are, in the singular, for error messages.

    Example:
        >>> COLOURS = Registry("colour")
        >>> _ = COLOURS.add("red", "#f00")
        >>> COLOURS["red"]
        '#f00'
        >>> "blue" in COLOURS
        False
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}
        self._aliases: dict[str, str] = {}

    def add(self, name: str, entry: T, *, aliases: Sequence[str] = ()) -> T:
        """Store ``entry`` under ``name`` and return it.

        Args:
            name: A lower-case identifier.
            entry: What to store.
            aliases: Further names that find the entry, for files that hold an older name; they are
                not listed.

        Raises:
            ValueError: If a name is taken or is no lower-case identifier.
        """
        for new in (name, *aliases):
            if not isinstance(new, str) or not new.isidentifier() or new != new.lower():
                raise ValueError(f"a {self.kind} is named by a lower-case identifier, got {new!r}")
            if new in self:
                raise ValueError(
                    f"{self.kind} {new!r} is already registered as {self[new]!r}; "
                    "choose another name"
                )
        self._entries[name] = entry
        self._aliases |= dict.fromkeys(aliases, name)
        return entry

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that adds what it decorates under ``name``."""

        def decorate(entry: T) -> T:
            return self.add(name, entry)

        return decorate

    def __getitem__(self, name: str) -> T:
        """Look up an entry; raises UnknownNameError with the closest names."""
        try:
            return self._entries[self._aliases.get(name, name)]
        except (KeyError, TypeError):
            raise UnknownNameError(self.kind, name, self.names()) from None

    def __contains__(self, name: object) -> bool:
        """Whether the name finds an entry."""
        return isinstance(name, str) and self._aliases.get(name, name) in self._entries

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names in the order of their registration."""
        return iter(self._entries)

    def __len__(self) -> int:
        """Count the entries."""
        return len(self._entries)

    def names(self) -> list[str]:
        """Every registered name, sorted."""
        return sorted(self._entries)
