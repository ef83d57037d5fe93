"""Reads the few objects that clients send as protobuf: `k8s\\0`, an Unknown around it, the object inside."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Iterator
from typing import Any

MAGIC = b"k8s\0"

_REFERENCE = {1: ("kind", "str"), 3: ("name", "str"), 4: ("uid", "str"), 5: ("apiVersion", "str")}
_TIME = "time"

_META = {
    1: ("name", "str"),
    2: ("generateName", "str"),
    3: ("namespace", "str"),
    5: ("uid", "str"),
    6: ("resourceVersion", "str"),
    8: ("creationTimestamp", _TIME),
    11: ("labels", "map"),
    12: ("annotations", "map"),
    13: ("ownerReferences", [_REFERENCE]),
    14: ("finalizers", ["str"]),
}
_ATTRIBUTES = {
    1: ("namespace", "str"),
    2: ("verb", "str"),
    3: ("group", "str"),
    4: ("version", "str"),
    5: ("resource", "str"),
    6: ("subresource", "str"),
    7: ("name", "str"),
}
_DELETE_OPTIONS = {
    1: ("gracePeriodSeconds", "int"),
    2: ("preconditions", {1: ("uid", "str"), 2: ("resourceVersion", "str")}),
    3: ("orphanDependents", "bool"),
    4: ("propagationPolicy", "str"),
}

SCHEMAS: dict[str, dict[int, tuple[str, Any]]] = {
    "Secret": {
        1: ("metadata", _META),
        2: ("data", "bytes map"),
        3: ("type", "str"),
        4: ("stringData", "map"),
        5: ("immutable", "bool"),
    },
    "ConfigMap": {1: ("metadata", _META), 2: ("data", "map"), 3: ("binaryData", "bytes map")},
    "Namespace": {1: ("metadata", _META)},
    "SelfSubjectAccessReview": {2: ("spec", {1: ("resourceAttributes", _ATTRIBUTES)})},
    "SelfSubjectRulesReview": {2: ("spec", {1: ("namespace", "str")})},
    "SelfSubjectReview": {},
    "DeleteOptions": _DELETE_OPTIONS,
    "Eviction": {1: ("metadata", _META), 2: ("deleteOptions", _DELETE_OPTIONS)},
}


def decode(body: bytes) -> dict[str, Any]:
    """The object as its JSON would be."""
    unknown = dict(_fields(body.removeprefix(MAGIC)))
    about = dict(_fields(unknown[1]))
    kind = about[2].decode()
    return {"apiVersion": about[1].decode(), "kind": kind} | _message(unknown.get(2, b""), SCHEMAS[kind])


def _message(data: bytes, schema: dict[int, tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, raw in _fields(data):
        if number not in schema:
            continue
        name, kind = schema[number]
        if kind in ("map", "bytes map"):
            entry = dict(_fields(raw))
            value = entry.get(2, b"")
            text = value.decode() if kind == "map" else base64.b64encode(value).decode()
            found.setdefault(name, {})[entry.get(1, b"").decode()] = text
        elif isinstance(kind, list):
            found.setdefault(name, []).append(_value(raw, kind[0]))
        else:
            value = _value(raw, kind)
            if value not in ("", None, {}):
                found[name] = value
    return found


def _value(raw: Any, kind: Any) -> Any:
    if isinstance(kind, dict):
        return _message(raw, kind)
    if kind == "str":
        return raw.decode()
    if kind == "bool":
        return bool(raw)
    if kind == _TIME:
        seconds = dict(_fields(raw)).get(1)
        return None if not seconds else datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%FT%TZ")
    return raw


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        match tag & 7:
            case 0:
                value, position = _varint(data, position)
                yield tag >> 3, value
            case 2:
                length, position = _varint(data, position)
                yield tag >> 3, data[position : position + length]
                position += length
            case other:
                raise ValueError(f"wire type {other} is not expected here")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
