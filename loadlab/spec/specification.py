"""What LoadTest and Stage share: fields that check themselves, and every problem told at once."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from loadlab.errors import SpecError, nearest_name
from loadlab.spec.criterion import Criterion
from loadlab.spec.kinds import Kind
from loadlab.spec.shown import code_text, table_html

T = TypeVar("T", bound="Specification")


@dataclass(frozen=True)
class Field:
    """One field of a specification, for help texts and command line options.

    `type` is its Kind's name, `allowed` the values in words, `default` the value without it (None for a required
    field), `doc` one sentence. A `nullable` field takes None too. `singular` is the name of one entry of a list or
    mapping.
    """

    name: str
    type: str
    default: Any
    doc: str
    allowed: str
    required: bool
    nullable: bool
    singular: str
    convert: Callable[[str, object], Any] = dataclasses.field(repr=False)


class Problems(Exception):
    """Several SpecErrors at once, on their way to the specification that reports them."""

    def __init__(self, errors: list[SpecError]) -> None:
        self.errors = errors
        super().__init__(f"{len(errors)} problems")


def entry(kind: Kind, doc: str, *, default: Any = MISSING, singular: str = "") -> Any:
    """Declare a field of a specification: its kind, its only default (none: the field is required), one sentence."""
    metadata = {"kind": kind, "doc": doc, "singular": singular}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def specification(cls: type[T]) -> type[T]:
    """Make `cls` a frozen dataclass whose signature shows its fields, although `Specification.__init__` takes them."""
    made = dataclass(frozen=True, init=False, repr=False)(cls)
    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.required else field.default,
        )
        for field in made.fields()
    ]
    made.__signature__ = inspect.Signature(parameters)
    return made


class Specification:
    """Base of the frozen dataclasses made with `specification`.

    Raises:
        SpecError: unknown names, missing values and values that are not allowed; all of them in one message.
    """

    __signature__: ClassVar[inspect.Signature]
    _other_names: ClassVar[Mapping[str, str]] = {}
    """What people call a field elsewhere -> its name here; for suggestions only."""

    def __init__(self, *unnamed: object, **given: Any) -> None:
        if unnamed:
            fitting = [(self._fitting_field(value, place), value) for place, value in enumerate(unnamed)]
            names = [field.name for field in self.fields()]
            example = ", ".join(f"{name}={value!r}" for name, value in fitting if name) or f"{names[0]}=..."
            raise SpecError(type(self).__name__, unnamed[0], f"fields given by their names, such as {example}")
        try:
            values = self._check(given)
        except Problems as problems:
            raise SpecError.several(problems.errors) from None
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def _fitting_field(cls, value: object, place: int) -> str:
        """The field that a value given without a name at this place is meant for, or ""."""
        names = [field.name for field in cls.fields()]
        return names[place] if place < len(names) else ""

    @classmethod
    def fields(cls) -> tuple[Field, ...]:
        """The fields in order."""
        return tuple(_describe(field) for field in dataclasses.fields(cls))  # type: ignore[arg-type]

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """From a mapping of field names to values, such as `to_dict` makes."""
        return cls(**cls._named(given))

    @classmethod
    def _named(cls, given: object) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            names = ", ".join(field.name for field in cls.fields())
            raise SpecError(cls.__name__, given, f"a mapping with the fields {names}")
        return {str(name): value for name, value in given.items()}

    @classmethod
    def _check(cls, given: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
        """`given` checked and completed with the defaults. Raises Problems with everything that is wrong."""
        fields = {field.name: field for field in cls.fields()}
        errors = [cls._unknown(name, value, prefix) for name, value in given.items() if name not in fields]
        meant = {error.nearest for error in errors}
        values: dict[str, Any] = {}
        for name, field in fields.items():
            if name not in given:
                values[name] = field.default
                if field.required and name not in meant:
                    errors.append(SpecError.missing(prefix + name, field.allowed))
                continue
            try:
                values[name] = field.convert(prefix + name, given[name])
            except SpecError as error:
                errors.append(error)
            except Problems as problems:
                errors += problems.errors
        errors += cls._check_together(given, values, prefix)
        if errors:
            raise Problems(errors)
        return values

    @classmethod
    def _check_together(cls, given: Mapping[str, Any], values: dict[str, Any], prefix: str) -> list[SpecError]:
        """What is wrong between fields. `values` lacks the fields that are wrong already; it may be completed."""
        return []

    @classmethod
    def _unknown(cls, name: str, value: object, prefix: str) -> SpecError:
        names = [field.name for field in cls.fields()]
        nearest = nearest_name(name, names) or cls._other_names.get(name.lower().replace("-", "_"))
        return SpecError(f"unknown field '{prefix}{name}'", value, ", ".join(sorted(names)), nearest=nearest)

    def without_secrets(self) -> Self:
        """A copy for the eyes of others."""
        return self

    def describe(self) -> str:
        """One line for people."""
        return type(self).__name__

    def __repr__(self) -> str:
        """The fields that differ from their defaults, secrets left out."""
        return code_text(self.without_secrets())

    def _repr_html_(self) -> str:
        return table_html(self.without_secrets(), self.describe())

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON-able values; `from_dict` makes an equal object of them."""
        return {field.name: _plain(getattr(self, field.name)) for field in self.fields()}


def nest(kind: type[Specification], field: str, entries: Iterable[object]) -> tuple[Any, ...]:
    """Each of `entries`, an object of `kind` or its mapping, as an object of `kind`; problems carry `field[index]`."""
    made: list[Specification] = []
    errors: list[SpecError] = []
    for index, given in enumerate(entries):
        if isinstance(given, kind):
            made.append(given)
            continue
        try:
            made.append(kind(**kind._check(kind._named(given), f"{field}[{index}].")))
        except Problems as problems:
            errors += problems.errors
        except SpecError as error:
            errors.append(SpecError(f"{field}[{index}]", error.given, error.allowed))
    if errors:
        raise Problems(errors)
    return tuple(made)


def _describe(field: dataclasses.Field[Any]) -> Field:
    kind: Kind = field.metadata["kind"]
    if field.default_factory is not MISSING:
        default = field.default_factory()
    else:
        default = None if field.default is MISSING else field.default
    return Field(
        name=field.name,
        type=kind.name,
        default=default,
        doc=field.metadata["doc"],
        allowed=kind.allowed,
        required=field.default is MISSING and field.default_factory is MISSING,
        nullable=kind.nullable,
        singular=field.metadata["singular"] or field.name,
        convert=kind.convert,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Specification):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, Criterion):
        return str(value)
    return value.as_posix() if isinstance(value, Path) else value
