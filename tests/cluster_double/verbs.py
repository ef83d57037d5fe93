"""Create, update, patch and delete: what each does to the store."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import yaml

from cluster_double import admission, errors, patching, protobuf
from cluster_double.resources import RESOURCES, Resource
from cluster_double.selecting import selector
from cluster_double.store import Store, now

Object = dict[str, Any]
MANAGER = "apply-patch"


class Target(NamedTuple):
    """What a request is about."""

    resource: Resource
    subresource: str
    namespace: str
    name: str


def parse(content_type: str, body: bytes) -> Any:
    """A request's body: JSON, YAML or protobuf."""
    if body.startswith(protobuf.MAGIC):
        try:
            return protobuf.decode(body)
        except KeyError as kind:
            why = f"the body of the request was in an unknown format - {kind} is not read from protobuf here"
            raise errors.ApiError(415, "UnsupportedMediaType", why) from kind
    if "yaml" in content_type:
        return yaml.safe_load(body)
    return json.loads(body) if body else {}


class Verbs:
    """The verbs over a store. `authorize(verb, target)` is asked again where a request needs a second permission."""

    def __init__(self, store: Store, authorize: Callable[[str, Target], None]) -> None:
        self.store = store
        self._authorize = authorize
        self._applied: dict[tuple[str, str], Object] = {}

    def list(self, target: Target, query: dict[str, str]) -> Object:
        resource = target.resource
        chosen = selector(query.get("labelSelector", ""), query.get("fieldSelector", ""))
        with self.store.changed:
            found = self.store.all(resource.name, target.namespace or None)
            items = [obj for obj in found if chosen(obj)]
            version = str(self.store.version)
        head = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version}
        return {**head, "metadata": {"resourceVersion": version}, "items": items}

    def create(self, target: Target, obj: Object, query: dict[str, str]) -> Object:
        resource, store = target.resource, self.store
        obj = copy.deepcopy(obj)
        if (
            resource.namespaced
            and obj.setdefault("metadata", {}).get("namespace", target.namespace) != target.namespace
        ):
            raise errors.bad_request(
                f"the namespace of the provided object does not match the namespace sent on the request: "
                f"{obj['metadata']['namespace']} != {target.namespace}"
            )
        admission.fill_in(resource, obj)
        named = copy.deepcopy(obj)
        named["metadata"].setdefault("name", obj["metadata"].get("generateName", "") + "x")
        admission.validate(resource, named)
        with store.changed:
            if resource.namespaced:
                store.get(RESOURCES["namespaces"], "", target.namespace)
            if resource.kind == "Pod":
                admission.admit_pod(store, resource, target.namespace, obj)
            if query.get("dryRun"):
                if store.find(resource.name, target.namespace, named["metadata"]["name"]):
                    raise errors.already_exists(resource, named["metadata"]["name"])
                return obj
            created = store.create(resource, target.namespace, obj)
            if resource.kind == "Namespace":
                add_service_account(store, created["metadata"]["name"])
        return created

    def update(self, target: Target, new: Object, query: dict[str, str]) -> Object:
        resource, store = target.resource, self.store
        with store.changed:
            old = store.get(resource, target.namespace, target.name)
            if target.subresource == "status":
                changed = copy.deepcopy(old) | {"status": new.get("status", {})}
            elif "status" in resource.subresources:
                changed = copy.deepcopy(new) | {"status": old.get("status", {})}
            else:
                changed = copy.deepcopy(new)
            changed.setdefault("metadata", {}).setdefault("name", target.name)
            if resource.namespaced:
                changed["metadata"].setdefault("namespace", target.namespace)
            if resource.kind == "Secret":
                admission.fill_in(resource, changed)
            admission.validate(resource, changed)
            admission.validate_update(resource, old, changed)
            return changed if query.get("dryRun") else store.replace(resource, target.namespace, target.name, changed)

    def patch(self, target: Target, content_type: str, patch: Any, query: dict[str, str]) -> tuple[int, Object]:
        with self.store.changed:
            if "apply-patch" in content_type:
                return self._apply(target, patch, query)
            old = self.store.get(target.resource, target.namespace, target.name)
            if "json-patch" in content_type:
                try:
                    new = patching.json_patch(old, patch)
                except (KeyError, IndexError, ValueError) as error:
                    why = f"the server rejected our request due to an error in our request: {error}"
                    raise errors.ApiError(422, "Invalid", why) from error
            elif "strategic" in content_type:
                new = patching.strategic(old, patch)
            else:
                new = patching.merge(old, patch)
            return 200, self.update(target, new, query)

    def _apply(self, target: Target, patch: Object, query: dict[str, str]) -> tuple[int, Object]:
        """Server-side apply: creates what is not there, which needs the permission to create."""
        manager = query.get("fieldManager", MANAGER)
        resource, store = target.resource, self.store
        fresh = copy.deepcopy(patch)
        fresh.setdefault("metadata", {}).pop("managedFields", None)
        old = store.find(resource.name, target.namespace, target.name)
        entry = {
            "manager": manager,
            "operation": "Apply",
            "apiVersion": resource.api_version,
            "time": now(),
            "fieldsType": "FieldsV1",
            "fieldsV1": {},
        }
        if old is None:
            self._authorize("create", target)
            fresh["metadata"] |= {"name": target.name, "managedFields": [entry]}
            made, code = self.create(target, fresh, query), 201
        else:
            before = self._applied.get((old["metadata"]["uid"], manager), {})
            changed = patching.apply(copy.deepcopy(old), before, fresh)
            others = [it for it in old["metadata"].get("managedFields", ()) if it["manager"] != manager]
            changed["metadata"]["managedFields"] = [*others, entry]
            made, code = self.update(target, changed, query), 200
        if not query.get("dryRun"):
            self._applied[made["metadata"]["uid"], manager] = fresh
        return code, made

    def delete(self, target: Target, options: Object, query: dict[str, str]) -> Object:
        """The Status that says so, or the object while it is only marked."""
        resource, store = target.resource, self.store
        with store.changed:
            obj = store.get(resource, target.namespace, target.name)
            wanted = (options.get("preconditions") or {}).get("uid")
            if wanted and wanted != obj["metadata"]["uid"]:
                raise errors.conflict(resource, target.name)
            if not query.get("dryRun") and not options.get("dryRun"):
                obj = self._delete(obj, target, options, query)
        if obj["metadata"].get("deletionTimestamp"):
            return obj
        details = {"name": target.name, "group": resource.group, "kind": resource.name, "uid": obj["metadata"]["uid"]}
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}

    def delete_collection(self, target: Target, options: Object, query: dict[str, str]) -> Object:
        with self.store.changed:
            found = self.list(target, query)
            for obj in found["items"]:
                one = target._replace(name=obj["metadata"]["name"])
                if self.store.find(target.resource.name, target.namespace, one.name):
                    self._delete(obj, one, options, query)
        return found

    def _delete(self, obj: Object, target: Target, options: Object, query: dict[str, str]) -> Object:
        policy = options.get("propagationPolicy") or query.get("propagationPolicy") or "Background"
        if options.get("orphanDependents"):
            policy = "Orphan"
        grace = options.get("gracePeriodSeconds", query.get("gracePeriodSeconds"))
        seconds = None if grace is None else int(grace)
        return self.store.delete(target.resource, target.namespace, target.name, policy, seconds)


def add_service_account(store: Store, namespace: str) -> None:
    store.create(RESOURCES["serviceaccounts"], namespace, {"metadata": {"name": "default"}})
