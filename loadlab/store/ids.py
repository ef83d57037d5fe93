"""Run ids: ``r20261123-210640-x7k2``, the UTC second a run began and four characters that tell its neighbours apart.

They sort by time as text. They begin with a letter because a folder ``run_id=0042`` would be read as the number 42 by
whoever takes folders for Hive partitions; they are lowercase because some file systems do not tell case apart.
"""

from __future__ import annotations

import re
import secrets
import string
from datetime import UTC, datetime

from loadlab.errors import StoreError

_ALPHABET = string.ascii_lowercase + string.digits
_PATTERN = re.compile(r"r(\d{8}-\d{6})-[a-z0-9]{4}", re.ASCII)


def new_run_id(now: datetime) -> str:
    """An id for a run that begins at `now` (with a time zone; ValueError without)."""
    if now.tzinfo is None:
        raise ValueError("new_run_id needs a time with a time zone")
    tail = "".join(secrets.choice(_ALPHABET) for _ in range(4))
    return f"r{now.astimezone(UTC):%Y%m%d-%H%M%S}-{tail}"


def start_of_run_id(run_id: str) -> datetime:
    """The UTC second in `run_id`. Raises StoreError when it is no run id."""
    match = _PATTERN.fullmatch(run_id)
    try:
        if match is not None:
            return datetime.strptime(match[1], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:  # digits that are no date; refused below like any other text
        pass
    raise StoreError(f"'{run_id}' is no run id; one looks like r20261123-210640-x7k2.")


def is_run_id(text: str) -> bool:
    """Whether `text` is a run id."""
    try:
        start_of_run_id(text)
    except StoreError:
        return False
    return True
