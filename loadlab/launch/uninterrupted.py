"""Work that an interrupt must not leave half done."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def uninterrupted(work: Callable[[], T], doing: str, *, raise_later: bool = False) -> T:
    """Do `work` in another thread, and answer an interrupt meanwhile with "a moment: " and what it is `doing`.

    That is all that becomes of the interrupt, unless it is to be raised later, when `work` has ended well.
    """
    interrupt: KeyboardInterrupt | None = None
    outcome: Future[T] = Future()
    ended = threading.Event()
    once = threading.Lock()

    def do() -> None:
        if not once.acquire(blocking=False):
            return
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed over to the caller
            outcome.set_exception(error)
        finally:
            ended.set()

    while not ended.is_set():
        try:
            if not once.locked():  # an interrupt may come while a thread is starting: then perhaps another, never both
                threading.Thread(target=do, name="loadlab-finish").start()
            ended.wait()
        except KeyboardInterrupt as error:
            interrupt = error if raise_later else None
            print(f"a moment: {doing}", file=sys.stderr)  # noqa: T201 - an interrupt must be answered
    result = outcome.result()
    if interrupt is not None:
        raise interrupt
    return result
