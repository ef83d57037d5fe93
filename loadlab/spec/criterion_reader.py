"""A text that is read from left to right, and errors that point into it."""

from __future__ import annotations

import re
from typing import NoReturn

from loadlab.errors import SpecError, nearest_name

BLANKS = " \t\r\u00a0"
_WORD = re.compile(r"[^\W\d_][\w.]*")
_CRITERION = re.compile(r'(?:"(?:\\.|[^"\\])*"|\([^"\n;]*\)|[^";\n#])*', re.DOTALL)
_SHOWN = 150


class Reader:
    """Where reading is in `text`; `field` is what an error says is wrong."""

    def __init__(self, text: str, field: str) -> None:
        self.text = text
        self.field = field
        self.at = 0

    def skip_blanks(self) -> None:
        """Go on to what is no blank; a line ends a criterion and is none."""
        while self.at < len(self.text) and self.text[self.at] in BLANKS:
            self.at += 1

    def peek(self) -> str:
        """The next character, or "" at the end."""
        return self.text[self.at : self.at + 1]

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What `pattern` matches here, and go on behind it."""
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def take_text(self, text: str) -> bool:
        """Go on behind `text` if it stands here."""
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def take_word(self) -> str:
        """The word that begins here, or ""."""
        found = self.take(_WORD)
        return found[0] if found else ""

    def at_end(self) -> bool:
        """At the end of a criterion: of the text, of the line, at a semicolon or at a comment."""
        return self.peek() in ("", ";", "\n", "#")

    def skip_criterion(self) -> None:
        """Go on to the end of the criterion that stands here, wrong as it may be; where quotes are not closed, nobody
        knows what follows: to the end of the text."""
        self.take(_CRITERION)
        if not self.at_end():
            self.at = len(self.text)

    def fail(self, at: int, allowed: str, *, word: str = "", among: tuple[str, ...] = ()) -> NoReturn:
        """Raise the SpecError that points at character `at`; the word of `among` nearest to `word` is suggested."""
        begin = self.text.rfind("\n", 0, at) + 1
        end = self.text.find("\n", at)
        line = self.text[begin:] if end < 0 else self.text[begin:end]
        column = at - begin
        if column > _SHOWN:  # a long line: what stands before the place
            line, column = "…" + line[column - _SHOWN + 1 :], _SHOWN
        if len(line) > column + _SHOWN:
            line = line[: column + _SHOWN] + "…"
        shown = "".join(char if char.isprintable() else " " for char in line)
        nearest = nearest_name(word.lower(), among) if word else None
        error = SpecError(self.field, line.strip(), allowed, nearest=nearest)
        hint = f" Did you mean '{nearest}'?" if nearest else ""
        error.args = (
            f"{self.field}: {allowed}.{hint}\n  {shown[:column] + shown[column:].rstrip()}\n  {' ' * column}^",
        )
        raise error
