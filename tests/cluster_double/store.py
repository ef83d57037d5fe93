"""What the cluster holds: objects, the history of their changes, and the rules of deleting."""

from __future__ import annotations

import copy
import datetime
import secrets
import threading
import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

from cluster_double import errors
from cluster_double.resources import RESOURCES, Resource, resource_of

Object = dict[str, Any]
Key = tuple[str, str, str]
"""Plural of the kind, namespace ("" for none), name."""

FOREGROUND = "foregroundDeletion"
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


class Change(NamedTuple):
    """One change: the object before and after it; None where there was none."""

    version: int
    resource: str
    namespace: str
    before: Object | None
    after: Object | None


def now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%FT%TZ")


def random_suffix() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(5))


def owner_reference(owner: Object) -> Object:
    names = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"]}
    return {**names, "uid": owner["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True}


def is_owned(obj: Object, uid: str) -> bool:
    return any(reference["uid"] == uid for reference in obj["metadata"].get("ownerReferences") or ())


def is_terminal(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


class Store:
    """All objects. Those that are handed out are never changed in place; `changed` is notified of every change."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.history: list[Change] = []
        self.version = 1
        self.forgotten = 0
        self._objects: dict[Key, Object] = {}

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        with self.changed:
            found = self._objects.get((resource.name, namespace, name))
        if found is None:
            raise errors.not_found(resource, name)
        return found

    def find(self, plural: str, namespace: str, name: str) -> Object | None:
        with self.changed:
            return self._objects.get((plural, namespace, name))

    def all(self, plural: str, namespace: str | None = None) -> list[Object]:
        with self.changed:
            keys = sorted(key for key in self._objects if key[0] == plural and namespace in (None, key[1]))
            return [self._objects[key] for key in keys]

    def everything(self) -> list[Object]:
        with self.changed:
            return list(self._objects.values())

    def create(self, resource: Resource, namespace: str, obj: Object) -> Object:
        obj = copy.deepcopy(obj)
        meta = obj["metadata"]
        with self.changed:
            if resource.namespaced:
                meta["namespace"] = namespace
                home = self.get(RESOURCES["namespaces"], "", namespace)
                if home["metadata"].get("deletionTimestamp"):
                    why = f"unable to create new content in namespace {namespace} because it is being terminated"
                    raise errors.forbidden(resource, meta.get("name", ""), why)
            if not meta.get("name") and meta.get("generateName"):
                meta["name"] = meta["generateName"] + random_suffix()
            key = (resource.name, namespace, meta["name"])
            if key in self._objects:
                raise errors.already_exists(resource, meta["name"])
            obj.update(apiVersion=resource.api_version, kind=resource.kind)
            meta.update(uid=str(uuid.uuid4()), creationTimestamp=now(), generation=1)
            self._put(key, obj)
            return self._objects[key]

    def replace(self, resource: Resource, namespace: str, name: str, obj: Object) -> Object:
        """Set the object; its resourceVersion, if it has one, has to be the newest."""
        obj = copy.deepcopy(obj)
        with self.changed:
            old = self.get(resource, namespace, name)
            asked = obj["metadata"].get("resourceVersion")
            if asked and asked != old["metadata"]["resourceVersion"]:
                raise errors.conflict(resource, name)
            for field in ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds"):
                obj["metadata"].pop(field, None)
                if field in old["metadata"]:
                    obj["metadata"][field] = old["metadata"][field]
            obj["metadata"].update(name=name, resourceVersion=old["metadata"]["resourceVersion"])
            obj.update(apiVersion=resource.api_version, kind=resource.kind)
            if obj == old:
                return old
            if obj.get("spec") != old.get("spec"):
                obj["metadata"]["generation"] = old["metadata"].get("generation", 1) + 1
            key = (resource.name, namespace, name)
            self._put(key, obj)
            marked = obj["metadata"].get("deletionTimestamp") and not obj["metadata"].get("finalizers")
            if marked and resource.name != "pods":
                self._remove(key)
            return obj

    def change(self, obj: Object, how: Callable[[Object], None]) -> Object | None:
        """Let `how` change the newest version of `obj`, if it is still there."""
        resource, meta = resource_of(obj["kind"]), obj["metadata"]
        with self.changed:
            newest = self.find(resource.name, meta.get("namespace", ""), meta["name"])
            if newest is None or newest["metadata"]["uid"] != meta["uid"]:
                return None
            changed = copy.deepcopy(newest)
            how(changed)
            return self.replace(resource, meta.get("namespace", ""), meta["name"], changed)

    def delete(
        self, resource: Resource, namespace: str, name: str, policy: str = "Background", grace: int | None = None
    ) -> Object:
        """Delete as `propagationPolicy` says. A pod that may still run only gets its deletionTimestamp."""
        with self.changed:
            obj = self.get(resource, namespace, name)
            key = (resource.name, namespace, name)
            if resource.name == "pods" and not is_terminal(obj) and grace != 0:
                seconds = obj["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace
                if seconds < obj["metadata"].get("deletionGracePeriodSeconds", float("inf")):
                    return self._mark(obj, deletionGracePeriodSeconds=seconds)
                return obj
            if policy == "Foreground" and self._dependents(obj):
                marked = self._mark(obj, finalizers=[FOREGROUND])
                self._delete_dependents(obj, policy)
                return marked
            if obj["metadata"].get("finalizers"):
                return self._mark(obj)
            self._remove(key)
            if policy == "Orphan":
                for dependent in self._dependents(obj):
                    self.change(dependent, lambda it: it["metadata"].pop("ownerReferences"))
            else:
                self._delete_dependents(obj, policy)
            if resource.name == "namespaces":
                for other in [it for it in self.everything() if it["metadata"].get("namespace") == name]:
                    self._try_delete(other)
            return obj

    def remove(self, obj: Object) -> None:
        """Take away an object at once."""
        key = (resource_of(obj["kind"]).name, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        with self.changed:
            if key in self._objects and self._objects[key]["metadata"]["uid"] == obj["metadata"]["uid"]:
                self._remove(key)

    def event(self, obj: Object, reason: str, message: str, kind: str = "Normal", source: str = "kubelet") -> None:
        """Record an Event about `obj`; the same again counts up."""
        resource, meta = RESOURCES["events"], obj["metadata"]
        about = {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "name": meta["name"],
            "namespace": meta.get("namespace", "default"),
            "uid": meta["uid"],
        }
        with self.changed:
            for old in self.all("events", about["namespace"]):
                if (old["involvedObject"], old["reason"], old["message"]) == (about, reason, message):
                    self.change(old, lambda it: it.update(count=it["count"] + 1, lastTimestamp=now()))
                    return
            if self.find("namespaces", "", about["namespace"]) is None:
                return
            words = {"reason": reason, "message": message, "type": kind, "source": {"component": source}}
            times = {"count": 1, "firstTimestamp": now(), "lastTimestamp": now()}
            name = {"name": f"{meta['name']}.{secrets.token_hex(8)}"}
            self.create(resource, about["namespace"], {"metadata": name, "involvedObject": about, **words, **times})

    def forget(self) -> None:
        """Drop the history: whoever resumes a watch from before gets 410."""
        with self.changed:
            self.history.clear()
            self.forgotten = self.version

    def _put(self, key: Key, obj: Object) -> None:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        before, self._objects[key] = self._objects.get(key), obj
        self._tell(key, before, obj)

    def _remove(self, key: Key) -> None:
        self.version += 1
        before = copy.deepcopy(self._objects.pop(key))
        before["metadata"]["resourceVersion"] = str(self.version)
        self._tell(key, before, None)
        for reference in before["metadata"].get("ownerReferences") or ():
            owner = self.find(resource_of(reference["kind"]).name, key[1], reference["name"])
            if owner and FOREGROUND in (owner["metadata"].get("finalizers") or ()) and not self._dependents(owner):
                self._remove((resource_of(owner["kind"]).name, key[1], owner["metadata"]["name"]))

    def _tell(self, key: Key, before: Object | None, after: Object | None) -> None:
        self.history.append(Change(self.version, key[0], key[1], before, after))
        self.changed.notify_all()

    def _mark(self, obj: Object, **changes: Any) -> Object:
        marked = copy.deepcopy(obj)
        marked["metadata"] |= {"deletionTimestamp": now()} | changes
        self._put(
            (resource_of(obj["kind"]).name, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]), marked
        )
        return marked

    def _dependents(self, obj: Object) -> list[Object]:
        return [other for other in self.everything() if is_owned(other, obj["metadata"]["uid"])]

    def _delete_dependents(self, obj: Object, policy: str) -> None:
        for dependent in self._dependents(obj):
            self._try_delete(dependent, policy)

    def _try_delete(self, obj: Object, policy: str = "Background") -> None:
        resource, meta = resource_of(obj["kind"]), obj["metadata"]
        if self.find(resource.name, meta.get("namespace", ""), meta["name"]):
            self.delete(resource, meta.get("namespace", ""), meta["name"], policy)
