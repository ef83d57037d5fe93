"""Work that an interrupt must not leave half done."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def uninterrupted(work: Callable[[], T], doing: str) -> T:
    """Do `work` in another thread, and answer an interrupt meanwhile with "a moment: " and what it is `doing`."""
    outcome: Future[T] = Future()
    ended = threading.Event()

    def do() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed over to the caller
            outcome.set_exception(error)
        finally:
            ended.set()

    threading.Thread(target=do, name="loadlab-finish").start()
    while True:
        try:
            ended.wait()
            return outcome.result()
        except KeyboardInterrupt:
            print(f"a moment: {doing}", file=sys.stderr)  # noqa: T201 - an interrupt must be answered
