"""A Pushgateway: one PUT that replaces what it has under the same job, service and environment.

Source: https://github.com/prometheus/pushgateway (README, "API"). It takes the Prometheus text format only, refuses
timestamps, and keeps a group until another PUT replaces it or somebody deletes it. Because a PUT replaces, sending
again, also after a lost answer, changes nothing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from loadlab.errors import SpecError
from loadlab.export.plan import NotDelivered, Parcel
from loadlab.export.prometheus.family import Labels
from loadlab.export.words import MAX_SAID, without_markup
from loadlab.spec import hide_credentials, hide_host

if TYPE_CHECKING:
    import requests

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

ALLOWED = "the address of a Pushgateway, such as http://pushgateway:9091, without /metrics, query and fragment"


@dataclass(frozen=True)
class Pushgateway:
    """The group of `grouping` (job first) at the Pushgateway `base`.

    base
        The address, without credentials and without a slash at its end.
    credentials
        User and password for basic authentication; without them those in ~/.netrc are taken.
    """

    base: str
    grouping: Labels
    credentials: tuple[str, str] | None = field(repr=False, default=None)
    name: str = "openmetrics"
    unit: str = "samples"

    @property
    def url(self) -> str:
        """Where the group is."""
        return f"{self.base}/metrics/{'/'.join(_segments(self.grouping))}"

    @property
    def identity(self) -> str:
        """The group's URL."""
        return self.url

    def connect(self) -> Pushgateway:
        """Nothing to look for: the PUT connects."""
        return self

    def remaining(self, parcels: Sequence[Parcel], accepted: Sequence[bytes]) -> Sequence[Parcel]:
        """All: the group is replaced."""
        return parcels

    def deliver(self, parcel: Parcel) -> None:
        """PUT the text. Raises NotDelivered."""
        import requests

        try:
            answer = requests.put(
                self.url,
                data=parcel.body,
                headers={"Content-Type": CONTENT_TYPE},
                auth=self.credentials,
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                allow_redirects=False,  # a redirected PUT may become a GET, which succeeds and sends nothing
            )
        except (requests.exceptions.SSLError, requests.exceptions.InvalidURL) as error:
            raise NotDelivered(f"{self.base}: {_words(error)}") from error
        except requests.RequestException as error:
            raise NotDelivered(f"{self.base} cannot be reached: {_words(error)}", again=True) from error
        if answer.status_code not in (200, 202):
            raise NotDelivered(_refusal(self.base, answer), again=_may_pass(answer.status_code))


def _may_pass(status: int) -> bool:
    return status >= 500 or status in (408, 425, 429)


def _refusal(base: str, answer: requests.Response) -> str:
    reason = f"{base} answered {answer.status_code} {answer.reason}"
    if answer.is_redirect:
        return f"{reason}, to {hide_host(answer.headers['Location'])}: give that address instead"
    if answer.status_code in (401, 403):
        return f"{reason}: give user and password in the URL or in ~/.netrc"
    said = without_markup(answer.text)
    return f"{reason}: {said}" if said else reason


def _words(error: Exception) -> str:
    """What went wrong, without the object that it went wrong in, whose text may hold a proxy's password."""
    cause: object = error
    while isinstance(cause, Exception) and (deeper := getattr(cause, "reason", None) or (cause.args or (None,))[0]):
        if not isinstance(deeper, Exception):
            break
        cause = deeper
    return hide_credentials(str(cause).rpartition(": ")[2][:MAX_SAID])


def _segments(grouping: Labels) -> list[str]:
    """Names and values as parts of a path: as they are where that is safe, else in base64, which the name then says."""
    segments = []
    for name, value in grouping:
        if re.fullmatch(r"[\w-][\w.-]*", value, re.ASCII):
            segments += [name, value]
        else:
            segments += [f"{name}@base64", base64.urlsafe_b64encode(value.encode("utf-8")).decode("ascii") or "="]
    return segments


def read_pushgateway(url: str, grouping: Labels) -> Pushgateway:
    """The Pushgateway of a URL, which may hold user and password. Raises SpecError, without the password."""
    try:
        parts = urlsplit(url)
        address = _address(parts)
    except ValueError:
        raise SpecError("to", hide_host(url), ALLOWED) from None
    if not parts.hostname or parts.query or parts.fragment or "/metrics" in parts.path or re.search(r"\s", url):
        raise SpecError("to", hide_host(url), ALLOWED)
    credentials = None
    if parts.username is not None:
        credentials = (unquote(parts.username), unquote(parts.password or ""))
    return Pushgateway(f"{parts.scheme}://{address}{parts.path.rstrip('/')}", grouping, credentials)


def _address(parts: SplitResult) -> str:
    """Host and port. Raises ValueError for a port that is none."""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{parts.port}" if parts.port is not None else host
