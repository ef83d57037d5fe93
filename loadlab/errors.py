"""Every exception that loadlab raises on purpose.

::

    LoadlabError                 exit code 4 unless a subclass says otherwise
    ├─ SpecError                 a field of the test, a criterion or a parameter is wrong (exit code 2)
    ├─ LaunchError               the swarm did not come up or broke down
    │  ├─ LaunchTimeout          master or workers were not ready in time
    │  ├─ LocustfileError        the user's locustfile does not load: file, line, Python's own words
    │  ├─ TargetUnreachable      nothing answers at `host`
    │  ├─ ClusterUnreachable     no Kubernetes cluster answers
    │  ├─ ClusterRefused         the cluster refused a request; its own words, and the missing permission
    │  ├─ HelmFailed             helm is missing or failed; its own words
    │  └─ WorkerLost             too few workers are left to go on
    ├─ StreamError
    │  ├─ SchemaMismatch         the agent speaks another version of the record format
    │  └─ StreamLost             the master does not answer any more; the last `seq` read is kept
    ├─ StoreError
    │  ├─ RunNotFound            no such run; the nearest ids (exit code 2)
    │  ├─ StoreUnavailable       S3 does not answer, or asks to be left alone: worth another try
    │  └─ RunCorrupt             what could be recovered and what could not
    ├─ AnalysisError
    │  ├─ NotEnoughSamples       the quantile asked needs more samples
    │  └─ IncomparableRuns       what differs between the two
    ├─ ReportError               a notebook failed, was killed or ran out of time; a report could not be written
    └─ ExportError               what was sent, what was not, and how to send the rest

A missed criterion is a verdict, not an exception. A foreign error is translated once, in the module that
owns the dependency it comes from, and stays attached as ``__cause__``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import chain


class LoadlabError(Exception):
    """Base class: whatever loadlab refuses or cannot do. `exit_code` is what the command line ends with."""

    exit_code = 4


class SpecError(LoadlabError):
    """A field of a test, a criterion or a notebook parameter is wrong.

    The message always says which field, what was given and what is allowed; `nearest` is the closest valid
    name when the name itself was wrong. Of several things that are wrong one error tells, with the fields of the first;
    `problems` has an error for each of them then.
    """

    exit_code = 2
    problems: tuple[SpecError, ...] = ()

    def __init__(self, field: str, given: object, allowed: str, *, nearest: str | None = None) -> None:
        self.field = field
        self.given = given
        self.allowed = allowed
        self.nearest = nearest
        hint = f" Did you mean '{nearest}'?" if nearest else ""
        super().__init__(f"{field}: got {given!r}; allowed: {allowed}.{hint}")

    @classmethod
    def missing(cls, field: str, allowed: str) -> SpecError:
        """The error for a field that has to be given and was not."""
        error = cls(field, None, allowed)
        error.args = (f"{field}: missing; allowed: {allowed}.",)
        return error

    @classmethod
    def several(cls, errors: Iterable[SpecError]) -> SpecError:
        """One error for all of `errors`, at least one; its message lists them. One alone stays as it is."""
        found = tuple(chain.from_iterable(error.problems or (error,) for error in errors))
        first = found[0]
        if len(found) == 1:
            return first
        error = cls(first.field, first.given, first.allowed, nearest=first.nearest)
        error.args = ("\n".join([f"{len(found)} problems:", *(f"  - {each}" for each in found)]),)
        error.problems = found
        return error

    @classmethod
    def unknown(cls, what: str, name: str, valid: Iterable[str]) -> SpecError:
        """The error for a name that does not exist among `valid`, with the closest one that does."""
        names = sorted(valid)
        error = cls(what, name, ", ".join(names), nearest=nearest_name(name, names))
        hint = f" Did you mean '{error.nearest}'?" if error.nearest else ""
        error.args = (f"unknown {what} '{name}'.{hint} Allowed: {error.allowed}.",)
        return error


class LaunchError(LoadlabError):
    """The swarm did not come up, or broke down."""


class LaunchTimeout(LaunchError):
    """Master or workers were not ready in time; the message says who is missing and ends with the last log lines."""


class LocustfileError(LaunchError):
    """The user's locustfile does not load: which file, which line, and Python's own words."""


class TargetUnreachable(LaunchError):
    """Nothing answers at the test's `host`."""


class ClusterUnreachable(LaunchError):
    """No Kubernetes cluster answers where the kubeconfig says there is one."""


class ClusterRefused(LaunchError):
    """The cluster refused a request: the message has its own words and, where one is missing, the permission."""


class HelmFailed(LaunchError):
    """The helm program is missing or failed; the message keeps its own words."""


class WorkerLost(LaunchError):
    """Too few workers are left to go on."""


class StreamError(LoadlabError):
    """The record stream of a swarm cannot be read."""


class SchemaMismatch(StreamError):
    """The stream or the archive was written by another version of the record format."""


class StreamLost(StreamError):
    """The master does not answer any more. `last_seq` is the last record that was read."""

    def __init__(self, message: str, *, last_seq: int) -> None:
        self.last_seq = last_seq
        super().__init__(message)


class StoreError(LoadlabError):
    """A run cannot be written or read."""


class RunNotFound(StoreError):
    """No run has that id, prefix or path; `nearest` holds the closest ids."""

    exit_code = 2

    def __init__(self, message: str, *, nearest: tuple[str, ...] = ()) -> None:
        self.nearest = nearest
        super().__init__(message)


class StoreUnavailable(StoreError):
    """S3 does not answer or cannot answer now; the same call may succeed later."""


class RunCorrupt(StoreError):
    """A run's files are damaged; the message says what was recovered and what was not."""


class AnalysisError(LoadlabError):
    """The data cannot answer the question."""


class NotEnoughSamples(AnalysisError):
    """The quantile asked needs more samples than there are."""


class IncomparableRuns(AnalysisError):
    """Two runs differ in something that makes a comparison meaningless; the message names it."""


class ReportError(LoadlabError):
    """A notebook failed, was killed or ran out of time, or a report could not be written."""


class ExportError(LoadlabError):
    """Results could not be sent completely; the message says what was, what was not, and how to send the rest.

    `receipt` has the same as numbers where sending had begun; see `loadlab.export.Receipt`.
    """

    def __init__(self, message: str, *, receipt: object = None) -> None:
        self.receipt = receipt
        super().__init__(message)


def nearest_name(name: str, valid: Iterable[str]) -> str | None:
    """The entry of `valid` that looks most like `name`, or None when nothing comes close."""
    matches = difflib.get_close_matches(name, list(valid), n=1, cutoff=0.6)
    return matches[0] if matches else None
