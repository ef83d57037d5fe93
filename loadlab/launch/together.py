"""Several pieces of work at the same time, of which none is left running."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from loadlab.launch.uninterrupted import uninterrupted

T = TypeVar("T")


def do_together(
    work: Mapping[str, Callable[[], T]],
    *,
    meanwhile: Callable[[], object] | None = None,
    on_failure: Callable[[], None] | None = None,
    doing: str = "it is being ended",
) -> dict[str, T]:
    """Do every piece of `work` in a thread of its own, and `meanwhile` in this one; what each returns, by its name.

    When a piece or `meanwhile` raises, or this thread is interrupted, `on_failure` is called, all other pieces are
    waited for (an interrupt is answered with what is `doing`), and the first error is raised.
    """
    pool = ThreadPoolExecutor(max(1, len(work)), thread_name_prefix="loadlab-region")
    futures: dict[str, Future[T]] = {name: pool.submit(each) for name, each in work.items()}
    first: BaseException | None = None
    try:
        if meanwhile is not None:
            meanwhile()
        done, _ = wait(futures.values(), return_when=FIRST_EXCEPTION)
        first = next((error for each in futures.values() if each in done and (error := each.exception())), None)
    except BaseException as error:  # noqa: BLE001 - raised below, when nothing runs any more
        first = error
    if first is not None and on_failure is not None:
        on_failure()
    uninterrupted(pool.shutdown, doing)
    if first is not None:
        raise first
    return {name: each.result() for name, each in futures.items()}
