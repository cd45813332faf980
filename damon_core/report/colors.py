"""The colours of heat: for dark and for light ground, on terminals, pages and pictures alike."""

from __future__ import annotations

from collections.abc import Sequence

RGB = tuple[int, int, int]

# Both go one way in lightness, so that they also tell heat to who sees no colours, and in print.
ON_DARK: tuple[RGB, ...] = (
    (33, 35, 60),
    (56, 22, 100),
    (92, 18, 112),
    (136, 34, 106),
    (186, 54, 85),
    (227, 89, 51),
    (249, 140, 10),
    (249, 201, 50),
    (252, 255, 164),
)
ON_LIGHT: tuple[RGB, ...] = (
    (238, 238, 234),
    (255, 232, 166),
    (254, 205, 104),
    (253, 160, 64),
    (248, 104, 42),
    (222, 50, 36),
    (174, 12, 44),
    (112, 4, 46),
    (52, 2, 34),
)

_CUBE = (0, 95, 135, 175, 215, 255)


def ramp_at(ramp: Sequence[RGB], place: float) -> RGB:
    """The colour at a place from 0 (no access) to 1."""
    scaled = min(max(place, 0.0), 1.0) * (len(ramp) - 1)
    first = min(int(scaled), len(ramp) - 2)
    share = scaled - first
    red, green, blue = (
        round(one + (other - one) * share)
        for one, other in zip(ramp[first], ramp[first + 1], strict=True)
    )
    return red, green, blue


def of_256(color: RGB) -> int:
    """The nearest colour of the 256 that terminals have (6x6x6 cube, and 24 greys)."""

    def distance(number: int) -> int:
        return sum((a - b) ** 2 for a, b in zip(color, _rgb_of(number), strict=True))

    return min(range(16, 256), key=distance)


def background(color: RGB, *, truecolor: bool) -> str:
    """The escape sequence that sets the background."""
    if truecolor:
        return f"\x1b[48;2;{color[0]};{color[1]};{color[2]}m"
    return f"\x1b[48;5;{of_256(color)}m"


def _rgb_of(number: int) -> RGB:
    if number >= 232:
        grey = 8 + 10 * (number - 232)
        return grey, grey, grey
    cube = number - 16
    return _CUBE[cube // 36], _CUBE[cube // 6 % 6], _CUBE[cube % 6]
