"""The four ways to change a part of an object."""

from __future__ import annotations

import copy
from typing import Any

Object = dict[str, Any]

_LIST_KEYS = ("name", "containerPort", "port", "mountPath", "uid", "type", "topologyKey")


def merge(target: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def strategic(target: Any, patch: Any) -> Any:
    """A strategic merge patch, near enough: lists of objects are merged by the first usual key that all have."""
    if isinstance(patch, list):
        return _strategic_list(target if isinstance(target, list) else [], patch)
    if not isinstance(patch, dict):
        return patch
    result = {} if patch.get("$patch") == "replace" or not isinstance(target, dict) else dict(target)
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            result.pop(key, None)
        else:
            result[key] = strategic(result.get(key), value)
    return result


def _strategic_list(target: list[Any], patch: list[Any]) -> list[Any]:
    objects = [item for item in patch if isinstance(item, dict)]
    key = next((key for key in _LIST_KEYS if objects and all(key in item for item in objects)), None)
    if key is None or len(objects) != len(patch):
        return patch
    result = list(target)
    for item in objects:
        place = next((index for index, old in enumerate(result) if old.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            if place is not None:
                del result[place]
        elif place is None:
            result.append(item)
        else:
            result[place] = strategic(result[place], item)
    return result


def json_patch(target: Object, operations: list[Object]) -> Object:
    """A JSON patch (RFC 6902): add, replace, remove, test."""
    result = copy.deepcopy(target)
    for operation in operations:
        steps = [step.replace("~1", "/").replace("~0", "~") for step in operation["path"].split("/")[1:]]
        place: Any = result
        for step in steps[:-1]:
            place = place[int(step)] if isinstance(place, list) else place[step]
        last: Any = steps[-1]
        if isinstance(place, list):
            last = len(place) if last == "-" else int(last)
        match operation["op"]:
            case "remove":
                del place[last]
            case "add" if isinstance(place, list):
                place.insert(last, operation["value"])
            case "test":
                if place[last] != operation["value"]:
                    raise ValueError(f"the test of {operation['path']} failed")
            case _:
                place[last] = operation["value"]
    return result


def apply(target: Object, old: Object, new: Object) -> Object:
    """A server-side apply: what the manager no longer names goes, what it names is set. Lists are one value."""
    result = dict(target)
    for key in old:
        if key in new or key not in result:
            continue
        if isinstance(old[key], dict) and isinstance(result[key], dict):
            result[key] = apply(result[key], old[key], {})
            if not result[key]:
                del result[key]
        else:
            del result[key]
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            before = old.get(key)
            result[key] = apply(result[key], before if isinstance(before, dict) else {}, value)
        elif value is not None:
            result[key] = value
    return result
