"""LoadTest: everything that defines a load test, validated before anything starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from loadlab.errors import SpecError
from loadlab.redaction import HIDDEN
from loadlab.spec import kinds, stage
from loadlab.spec.criteria import ALLOWED, Criteria
from loadlab.spec.durations import format_duration
from loadlab.spec.files import check_file, read_yaml
from loadlab.spec.locust_options import check_environment, check_options
from loadlab.spec.secrets import hide_host, hide_labels, hide_text, hide_words
from loadlab.spec.specification import Problems, Specification, entry, specification
from loadlab.spec.stage import Stage

_TAG = kinds.text("a tag: text without blanks and commas that does not begin with '-'", r"[^-\s,\0][^\s,\0]*")
_CLASS = kinds.text("the name of a Python class", r"[^\W\d]\w*")
_WORD = kinds.text("a word of a command line", r"[^\0]+")
_VARIABLE = kinds.text("letters, digits and _, not beginning with a digit", r"[A-Za-z_][A-Za-z0-9_]*")
_LABEL = kinds.text("a letter followed by up to 62 letters, digits, '_', '.' or '-'", r"[A-Za-z][A-Za-z0-9_.-]{0,62}")
_LABEL_VALUE = kinds.text(
    "text of 1 to 200 characters on one line (in YAML: in quotes)", r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,200}"
)
_LINES = kinds.text("text (in YAML: in quotes)")
_CRITERIA = kinds.Kind("list", ALLOWED, lambda field, value: Criteria.parse(value, field))


@specification
class LoadTest(Specification):
    """A load test: what is loaded, by whom, how hard and for how long. Frozen; the fields carry Locust's own names.

    `LoadTest(host=..., locustfile=..., users=50)`; also from a dict or a YAML file. Durations are kept in seconds and
    taken as ``"90s"``, ``"1h30m"`` or numbers. Lists are kept as tuples; lists of names may be given as one text,
    ``"a, b"``. With `stages`, `users`, `spawn_rate` and `run_time` follow from them: the most users, the fastest rate,
    the sum of the durations.

    No file is looked at; `check_locustfile` does that.

    Raises:
        SpecError: unknown fields and impossible values, all in one message: the field, what was given, what is
            allowed and the nearest valid name.
    """

    locustfile: Path = entry(kinds.path, "Python file with Locust's user classes")
    host: str | None = entry(
        kinds.optional(kinds.url), "base URL of the target; none: the locustfile's own", default=None
    )
    users: int = entry(kinds.integer(1), "users that run at the same time", default=1)
    spawn_rate: float = entry(kinds.number(), "users started per second", default=1.0)
    run_time: float = entry(kinds.duration(), "how long the test lasts, ramp included", default=60.0)
    workers: int = entry(kinds.integer(0), "worker processes; 0: one process does everything", default=1)
    stages: tuple[Stage, ...] = entry(
        stage.stages, "load stages instead of users, spawn_rate and run_time", default=(), singular="stage"
    )
    tags: tuple[str, ...] = entry(kinds.listing(_TAG), "run only tasks with one of these tags", default=())
    exclude_tags: tuple[str, ...] = entry(kinds.listing(_TAG), "leave out tasks with one of these tags", default=())
    user_classes: tuple[str, ...] = entry(
        kinds.listing(_CLASS), "run only these user classes of the locustfile", default=()
    )
    environment: dict[str, str] = entry(
        kinds.mapping(_VARIABLE, _LINES), "environment variables for the locustfile", default={}, singular="env"
    )
    labels: dict[str, str] = entry(
        kinds.mapping(_LABEL, _LABEL_VALUE, kinds.split_pairs),
        "service, environment, build, ...: what runs are found and compared by",
        default={},
        singular="label",
    )
    description: str = entry(_LINES, "one or more sentences for the reader of the result", default="")
    seed: int | None = entry(
        kinds.optional(kinds.integer()), "seed of Python's random module, another for each worker", default=None
    )
    target_rps: float | None = entry(
        kinds.optional(kinds.number()),
        "successful requests per second that a valid run must reach, within 5 %",
        default=None,
    )
    criteria: Criteria = entry(
        _CRITERIA, "what the run is judged by, and what ends it early", default=Criteria(), singular="criterion"
    )
    stop_timeout: float = entry(
        kinds.duration(zero=True), "time that users get to finish their task at the end", default=10.0
    )
    lease: float | None = entry(
        kinds.optional(kinds.duration()), "the test stops itself when nobody has read it for this long", default=30.0
    )
    trace_headers: bool = entry(kinds.switch, "add traceparent and X-Request-Id to each HTTP request", default=True)
    check_host: bool = entry(kinds.switch, "refuse to start when nothing answers at host", default=True)
    locust_options: tuple[str, ...] = entry(
        kinds.listing(_WORD, kinds.split_words), "further command line options for Locust", default=()
    )

    FROM_STAGES: ClassVar[Mapping[str, Callable[[tuple[Stage, ...]], float]]] = {
        "users": lambda stages: max(each.users for each in stages),
        "spawn_rate": lambda stages: max(each.spawn_rate for each in stages),
        "run_time": lambda stages: sum(each.duration for each in stages),
    }
    """The fields that a staged test takes from its stages, and how."""

    _other_names: ClassVar[Mapping[str, str]] = {
        "assertions": "criteria",
        "base_url": "host",
        "clients": "users",
        "duration": "run_time",
        "env": "environment",
        "file": "locustfile",
        "hatch_rate": "spawn_rate",
        "processes": "workers",
        "target": "host",
        "thresholds": "criteria",
        "url": "host",
    }

    @classmethod
    def from_yaml(cls, path: str | Path, **changes: Any) -> Self:
        """From a YAML file with the fields as keys; `changes` win, and environment and labels are added to the file's.

        A relative `locustfile` in the file is relative to the file's folder.

        Raises:
            SpecError: also when the file or the locustfile does not exist.
        """
        given = cls._named(read_yaml(path))
        for name in ("environment", "labels"):
            if isinstance(given.get(name), dict) and isinstance(changes.get(name), Mapping):
                changes[name] = {**given[name], **changes[name]}
        given = _changed(given, changes)
        errors = []
        try:
            cls._check(given)
        except Problems as problems:
            errors += problems.errors
        if isinstance(given.get("locustfile"), str | Path):
            try:
                check_file("locustfile", Path(given["locustfile"]), (".py",), strict=True)
            except SpecError as error:
                errors.append(error)
        if errors:
            raise SpecError.several(errors)
        return cls(**given)

    def replace(self, **changes: Any) -> Self:
        """A copy with other values. New `stages` bring their own users, spawn_rate and run_time."""
        return type(self)(**_changed({field.name: getattr(self, field.name) for field in self.fields()}, changes))

    def without_secrets(self) -> Self:
        """A copy for the eyes of others: passwords, tokens and values of environment variables are ``...``."""
        return self.replace(
            host=None if self.host is None else hide_host(self.host),
            environment=dict.fromkeys(self.environment, HIDDEN),
            labels=hide_labels(self.labels),
            description=hide_text(self.description),
            locust_options=hide_words(self.locust_options),
        )

    def describe(self) -> str:
        """One line for people: how much load, for how long, on what, from where; no secrets."""
        load = f"{self.users} user{'s' * (self.users != 1)}"
        load = (
            f"{len(self.stages)} stage{'s' * (len(self.stages) != 1)} of up to {load}"
            if self.stages
            else f"{load} at {self.spawn_rate:g}/s"
        )
        target = hide_host(self.host) if self.host else "the locustfile's host"
        workers = f"{self.workers} worker{'s' * (self.workers != 1)}" if self.workers else "one process"
        return f"{load} for {format_duration(self.run_time)} on {target}, {workers}, {self.locustfile.name}"

    @classmethod
    def _fitting_field(cls, value: object, place: int) -> str:
        text = str(value) if isinstance(value, str | Path) else ""
        return "host" if "://" in text else "locustfile" if text else "users" if isinstance(value, int) else ""

    @classmethod
    def _check(cls, given: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
        if given.get("stages"):
            given = {name: value for name, value in given.items() if value is not None or name not in cls.FROM_STAGES}
        return super()._check(given, prefix)

    @classmethod
    def _check_together(cls, given: Mapping[str, Any], values: dict[str, Any], prefix: str) -> list[SpecError]:
        errors = []
        stages = values.get("stages", ())
        for name, derive in cls.FROM_STAGES.items() if stages else ():
            derived = derive(stages)
            if name in given and name in values and values[name] != derived:
                made = format_duration(derived) if name == "run_time" else f"{derived:g}"
                allowed = (
                    f"leave it out, because the stages make it {made}, or give other stages (on the command line with "
                    "--stage USERS/RATE/TIME)"
                )
                errors.append(SpecError(name, given[name], allowed))
            values[name] = derived
        for tag in sorted({*values.get("tags", ())} & {*values.get("exclude_tags", ())}):
            errors.append(SpecError("exclude_tags", tag, "a tag that is not in 'tags' too"))
        errors += check_environment("environment", values.get("environment", {}))
        errors += check_options("locust_options", values.get("locust_options", ()))
        return errors


def _changed(given: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    if changes.get("stages"):
        given = {name: value for name, value in given.items() if name not in LoadTest.FROM_STAGES}
    return {**given, **changes}


def check_locustfile(test: LoadTest) -> None:
    """Raise SpecError, naming the nearest Python file beside it, unless the test's locustfile is one."""
    if not isinstance(test, LoadTest):  # the first thing that a person may get wrong
        path = str(test) if isinstance(test, str | Path) else ""
        named = f"locustfile={path!r}, ..." if path.endswith(".py") else "..."
        how = f"LoadTest.from_yaml({path!r})" if path.endswith((".yaml", ".yml")) else f"LoadTest({named})"
        raise SpecError("test", test, f"a LoadTest, such as {how}")
    check_file("locustfile", test.locustfile, (".py",), strict=True)
