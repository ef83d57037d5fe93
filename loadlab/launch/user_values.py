"""The user's own Helm values over loadlab's: what they may not decide, and what of the result may be shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loadlab.errors import SpecError
from loadlab.redaction import HIDDEN
from loadlab.spec import hide_text, hide_words

Place = tuple[str, ...]

OWNED: dict[Place, str] = {
    ("worker", "replicas"): "the field 'workers' decides on it",
    ("worker", "hpa", "enabled"): "the field 'workers' decides on it",
    ("loadtest", "headless"): "loadlab drives Locust through its web port",
    ("loadtest", "locust_host"): "the field 'host' decides on it",
    ("loadtest", "locust_locustfile"): "the field 'locustfile' decides on it",
    ("loadtest", "locust_locustfile_configmap"): "the field 'locustfile' decides on it",
    ("loadtest", "environment_secret"): "name an existing Secret in the field 'secrets', the only way for a secret",
}
"""Values that would contradict the test -> what decides on them."""

TOKEN = "LOADLAB_TOKEN"


def at(values: Mapping[str, Any], path: Place) -> Any:
    """What stands at `path`, or None."""
    found: Any = values
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def check_owned(own: Mapping[str, Any], merged: Mapping[str, Any]) -> None:
    """Raise SpecError where `merged`, the chart's values, says otherwise than `own` what is not the user's to say."""
    owned = dict(OWNED)
    for name in own["extraLabels"]:
        owned["extraLabels", name] = "by these labels loadlab finds the swarm again"
    for name in own["extraConfigMaps"]:
        owned["extraConfigMaps", name] = "the files of the test are there"
    if at(own, ("loadlab", "separateFrom")):
        owned["loadlab", "separateFrom"] = "the field 'separate_from' decides on it"
    for path, reason in owned.items():
        if at(merged, path) != at(own, path):
            raise _refusal(merged, path, reason)
    for path in _places_of(TOKEN, merged):
        if path[:2] != ("loadtest", "environment_secret"):
            raise SpecError(f"the Helm value {'.'.join(path)}", TOKEN, "leave it out; each run has a token of its own")
    for part in ("master", "worker"):
        path = (part, "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
        terms = at(merged, path) or []
        if any(term not in terms for term in at(own, path) or []):
            raise _refusal(merged, path, "it would take the place of the field 'separate_from'; add its term to yours")


def _refusal(merged: Mapping[str, Any], path: Place, reason: str) -> SpecError:
    return SpecError(f"the Helm value {'.'.join(path)}", at(masked(merged), path), f"leave it out; {reason}")


def _places_of(name: str, value: Any, path: Place = ()) -> Iterator[Place]:
    """Where `name` is a key or a text."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key == name:
                yield (*path, key)
            yield from _places_of(name, each, (*path, str(key)))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _places_of(name, each, (*path, str(number)))
    elif value == name:
        yield path


def masked(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` without what may be secret, for people and for run.json: passwords in URLs, arguments that speak of
    secrets, and the values of environment variables but loadlab's own."""
    return {key: _masked(key, each) for key, each in values.items()}


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        if name in ("environment", "environment_secret"):
            return {key: each if _is_harmless(key) else HIDDEN for key, each in value.items()}
        return {key: _masked(key, each) for key, each in value.items()}
    if isinstance(value, list):
        if name in ("extraEnv", "env"):
            return [_masked_variable(each) for each in value]
        if name in ("args", "command"):
            words = [str(each) for each in value]
            pairs = zip(value, words, hide_words(words), strict=True)
            return [each if shown == word else shown for each, word, shown in pairs]
        return [_masked("", each) for each in value]
    if isinstance(value, str):
        return hide_text(value)
    return value


def _masked_variable(variable: Any) -> Any:
    """An entry of a container's `env`."""
    if isinstance(variable, Mapping) and "value" in variable and not _is_harmless(str(variable.get("name"))):
        return {**variable, "value": HIDDEN}
    return variable


def _is_harmless(variable: str) -> bool:
    return variable.startswith(("LOADLAB_AGENT_", "PYTHONPATH"))
