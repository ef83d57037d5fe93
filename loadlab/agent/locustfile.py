"""What a locustfile has to offer, looked at before any load."""

from __future__ import annotations

from typing import Any

from locust import HttpUser
from locust.contrib.fasthttp import FastHttpUser
from locust.env import Environment


def describe_locustfile(environment: Environment) -> dict[str, list[str]]:
    """What the launcher refuses a test by: sorted names of user classes, and all tags there are.

    "without_host" need a host and have none, "with_tasks" have a task that the test's tags leave, "without_tasks" none.
    """
    options = environment.parsed_options
    wanted = set(getattr(options, "tags", None) or ())
    unwanted = set(getattr(options, "exclude_tags", None) or ())
    classes: list[Any] = sorted(environment.user_classes, key=lambda each: each.__name__)
    web = [each for each in classes if issubclass(each, HttpUser | FastHttpUser)]
    busy = [each for each in classes if _has_task(each, wanted, unwanted)]
    return {
        "without_host": [each.__name__ for each in web if not (environment.host or each.host)],
        "with_tasks": [each.__name__ for each in busy],
        "without_tasks": [each.__name__ for each in classes if each not in busy],
        "tags": sorted({tag for each in classes for tag in _tags(each)}),
    }


def _tags(owner: Any) -> set[str]:
    found = set(getattr(owner, "locust_tag_set", ()))
    for task in getattr(owner, "tasks", ()):
        found |= _tags(task)
    return found


def _has_task(owner: Any, wanted: set[str], unwanted: set[str]) -> bool:
    """True if a task of `owner`, or of the TaskSets below it, is left by the tags, as Locust filters them."""
    for task in getattr(owner, "tasks", ()):
        if hasattr(task, "tasks"):
            if _has_task(task, wanted, unwanted):
                return True
            continue
        tags = set(getattr(task, "locust_tag_set", ()))
        if (not wanted or tags & wanted) and not tags & unwanted:
            return True
    return False
