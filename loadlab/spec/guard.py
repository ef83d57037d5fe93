"""GuardRails: where load may start, against what, and how much of it. A small file that a team shares."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from loadlab.errors import SpecError
from loadlab.spec import kinds
from loadlab.spec.durations import format_duration
from loadlab.spec.files import project_folder, read_mapping
from loadlab.spec.loadtest import LoadTest
from loadlab.spec.specification import Specification, entry, specification

FILE = "guard.yaml"
"""The name of the file in the project folder; LOADLAB_GUARD names another one."""

_PATTERN = kinds.text("a name, or a pattern with * and ?", r"[^\s\0]+")
PRODUCTION = ("prod", "production", "live")
"""The values of a test's label `environment` that ask for a confirmation."""


@specification
class GuardRails(Specification):
    """What a load on Kubernetes has to keep to. Frozen. Patterns are those of the shell: ``*``, ``?``, ``[abc]``.

    Raises:
        SpecError: unknown fields and impossible values, all in one message.
    """

    contexts: tuple[str, ...] = entry(kinds.listing(_PATTERN), "contexts of the kubeconfig that may be used")
    namespaces: tuple[str, ...] = entry(kinds.listing(_PATTERN), "namespaces that Locust may be installed in")
    targets: tuple[str, ...] = entry(
        kinds.listing(_PATTERN), "hosts that may be loaded, such as http://*.svc.cluster.local:*"
    )
    production: tuple[str, ...] = entry(
        kinds.listing(_PATTERN), "contexts, namespaces and hosts that have to be confirmed by name", default=()
    )
    max_users: int | None = entry(kinds.optional(kinds.integer(1)), "most users of a test", default=None)
    max_workers: int | None = entry(kinds.optional(kinds.integer(1)), "most workers of a test", default=None)
    max_run_time: float | None = entry(kinds.optional(kinds.duration()), "longest run time of a test", default=None)

    def check(self, test: LoadTest, *, context: str, namespace: str, confirmed: str | None = None) -> None:
        """Raise SpecError for the first thing that is not allowed: where, against what, how much, unconfirmed."""
        for field, given, names, patterns in (
            ("context", context, [context], self.contexts),
            ("namespace", namespace, [namespace], self.namespaces),
            ("host", test.without_secrets().host, origins(test.host), self.targets),
        ):
            if not _match(names, patterns):
                allowed = ", ".join(patterns) or "none"
                raise SpecError(field, given, f"what the guard rails list: {allowed}")
        self.check_users(test.users)
        if self.max_workers is not None and test.workers > self.max_workers:
            raise SpecError("workers", test.workers, f"{self.max_workers} at most, by the guard rails")
        if self.max_run_time is not None and test.run_time > self.max_run_time:
            allowed = f"{format_duration(self.max_run_time)} at most, by the guard rails"
            raise SpecError("run_time", format_duration(test.run_time), allowed)
        self._check_confirmation([context, namespace, *origins(test.host)], test.labels, confirmed)

    def check_users(self, users: int) -> None:
        """Raise SpecError for more users than a test may have, at its beginning and while it runs."""
        if self.max_users is not None and users > self.max_users:
            raise SpecError("users", users, f"{self.max_users} at most, by the guard rails")

    def _check_confirmation(self, names: list[str], labels: dict[str, str], confirmed: str | None) -> None:
        asked = [name for name in names if _match([name], self.production)]
        if not asked and labels.get("environment", "").lower() in PRODUCTION:
            asked = [labels["environment"]]
        if asked and not {confirmed, *kinds.split_names(confirmed or "")} & set(asked):
            raise SpecError(
                "yes_i_mean", confirmed, f"'{asked[0]}', because this load goes to production and has to be confirmed"
            )


def read_guard_rails() -> tuple[GuardRails | None, Path]:
    """The guard rails of this project and the file they are in; None where there is no such file.

    Raises SpecError for a file that is no such file, and for one that LOADLAB_GUARD names and that does not exist.
    """
    named = os.environ.get("LOADLAB_GUARD")
    path = Path(named) if named else project_folder() / FILE
    if not named and not path.exists():
        return None, path
    return GuardRails.from_dict(read_mapping(path, "guard rails")), path


def missing_guard_rails(path: Path, test: LoadTest, *, context: str, namespace: str) -> SpecError:
    """The refusal where nobody has said yet what is allowed, with the file that would allow this test."""
    lines = (
        f"contexts: ['{context}']\nnamespaces: ['{namespace}']\ntargets: ['{test.host or ''}']\nmax_users: {test.users}"
    )
    error = SpecError("guard rails", str(path), "a file that says where load may start")
    error.args = (
        f"no guard rails: a load on Kubernetes starts only where a file allows it, and there is no {path}. One that "
        f"allows this test:\n\n{lines}\n",
    )
    return error


def origins(host: str | None) -> list[str]:
    """The ways to write a host's scheme, name and port, without its path and without a user in it.

    Where the port is the scheme's own, first without it. The last one has it, and is the same for equal targets.
    """
    url = urlsplit(host or "")
    if not url.hostname:
        return []
    name = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    bare = f"{url.scheme}://{name}"
    own = {"http": 80, "https": 443}.get(url.scheme)
    port = url.port or own
    if port is None:
        return [bare]
    return [bare, f"{bare}:{port}"] if port == own else [f"{bare}:{port}"]


def _match(names: list[str], patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
