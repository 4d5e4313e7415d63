"""Names of known sites, below which everything is theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from filterwatch.enrich.suffixes import Registrable


class Known:
    """Finds whose a host is.

    Args:
        names: The names of each site; ``google.*`` is ``google`` under any suffix that a registry runs.
    """

    def __init__(self, names: Iterable[Sequence[str]]) -> None:
        self._by_name: dict[str, list[int]] = {}
        for number, some in enumerate(names):
            for name in some:
                self._by_name.setdefault(name, []).append(number)
        self.labels = {label for name in self._by_name for label in name.split(".")} - {"*"}
        """The parts of the names: a host without one of them is nobody's."""

    def of(self, host: str, registrable: Registrable) -> tuple[int, ...]:
        """Return whose *host* is, by the place of the site in *names*, the longest name first."""
        numbers: list[int] = []
        labels = host.split(".")
        below = f".{registrable.suffix}" if registrable.suffix else None
        for depth in range(len(labels) - 1):
            name = ".".join(labels[depth:])
            numbers += self._by_name.get(name, ())
            if below and name.endswith(below):
                numbers += self._by_name.get(f"{name.removesuffix(below)}.*", ())
        return tuple(dict.fromkeys(numbers))
