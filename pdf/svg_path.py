"""SVG path data as PDF path operators (SVG 1.1, 8.3; ISO 32000-1, 8.5.2).

Quadratic curves and elliptical arcs become cubic Bezier curves; arcs by the endpoint to centre conversion of SVG 1.1,
appendix F.6.5, in steps of at most a quarter turn.
"""

import math
import re
from collections.abc import Iterator

_TOKEN = re.compile(r"([MmLlHhVvCcSsQqTtAaZz])|(-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|[\s,+]+|(.)")
_ARGUMENTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}


class UnreadablePath(ValueError):
    """The path data is not SVG 1.1; export the logo again as plain paths."""


def number(value: float) -> str:
    """A PDF number: never in exponent form, which PDF does not know."""
    return f"{value:.4f}".rstrip("0").rstrip(".")


def path_operators(data: str) -> str:
    """PDF path construction operators in the SVG's own coordinates."""
    pen = _Pen()
    for command, numbers in _commands(data):
        pen.draw(command, numbers)
    return " ".join(pen.out)


def _commands(data: str) -> Iterator[tuple[str, list[float]]]:
    """Each command with one set of arguments; a repeated moveto is a lineto."""
    for match in re.finditer(r"([MmLlHhVvCcSsQqTtAaZz])([^MmLlHhVvCcSsQqTtAaZz]*)", data):
        command, rest = match[1], match[2]
        size = _ARGUMENTS[command.upper()]
        numbers = _arc_numbers(rest) if command in "Aa" else _numbers(rest)
        if (size == 0 and numbers) or (size and (not numbers or len(numbers) % size)):
            raise UnreadablePath(f"{match[0][:40]!r}: {command} takes {size} numbers at a time")
        if not size:
            yield command, []
        for start in range(0, len(numbers), size or 1):
            yield command, numbers[start : start + size]
            command = {"M": "L", "m": "l"}.get(command, command)


def _numbers(text: str) -> list[float]:
    numbers = []
    for match in _TOKEN.finditer(text):
        if match[3]:
            raise UnreadablePath(f"{match[3]!r} is not part of SVG path data")
        if match[2]:
            numbers.append(float(match[2]))
    return numbers


def _arc_numbers(text: str) -> list[float]:
    """Arc flags may be written without a space after them (SVG 1.1, 8.3.9)."""
    value = re.compile(r"[\s,+]*(-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
    flag = re.compile(r"[\s,]*([01])")
    numbers: list[float] = []
    at = 0
    while text[at:].strip(" \t\r\n,"):
        match = (flag if len(numbers) % 7 in (3, 4) else value).match(text, at)
        if match is None:
            raise UnreadablePath(f"{text[at : at + 20]!r} is not part of an arc")
        numbers.append(float(match[1]))
        at = match.end()
    return numbers


class _Pen:
    """Current point, start of the subpath, and the last control point for smooth curves."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.x = self.y = self.start_x = self.start_y = 0.0
        self.control: tuple[str, float, float] = ("", 0.0, 0.0)

    def draw(self, command: str, numbers: list[float]) -> None:
        kind = command.upper()
        if command.islower() and kind != "A":
            shifts = {"H": [self.x], "V": [self.y]}.get(kind, [self.x, self.y] * 3)
            numbers = [number + shift for number, shift in zip(numbers, shifts, strict=False)]
        elif command == "a":
            numbers = [*numbers[:5], numbers[5] + self.x, numbers[6] + self.y]
        getattr(self, f"_{kind.lower()}")(*numbers)

    def _go(self, operator: str, *points: float) -> None:
        self.out.append(f"{' '.join([number(point) for point in points])} {operator}")
        self.x, self.y = points[-2:]
        self.control = ("", self.x, self.y)

    def _m(self, x: float, y: float) -> None:
        self._go("m", x, y)
        self.start_x, self.start_y = x, y

    def _l(self, x: float, y: float) -> None:
        self._go("l", x, y)

    def _h(self, x: float) -> None:
        self._go("l", x, self.y)

    def _v(self, y: float) -> None:
        self._go("l", self.x, y)

    def _z(self) -> None:
        self.out.append("h")
        self.x, self.y = self.start_x, self.start_y
        self.control = ("", self.x, self.y)

    def _c(self, *points: float) -> None:
        self._go("c", *points)
        self.control = ("C", points[2], points[3])

    def _s(self, *points: float) -> None:
        self._c(*self._reflected("C"), *points)

    def _q(self, cx: float, cy: float, x: float, y: float) -> None:
        """Raise the degree: each cubic control point lies two thirds of the way to the quadratic one."""
        first = (self.x + 2 / 3 * (cx - self.x), self.y + 2 / 3 * (cy - self.y))
        self._go("c", *first, x + 2 / 3 * (cx - x), y + 2 / 3 * (cy - y), x, y)
        self.control = ("Q", cx, cy)

    def _t(self, x: float, y: float) -> None:
        self._q(*self._reflected("Q"), x, y)

    def _reflected(self, kind: str) -> tuple[float, float]:
        if self.control[0] != kind:
            return self.x, self.y
        return 2 * self.x - self.control[1], 2 * self.y - self.control[2]

    def _a(self, rx: float, ry: float, turn: float, large: float, sweep: float, x: float, y: float) -> None:
        if not rx or not ry or (x, y) == (self.x, self.y):
            self._l(x, y)
            return
        for curve in _arc_curves(
            (self.x, self.y), (abs(rx), abs(ry)), math.radians(turn), large != sweep, (x, y), sweep
        ):
            self._go("c", *curve)


def _arc_curves(
    start: tuple[float, float],
    radii: tuple[float, float],
    turn: float,
    positive_root: bool,
    end: tuple[float, float],
    sweep: float,
) -> Iterator[tuple[float, ...]]:
    cos, sin = math.cos(turn), math.sin(turn)
    half_x, half_y = (start[0] - end[0]) / 2, (start[1] - end[1]) / 2
    px, py = cos * half_x + sin * half_y, -sin * half_x + cos * half_y
    rx, ry = radii
    reach = (px / rx) ** 2 + (py / ry) ** 2
    if reach > 1:  # radii too small to span the distance are grown (F.6.6)
        rx, ry = rx * math.sqrt(reach), ry * math.sqrt(reach)
    away = (rx * py) ** 2 + (ry * px) ** 2
    root = math.sqrt(max(0.0, (rx * ry) ** 2 - away) / away) * (1 if positive_root else -1)
    ux, uy = root * rx * py / ry, -root * ry * px / rx
    cx, cy = cos * ux - sin * uy + (start[0] + end[0]) / 2, sin * ux + cos * uy + (start[1] + end[1]) / 2
    first = math.atan2((py - uy) / ry, (px - ux) / rx)
    extent = math.atan2((-py - uy) / ry, (-px - ux) / rx) - first
    extent += 2 * math.pi * ((sweep and extent < 0) - (not sweep and extent > 0))
    steps = max(1, math.ceil(abs(extent) / (math.pi / 2) - 1e-9))
    step = extent / steps
    pull = 4 / 3 * math.tan(step / 4)

    def place(x: float, y: float) -> tuple[float, float]:
        return cx + cos * rx * x - sin * ry * y, cy + sin * rx * x + cos * ry * y

    for index in range(steps):
        a, b = first + index * step, first + (index + 1) * step
        yield (
            *place(math.cos(a) - pull * math.sin(a), math.sin(a) + pull * math.cos(a)),
            *place(math.cos(b) + pull * math.sin(b), math.sin(b) - pull * math.cos(b)),
            *place(math.cos(b), math.sin(b)),
        )
