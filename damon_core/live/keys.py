"""What was typed, key by key, from the bytes that a terminal sends."""

from __future__ import annotations

import re

_SEQUENCES = {
    b"[A": "up",
    b"[B": "down",
    b"OA": "up",
    b"OB": "down",
    b"[5~": "page up",
    b"[6~": "page down",
    b"[H": "home",
    b"OH": "home",
    b"[1~": "home",
}
_CONTROLS = {
    "\t": "tab",
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x03": "ctrl-c",
    "\x1b": "escape",
}
_SEQUENCE = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|O[@-~])")


def keys_of(typed: bytes) -> list[str]:
    """Characters, and names such as "up"; keys that nothing is known of are left out."""
    keys: list[str] = []
    while typed:
        sequence = _SEQUENCE.match(typed)
        if sequence:
            typed = typed[sequence.end() :]
            name = _SEQUENCES.get(sequence[1])
            keys += [name] if name else []
            continue
        upto = typed.find(b"\x1b", 1)
        part, typed = (typed, b"") if upto < 0 else (typed[:upto], typed[upto:])
        text = part.decode(errors="ignore")
        keys += [
            _CONTROLS.get(char, char) for char in text if char in _CONTROLS or char.isprintable()
        ]
    return keys
