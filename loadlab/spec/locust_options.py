"""Which command line options and variables of Locust a test may set itself, and which loadlab sets from its fields."""

from __future__ import annotations

from collections.abc import Iterable

from loadlab.errors import SpecError
from loadlab.spec.secrets import hide_words

_WEB = "leave it out; loadlab drives Locust through its web port"
_ROLE = "the field 'workers' instead; loadlab connects master and workers itself"
_ENDS = "leave it out; with it Locust prints something instead of running a test"
_LOG = "leave it out; the logs of a run are kept in its folder"

OWNED_OPTIONS: dict[str, str] = {
    **dict.fromkeys(("-f", "--locustfile"), "the field 'locustfile' instead"),
    **dict.fromkeys(("-H", "--host"), "the field 'host' instead"),
    **dict.fromkeys(("-u", "--users"), "the field 'users' instead"),
    **dict.fromkeys(("-r", "--spawn-rate"), "the field 'spawn_rate' instead"),
    **dict.fromkeys(("-t", "--run-time"), "the field 'run_time' instead"),
    **dict.fromkeys(("-s", "--stop-timeout"), "the field 'stop_timeout' instead"),
    **dict.fromkeys(("-T", "--tags"), "the field 'tags' instead"),
    **dict.fromkeys(("-E", "--exclude-tags"), "the field 'exclude_tags' instead"),
    **dict.fromkeys(("--processes", "--master", "--worker", "--slave", "--expect-slaves"), _ROLE),
    **dict.fromkeys(("--master-host", "--master-port", "--master-bind-host", "--master-bind-port"), _ROLE),
    **dict.fromkeys(("--expect-workers", "--expect-workers-max-wait", "--enable-rebalancing"), _ROLE),
    **dict.fromkeys(("--headless", "--headful", "--autostart", "--autoquit", "--class-picker"), _WEB),
    **dict.fromkeys(("-P", "--web-port", "--web-host", "--web-host-display-name", "--web-base-path"), _WEB),
    **dict.fromkeys(("--web-auth", "--web-login", "--tls-cert", "--tls-key", "--build-path", "--legacy-ui"), _WEB),
    **dict.fromkeys(("-h", "--help", "-V", "--version", "-l", "--list"), _ENDS),
    **dict.fromkeys(("--show-task-ratio", "--show-task-ratio-json"), _ENDS),
    **dict.fromkeys(("--logfile", "--skip-log-setup"), _LOG),
    "--config": "the fields of the test instead of a configuration file",
}
"""Options of Locust that loadlab sets itself, and what to use instead."""

_OVERRULED = {"--users", "--spawn-rate", "--run-time"}
"""Abbreviating these changes nothing, because a started test brings its own; so a locustfile may have a ``--user``."""

OWNED_VARIABLES: dict[str, str] = {
    "LOCUST_LOCUSTFILE": "the field 'locustfile' instead",
    "LOCUST_HOST": "the field 'host' instead",
    "LOCUST_USERS": "the field 'users' instead",
    "LOCUST_SPAWN_RATE": "the field 'spawn_rate' instead",
    "LOCUST_RUN_TIME": "the field 'run_time' instead",
    "LOCUST_STOP_TIMEOUT": "the field 'stop_timeout' instead",
    "LOCUST_TAGS": "the field 'tags' instead",
    "LOCUST_EXCLUDE_TAGS": "the field 'exclude_tags' instead",
    "LOCUST_PROCESSES": _ROLE,
    "LOCUST_MODE_": _ROLE,
    "LOCUST_MASTER_": _ROLE,
    "LOCUST_EXPECT_": _ROLE,
    "LOCUST_HEADLESS": _WEB,
    "LOCUST_HEADFUL": _WEB,
    "LOCUST_AUTOSTART": _WEB,
    "LOCUST_AUTOQUIT": _WEB,
    "LOCUST_USERCLASS_PICKER": _WEB,
    "LOCUST_WEB_": _WEB,
    "LOCUST_TLS_": _WEB,
    "LOCUST_BUILD_PATH": _WEB,
    "LOCUST_LEGACY_UI": _WEB,
    "LOCUST_LOGFILE": _LOG,
    "LOCUST_SKIP_LOG_SETUP": _LOG,
    "LOADLAB_": "another name; names that begin so are loadlab's own",
}
"""Variables that loadlab sets itself, and what to use instead; ``_`` at the end of a name stands for anything."""


def check_options(field: str, options: Iterable[str]) -> list[SpecError]:
    """One SpecError for each of `options` that loadlab owns, as ``--x y``, ``--x=y``, ``-xy`` or abbreviated."""
    errors = []
    for index, option in enumerate(options):
        owned, shown = _owner(option), hide_words([option])[0]
        if owned:
            errors.append(SpecError(f"{field}[{index}]", shown, OWNED_OPTIONS[owned]))
        elif option == "--" or (index == 0 and not option.startswith("-")):
            errors.append(SpecError(f"{field}[{index}]", shown, "an option; user classes go into 'user_classes'"))
    return errors


def _owner(option: str) -> str | None:
    if option.startswith("--"):
        name = option.partition("=")[0]
        if name in OWNED_OPTIONS:
            return name
        # Locust's parser takes any unambiguous beginning of an option for the option
        owners = [owned for owned in OWNED_OPTIONS if owned.startswith(name) and owned not in _OVERRULED]
        return owners[0] if len(name) > len("--") and owners else None
    return option[:2] if option[:2] in OWNED_OPTIONS else None


def is_owned_variable(name: str) -> bool:
    """True for an environment variable that would change what a LoadTest or a launcher decides."""
    return _owning_entry(name) is not None


def _owning_entry(name: str) -> str | None:
    """The entry of OWNED_VARIABLES that `name` falls under."""
    return next(
        (each for each in OWNED_VARIABLES if name == each or (each.endswith("_") and name.startswith(each))), None
    )


def check_environment(field: str, names: Iterable[str]) -> list[SpecError]:
    """One SpecError for each variable that loadlab owns."""
    return [
        SpecError(f"{field}[{name!r}]", name, OWNED_VARIABLES[owned])
        for name in names
        if (owned := _owning_entry(name)) is not None
    ]
