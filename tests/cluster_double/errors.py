"""What the API server answers when it refuses: Status objects in the words of the real one."""

from __future__ import annotations

from typing import Any

from cluster_double.resources import Resource


class ApiError(Exception):
    """An answer with a Status object."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.details = details or {}

    def status(self) -> dict[str, Any]:
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": str(self),
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        }


def _details(resource: Resource, name: str) -> dict[str, Any]:
    return {"name": name, "group": resource.group, "kind": resource.name}


def not_found(resource: Resource, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{resource.full_name} "{name}" not found', _details(resource, name))


def already_exists(resource: Resource, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f'{resource.full_name} "{name}" already exists', _details(resource, name))


def conflict(resource: Resource, name: str) -> ApiError:
    message = (
        f'Operation cannot be fulfilled on {resource.full_name} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    return ApiError(409, "Conflict", message, _details(resource, name))


def forbidden(resource: Resource, name: str, why: str) -> ApiError:
    return ApiError(403, "Forbidden", f'{resource.full_name} "{name}" is forbidden: {why}', _details(resource, name))


def denied(resource: Resource, verb: str, subresource: str, namespace: str, name: str, user: str) -> ApiError:
    """RBAC does not allow it."""
    what = f'{resource.full_name} "{name}"' if name else resource.full_name
    full = f"{resource.name}/{subresource}" if subresource else resource.name
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    message = (
        f'{what} is forbidden: User "{user}" cannot {verb} resource "{full}" in API group "{resource.group}" {where}'
    )
    return ApiError(403, "Forbidden", message, _details(resource, name))


def invalid(resource: Resource, name: str, field: str, value: object, why: str) -> ApiError:
    shown = f'"{value}"' if isinstance(value, str) else value
    what = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    cause = f"Invalid value: {shown}: {why}" if value is not None else why
    details = {"name": name, "group": resource.group, "kind": resource.kind}
    details["causes"] = [{"reason": "FieldValueInvalid", "message": cause, "field": field}]
    return ApiError(422, "Invalid", f'{what} "{name}" is invalid: {field}: {cause}', details)


def expired() -> ApiError:
    return ApiError(410, "Expired", "The resourceVersion for the provided watch is too old.")


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def no_such_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource")
