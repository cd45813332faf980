"""Where a server listens: [ADDR:]PORT, on this machine alone unless told otherwise."""

from __future__ import annotations

import re

from attrs import frozen

from .errors import ConfigError

LOOPBACK = "127.0.0.1"

_FORM = re.compile(r"(?:(?:\[([^][]+)\]|([^][:\s]+)):)?([0-9]{1,5})")


@frozen
class ListenAddress:
    """A host and a port; port 0 is any that is free."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> ListenAddress:
        """From "9500", "0.0.0.0:9500", "localhost:9500", "[::1]:9500"; ConfigError for others."""
        form = _FORM.fullmatch(text.strip())
        if form is None or int(form[3]) > 0xFFFF:
            raise ConfigError(
                f"got {text!r}, expected [ADDR:]PORT such as 9500, 0.0.0.0:9500 or [::1]:9500"
            )
        return cls(form[1] or form[2] or LOOPBACK, int(form[3]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
