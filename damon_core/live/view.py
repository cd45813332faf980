"""What the live view shows at present, and how keys change it."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from attrs import define, field

from .choice import Choice
from .glyphs import Glyphs
from .watch import Seen, Watch

_MAX_TYPED = 60


@define
class Prompt:
    """A line that is being typed; ``done`` gets it at Enter."""

    label: str
    done: Callable[[str], None]
    text: str = ""


@define(eq=False)
class View:
    """One context at a time, with an order and filters of the user's.

    ``stop`` and ``save`` are called for the keys q and w; ``save`` returns what to tell.
    ``cpu_share``: what drawing takes of one CPU; ``nr_not_drawn``: snapshots that came too fast.
    """

    watches: tuple[Watch, ...]
    glyphs: Glyphs
    stop: Callable[[], None]
    save: Callable[[Seen], str]
    choice: Choice = field(factory=Choice)
    first: int = 0
    stopping: bool = False
    page: str = ""
    message: str = ""
    prompt: Prompt | None = None
    cpu_share: float = 0.0
    nr_not_drawn: int = 0
    _number: int = 0
    _held: dict[int, Seen] | None = None
    _room: int = 1

    @property
    def watch(self) -> Watch:
        """The context that is shown."""
        return self.watches[self._number]

    @property
    def paused(self) -> bool:
        return self._held is not None

    @property
    def shown(self) -> Seen | None:
        """The snapshot that is shown: the last, or the one at the pause."""
        if self._held is not None and self._number in self._held:
            return self._held[self._number]
        return self.watch.seen

    def keep_in_sight(self, nr_rows: int, room: int) -> None:
        """Scroll no further than the last page of so many rows."""
        self._room = max(1, room)
        self.first = max(0, min(self.first, nr_rows - room))

    def count_drawn(self) -> None:
        """To be called for each picture: what came meanwhile and is in none is counted."""
        if not self.paused:
            self.nr_not_drawn += max(0, self.watch.nr_new - 1)
        for watch in self.watches:
            watch.nr_new = 0

    def press(self, key: str) -> None:
        """Do what a key says: a character, or a name such as "up"."""
        if self.prompt is not None:
            self._type(key)
            return
        self.message = ""
        if self.page:
            self.page = ""
            if key not in ("q", "ctrl-c"):
                return
        action = self._actions().get(key)
        if action is not None:
            action()

    def _actions(self) -> dict[str, Callable[[], None]]:
        return {
            "q": self._quit,
            "s": lambda: self._choose(self.choice.next_sort()),
            "S": lambda: self._choose(self.choice.next_sort(-1)),
            "r": lambda: self._choose(attrs.evolve(self.choice, reverse=not self.choice.reverse)),
            "c": lambda: self._choose(self.choice.unfiltered()),
            "t": self._next_target,
            "T": lambda: self._choose(attrs.evolve(self.choice, target=None)),
            "/": lambda: self._ask("name contains: ", self._name_typed),
            "m": lambda: self._ask("minimum rate in %: ", self._rate_typed),
            "p": self._pause,
            " ": self._pause,
            "w": self._save,
            "n": lambda: self._show("notes"),
            "h": lambda: self._show("help"),
            "?": lambda: self._show("help"),
            "tab": self._next_context,
            "up": lambda: self._scroll(-1),
            "k": lambda: self._scroll(-1),
            "down": lambda: self._scroll(1),
            "j": lambda: self._scroll(1),
            "page up": lambda: self._scroll(-self._room),
            "page down": lambda: self._scroll(self._room),
            "home": lambda: self._scroll(-self.first),
        }

    def _type(self, key: str) -> None:
        assert self.prompt is not None
        if key == "enter":
            prompt, self.prompt = self.prompt, None
            prompt.done(prompt.text)
        elif key == "escape":
            self.prompt = None
        elif key == "backspace":
            self.prompt.text = self.prompt.text[:-1]
        elif len(key) == 1 and key.isprintable() and len(self.prompt.text) < _MAX_TYPED:
            self.prompt.text += key

    def _quit(self) -> None:
        self.stop()

    def _choose(self, choice: Choice) -> None:
        self.choice = choice
        self.first = 0

    def _next_target(self) -> None:
        seen = self.shown
        indices = [target.index for target in seen.snapshot.targets] if seen else []
        later = [
            index
            for index in indices
            if index > (-1 if self.choice.target is None else self.choice.target)
        ]
        self._choose(attrs.evolve(self.choice, target=later[0] if later else None))

    def _ask(self, label: str, done: Callable[[str], None]) -> None:
        self.prompt = Prompt(label, done)

    def _name_typed(self, text: str) -> None:
        self._choose(attrs.evolve(self.choice, name=text.strip().lower()))

    def _rate_typed(self, text: str) -> None:
        text = text.strip().rstrip("%").strip()
        if text and not (text.isascii() and text.isdigit() and int(text) <= 100):
            self.message = f"got {text!r}, expected a rate from 0 to 100 %"
            return
        self._choose(attrs.evolve(self.choice, min_percent=int(text or 0)))

    def _pause(self) -> None:
        if self._held is not None:
            self._held = None
            return
        self._held = {
            number: watch.seen
            for number, watch in enumerate(self.watches)
            if watch.seen is not None
        }

    def _save(self) -> None:
        seen = self.shown
        self.message = "nothing to save yet" if seen is None else self.save(seen)

    def _show(self, page: str) -> None:
        self.page = page

    def _next_context(self) -> None:
        self._number = (self._number + 1) % len(self.watches)
        self._choose(attrs.evolve(self.choice, target=None))

    def _scroll(self, nr_rows: int) -> None:
        self.first = max(0, self.first + nr_rows)
