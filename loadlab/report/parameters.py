"""The parameters of a notebook: what its `parameters` cell declares, and values given for them.

The cell is read with Python's own parser. papermill's `inspect_notebook` works line by line with a regular expression
and misses ``x: float | None = None`` and every default that holds an equals sign: no base for refusing unknown names.
"""

from __future__ import annotations

import ast
import io
import math
import re
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from loadlab.errors import ReportError, SpecError

_SCALARS: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str}
_ALLOWED = {int: "a whole number", float: "a finite number", bool: "true or false", str: "text"}
_NONE_WORDS = {"none", "null"}
_INTEGER = re.compile(r"[+-]?[0-9]+(_[0-9]+)*")


@dataclass(frozen=True)
class Parameter:
    """One assignment of the `parameters` cell.

    `types` holds the scalar types (int, float, bool, str) that its annotation names, else the type of its default;
    empty when neither tells. `nullable` says that None is allowed. `default` is the default as it stands in the cell
    and `help` the comment behind it.
    """

    name: str
    types: tuple[type, ...]
    nullable: bool
    default: str
    help: str

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        words = [_ALLOWED[kind] for kind in self.types] or ["anything"]
        return " or ".join([*words, "none"] if self.nullable else words)

    @property
    def default_value(self) -> object:
        """What the default is; None where it is more than a literal and only the notebook can tell."""
        try:
            return ast.literal_eval(self.default)
        except (ValueError, SyntaxError):
            return None

    def convert(self, value: object) -> object:
        """`value` in the declared type.

        Text, as it comes from a command line, is parsed by the type: ``"0042"`` stays text for a str and is refused by
        a bool; ``true``/``false`` make a bool; ``none`` and ``null`` make None where that is allowed. An int is taken
        for a float, and nothing else is converted.

        Raises:
            SpecError: the value does not have the type.
        """
        if value is None or (isinstance(value, str) and self.nullable and value.lower() in _NONE_WORDS):
            if self.nullable or not self.types:
                return None
        elif not self.types:
            return value
        elif isinstance(value, str):
            for kind in sorted(self.types, key=[bool, int, float, str].index):
                parsed = _parse(value, kind)
                if parsed is not None:
                    return parsed
        elif type(value) in self.types and (not isinstance(value, float) or math.isfinite(value)):
            return value
        elif type(value) is int and float in self.types:
            return float(value)
        raise SpecError(f"parameter '{self.name}'", value, f"{self.allowed}; the notebook's default is {self.default}")


def read_parameters(notebook: Any) -> dict[str, Parameter]:
    """What the cell tagged `parameters` of a notebook (an nbformat node) declares, in order; empty without such a cell.

    Raises:
        ReportError: the cell is not plain Python.
    """
    for cell in notebook.cells:
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", []):
            return {parameter.name: parameter for parameter in _parse_cell(cell.source)}
    return {}


def convert_parameters(declared: Mapping[str, Parameter], given: Mapping[str, object]) -> dict[str, object]:
    """The `given` values in their declared types.

    Raises:
        SpecError: names that the notebook does not have (with the nearest that it has) and values of another type; all
            of them in one message.
    """
    values: dict[str, object] = {}
    problems: list[SpecError] = []
    for name, value in given.items():
        try:
            if name in declared:
                values[name] = declared[name].convert(value)
            elif declared:
                raise SpecError.unknown("parameter", name, declared)
            else:
                raise SpecError(f"parameter '{name}'", value, "none; the notebook has no parameters")
        except SpecError as error:
            problems.append(error)
    if problems:
        raise SpecError.several(problems)
    return values


def _parse(text: str, kind: type) -> object | None:
    """`text` as a `kind`, or None when it is not one."""
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower())
    if kind is int:
        return int(text) if _INTEGER.fullmatch(text) else None
    if kind is float:
        try:
            number = float(text)
        except ValueError:
            return None
        return number if math.isfinite(number) else None
    return text


def _parse_cell(source: str) -> Iterable[Parameter]:
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise ReportError(
            f"the parameters cell of the notebook is not plain Python: line {error.lineno}: {error.msg}"
        ) from error
    comments = {
        token.start[0]: token.string.lstrip("# ").rstrip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    for statement in tree.body:
        target: ast.expr
        annotation: ast.expr | None = None
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target, annotation, value = statement.target, statement.annotation, statement.value
        elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
        else:
            continue
        if isinstance(target, ast.Name):
            types, nullable = _declared_types(annotation, value)
            comment = comments.get(statement.end_lineno or 0, "")
            yield Parameter(target.id, types, nullable, ast.unparse(value), comment)


def _declared_types(annotation: ast.expr | None, value: ast.expr) -> tuple[tuple[type, ...], bool]:
    try:
        default = ast.literal_eval(value)
    except ValueError:
        default = ...
    if annotation is not None:
        words = re.findall(r"[A-Za-z_]+", ast.unparse(annotation))
        types = tuple(_SCALARS[word] for word in words if word in _SCALARS)
        known = {*_SCALARS, "None", "Optional", "Union", "typing"}
        if set(words) <= known:
            return types, bool({"None", "Optional"} & set(words)) or default is None
        return (), default is None
    if type(default) in _SCALARS.values():
        return (type(default),), False
    return (), default is None
