"""What a container is started with: its command, its environment and its mounted files."""

from __future__ import annotations

import base64
import importlib.metadata
import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cluster_double.store import Store

Object = dict[str, Any]

PATH = f"{Path(sys.prefix) / 'bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENTRYPOINTS = {"locust": ["locust"]}
"""What an image runs whose container names no command; the key is a part of the image's name."""


class NotThere(Exception):
    """A ConfigMap or Secret, or a key of one, is missing; the container waits for it."""


def hidden_paths() -> list[str]:
    """What makes the project under test importable: a pod has only what its image, which is this environment, lacks."""
    hidden = []
    distribution = importlib.metadata.distribution("loadlab")
    for file in distribution.files or ():
        if file.suffix == ".pth":
            hidden.append(str(distribution.locate_file(file)))
        if file.parts[0] == "loadlab":
            hidden.append(str(distribution.locate_file("loadlab")))
    return sorted({os.path.realpath(path) for path in hidden})


def kept_paths() -> list[str]:
    """Where the interpreter is, which has to be there whatever is mounted above it."""
    return sorted({sys.prefix, sys.base_prefix, os.path.realpath(sys.base_prefix)})


def command_line(container: Object, env: dict[str, str]) -> list[str]:
    """Command and arguments, with $(NAME) replaced."""
    command = container.get("command")
    if not command:
        command = next((entry for part, entry in ENTRYPOINTS.items() if part in container.get("image", "")), [])
    words = [*command, *(container.get("args") or ())]
    return [expand(str(word), env) for word in words]


def expand(text: str, env: dict[str, str]) -> str:
    """$(NAME) as Kubernetes replaces it: unknown names stay, $$ is one $."""

    def one(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        return env.get(found[1], found[0])

    return re.sub(r"\$\$|\$\(([-._a-zA-Z0-9]+)\)", one, text)


def environment(store: Store, pod: Object, container: Object, node_ip: str) -> dict[str, str]:
    """The variables of a container; those of Services first, as the kubelet does."""
    namespace = pod["metadata"]["namespace"]
    env = {"PATH": PATH, "HOME": "/", "HOSTNAME": pod["spec"].get("hostname") or pod["metadata"]["name"]}
    if pod["spec"].get("enableServiceLinks", True):
        for service in store.all("services", namespace):
            prefix = re.sub(r"[^A-Z0-9]", "_", service["metadata"]["name"].upper())
            for port in service["spec"].get("ports", [])[:1]:
                env[f"{prefix}_SERVICE_HOST"] = "127.0.0.1"
                env[f"{prefix}_SERVICE_PORT"] = str(port["port"])
                env[f"{prefix}_PORT"] = f"tcp://127.0.0.1:{port['port']}"
    for source in container.get("envFrom") or ():
        for kind, plural in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
            if kind in source:
                found = _data(store, plural, namespace, source[kind]["name"], source[kind].get("optional", False))
                env |= {source.get("prefix", "") + key: value.decode() for key, value in found.items()}
    for item in container.get("env") or ():
        if "valueFrom" in item:
            value = _value_from(store, pod, item["valueFrom"], node_ip)
            if value is not None:
                env[item["name"]] = value
        else:
            env[item["name"]] = expand(str(item.get("value", "")), env)
    return env


def _value_from(store: Store, pod: Object, source: Object, node_ip: str) -> str | None:
    for kind, plural in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
        if kind in source:
            name, key, optional = source[kind]["name"], source[kind]["key"], source[kind].get("optional", False)
            found = _data(store, plural, pod["metadata"]["namespace"], name, optional)
            if key not in found:
                if optional:
                    return None
                raise NotThere(f"couldn't find key {key} in {plural[:-1]} {pod['metadata']['namespace']}/{name}")
            return found[key].decode()
    if "fieldRef" in source:
        return field_value(pod, source["fieldRef"]["fieldPath"], node_ip)
    raise NotThere(f"valueFrom {sorted(source)} is not served here")


def field_value(pod: Object, path: str, node_ip: str) -> str:
    """A field of the pod, for the downward API."""
    if found := re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path):
        return str((pod["metadata"].get(found[1]) or {}).get(found[2], ""))
    if path in ("status.podIP", "status.hostIP"):
        return "127.0.0.1" if path == "status.podIP" else node_ip
    value: Any = pod
    for step in path.split("."):
        value = value.get(step, "") if isinstance(value, dict) else ""
    return str(value)


def _data(store: Store, plural: str, namespace: str, name: str, optional: bool) -> dict[str, bytes]:
    """The decoded content of a ConfigMap or Secret."""
    obj = store.find(plural, namespace, name)
    if obj is None:
        if optional:
            return {}
        raise NotThere(f'{plural[:-1]} "{name}" not found')
    data = {key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}
    for key, value in (obj.get("data") or {}).items():
        data[key] = base64.b64decode(value) if plural == "secrets" else value.encode()
    return data


def write_volumes(store: Store, pod: Object, folder: Path, node_ip: str) -> None:
    """The pod's volumes as folders below `folder`; those that already are there stay."""
    for volume in pod["spec"].get("volumes") or ():
        place = folder / volume["name"]
        if place.exists():
            continue
        if "emptyDir" in volume:
            place.mkdir(parents=True)
            place.chmod(0o777)
            continue
        files = dict(_volume_files(store, pod, volume, node_ip))
        _write_atomically(place, files)


def _volume_files(store: Store, pod: Object, volume: Object, node_ip: str) -> Iterable[tuple[str, bytes]]:
    namespace = pod["metadata"]["namespace"]
    projected = (volume.get("projected") or {}).get("sources") if "projected" in volume else [volume]
    for source in projected or ():
        for kind, plural in (("configMap", "configmaps"), ("secret", "secrets")):
            if kind not in source:
                continue
            about = source[kind]
            name = about.get("name") or about.get("secretName")
            data = _data(store, plural, namespace, name, about.get("optional", False))
            for item in about.get("items") or [{"key": key, "path": key} for key in data]:
                if item["key"] not in data:
                    raise NotThere(f"{plural[:-1]} references non-existent config key: {item['key']}")
                yield item["path"], data[item["key"]]
        for item in (source.get("downwardAPI") or {}).get("items") or ():
            yield item["path"], field_value(pod, item["fieldRef"]["fieldPath"], node_ip).encode()


def _write_atomically(place: Path, files: dict[str, bytes]) -> None:
    """As the kubelet does: the files in a hidden folder, and links to them."""
    inner = place / "..data_1"
    inner.mkdir(parents=True)
    (place / "..data").symlink_to("..data_1")
    for name, content in files.items():
        (inner / name).parent.mkdir(parents=True, exist_ok=True)
        (inner / name).write_bytes(content)
        top = name.split("/")[0]
        if not (place / top).is_symlink():
            (place / top).symlink_to(f"..data/{top}")


def mounts(pod: Object, container: Object, folder: Path, warn: Callable[[str], None]) -> list[Object]:
    """Where each of the container's volumes goes. Kinds that only a cloud has are left out, with a warning."""
    sources = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    found: list[Object] = []
    for item in container.get("volumeMounts") or ():
        volume = sources[item["name"]]
        source = folder / item["name"]
        if sub := item.get("subPath"):
            source = (source / sub).resolve()
            if "emptyDir" in volume:
                source.mkdir(parents=True, exist_ok=True)
        if not source.exists():
            warn(f"{item['name']} is not mounted at {item['mountPath']}")
            continue
        readonly = item.get("readOnly", False) or "emptyDir" not in volume
        found.append({"source": str(source), "target": item["mountPath"].rstrip("/") or "/", "readonly": readonly})
    for inner in found:  # the kubelet makes the places of mounts inside of others
        for outer in found:
            relative = os.path.relpath(inner["target"], outer["target"])
            if relative != "." and not relative.startswith(".."):
                place = Path(outer["source"], relative)
                if place.exists():
                    continue
                if Path(inner["source"]).is_dir():
                    place.mkdir(parents=True)
                else:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.touch()
    return found
