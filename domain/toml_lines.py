"""On which line each key of a TOML text stands.

The standard library's reader gives values without their places, and tomlkit, which keeps a file's layout, tells no
lines either.
"""

import re
import tomllib
from collections.abc import Callable

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*'""")
_STRING = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}' + r"|'''.*?'{3,5}" + r'|"(?:\\.|[^"\\])*"' + r"|'[^']*'", re.DOTALL)
_SCALAR = re.compile(r"[^,\]}\r\n#]+")


def lines_of(text: str) -> dict[str, int]:
    """The line of every dotted key ("plans.0.prices.monthly"), counted from 1. The text is valid TOML."""
    reader = _Reader(text)
    reader.read()
    return reader.lines


def line_of(lines: dict[str, int], key: str) -> int:
    """The line of this key, or of the nearest table around it where the key itself is missing."""
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return lines.get(key, 1)


class _Reader:
    """Walks over the text once; `at` is where it is."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.lines: dict[str, int] = {}
        self._lengths: dict[str, int] = {}

    def read(self) -> None:
        table = ""
        while self._next():
            if self._next() == "[":
                table = self._header()
            else:
                self._pair(table)

    def _next(self) -> str:
        """The next character that means something; nothing at the end."""
        self._take(_BLANK)
        return self.text[self.at : self.at + 1]

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            return ""
        self.at = match.end()
        return match[0]

    def _header(self) -> str:
        """`[table]` or `[[array of tables]]`: the path of what follows."""
        array = self.text.startswith("[[", self.at)
        line, brackets, path = self._line(), 2 if array else 1, ""
        self.at += brackets
        keys = self._keys()
        for depth, key in enumerate(keys, start=1):
            path = _joined(path, key)
            self.lines.setdefault(path, line)
            if array and depth == len(keys):
                self._lengths[path] = self._lengths.get(path, 0) + 1
            path = self._newest(path)
            self.lines.setdefault(path, line)
        self._next()
        self.at += brackets
        return path

    def _newest(self, path: str) -> str:
        """In an array of tables the last table so far is meant."""
        return f"{path}.{self._lengths[path] - 1}" if path in self._lengths else path

    def _pair(self, table: str) -> None:
        line, path = self._line(), table
        for key in self._keys():
            path = _joined(path, key)
            self.lines.setdefault(path, line)
        self.at += len("=")
        self._value(path)

    def _keys(self) -> list[str]:
        """One key, or several with dots between them."""
        keys = []
        while True:
            self._next()
            key = self._take(_KEY)
            keys.append(tomllib.loads(f"key = {key}")["key"] if key[0] in "\"'" else key)
            if self._next() != ".":
                return keys
            self.at += len(".")

    def _value(self, path: str) -> None:
        opening = self._next()
        if opening == "{":
            self._inside("}", lambda _: self._pair(path))
        elif opening == "[":
            self._inside("]", lambda index: self._item(f"{path}.{index}"))
        elif not self._take(_STRING):
            self._take(_SCALAR)

    def _inside(self, closing: str, read_part: Callable[[int], None]) -> None:
        """The parts of an array or an inline table, with commas between them."""
        self.at += 1
        index = 0
        while (character := self._next()) != closing:
            if character == ",":
                self.at += 1
                index += 1
            else:
                read_part(index)
        self.at += 1

    def _item(self, path: str) -> None:
        self._next()
        self.lines.setdefault(path, self._line())
        self._value(path)

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
