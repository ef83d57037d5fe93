"""The selector of a criterion: what stands in brackets, ``GET /cart`` or ``"a name (with brackets)"``."""

from __future__ import annotations

import re

from loadlab.spec.criterion_reader import Reader
from loadlab.spec.criterion_rules import METHODS
from loadlab.spec.criterion_writer import ESCAPES

REQUEST_TYPE = re.compile(r"([A-Z][A-Z0-9_-]*)[ \t]+")
ERROR = re.compile(r"error[ \t]*:[ \t]*")


def is_plain_name(name: str, *, of_requests: bool, count: bool) -> bool:
    """True if `name` needs no quotes in a selector. `of_requests`: one that may begin with a request type; `count`:
    one that may be a kind of failure."""
    if name != name.strip() or not name.isprintable() or name == "*" or any(char in name for char in '";'):
        return False
    if (of_requests and (REQUEST_TYPE.match(name) or name in METHODS)) or (count and ERROR.match(name)):
        return False
    reader = Reader(f"{name})", "")
    return _balanced_end(reader) == len(name)


def _balanced_end(reader: Reader) -> int | None:
    """Where the bracket that closes a selector stands, or None when there is none before the criterion ends."""
    depth = 0
    for at in range(reader.at, len(reader.text)):
        char = reader.text[at]
        if char in ';"\n':
            return None
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return at
    return None


def read_selector(reader: Reader, *, of_requests: bool) -> tuple[str, str]:
    """(request type, name), and go on behind the closing bracket."""
    begin = reader.at
    if reader.peek() == ")":
        reader.fail(begin, "a name is expected between the brackets, or no brackets for all")
    request_type = ""
    if of_requests and (found := reader.take(REQUEST_TYPE)):
        request_type = found[1]
    name, quoted = _read_name(reader)
    reader.skip_blanks()
    if quoted and of_requests and not request_type and reader.peek() not in (")", ""):
        request_type, (name, quoted) = name, _read_name(reader)
        reader.skip_blanks()
    if name == "" and not quoted and request_type:  # "GET )"
        request_type, name = "", request_type
    if of_requests and not (quoted or request_type) and name in METHODS:
        reader.fail(begin, f"'{name} *' selects all requests of this type, '{name} /path' those of a name")
    if not name:
        reader.fail(begin, "a name that is not empty, or '*' for any")
    if not reader.take_text(")"):
        reader.fail(reader.at, "the closing bracket ')' is expected here; a name that holds one goes into quotes")
    return request_type, name


def _read_name(reader: Reader) -> tuple[str, bool]:
    """The name that begins here, and whether it stands in quotes."""
    begin = reader.at
    if reader.take_text('"'):
        return _read_quoted(reader, begin), True
    end = _balanced_end(reader)
    if end is None:
        at = next((at for at in range(begin, len(reader.text)) if reader.text[at] in ';"\n'), len(reader.text))
        if reader.text[at : at + 1] == '"':
            reader.fail(at, 'a name that holds quotes goes into quotes as a whole, each as \\"')
        reader.fail(at, "the closing bracket ')' is missing; a name that holds ( ) or ; goes into quotes")
    reader.at = end
    return reader.text[begin:end].strip(), False


def _read_quoted(reader: Reader, begin: int) -> str:
    chars: list[str] = []
    while True:
        char = reader.peek()
        reader.at += 1
        if char == '"':
            return "".join(chars)
        if char == "":
            reader.fail(begin, "these quotes are not closed")
        if char == "\\":
            escaped = ESCAPES.get(reader.peek())
            if escaped is None:
                reader.fail(reader.at - 1, 'in quotes \\ stands before \\, ", n, r or t; for itself write \\\\')
            reader.at += 1
            char = escaped
        chars.append(char)
