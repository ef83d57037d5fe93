"""Executing a notebook through papermill, and knowing how it ended.

papermill alone does not tell: it saves a notebook whose kernel was killed or ran out of time as completed, without a
mark, and takes ``sys.exit(0)`` in a cell for success. The engine here keeps what is needed to say what happened.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from types import FrameType
from typing import IO, Any

import papermill
from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError

ENGINE = "loadlab"
START_TIMEOUT_S = 60
OUTPUT_TIMEOUT_S = 30
BUSY_WAIT_S = 15.0
"""How long a kernel that is shut down while a cell runs gets to stop a load test in good order before it is killed."""
IDLE_WAIT_S = 2.0
"""The same for a kernel that runs nothing; ipykernel 7 misses the request to shut down now and then."""

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())
logging.getLogger("papermill").addHandler(logging.NullHandler())


@dataclass
class Execution:
    """One notebook being executed; `ending` and the rest say afterwards how it ended.

    `ending` is "complete" (every cell ran, or a cell's own error or exit stopped it), "died", "timeout", "not started"
    or "interrupted". `cell_index` is the cell of the notebook that was handed to the kernel last; it is `sent` until
    its reply has come, and `runs` from the moment the kernel says so. `owed` is an interrupt that came in between.
    """

    on_progress: Callable[[str], None]
    timeout_s: float | None
    working_dir: Path | None
    ending: str = "complete"
    detail: str = ""
    cell_index: int | None = None
    sent: bool = False
    runs: bool = False
    owed: bool = False
    interrupts: int = 0
    process: Popen[bytes] | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    def remaining_s(self, _cell: object = None) -> float | None:
        """Of the time-out of the whole notebook; never 0, which would mean no time-out."""
        return None if self.timeout_s is None else max(self.timeout_s - self.seconds, 0.001)

    def interrupt_cell(self) -> None:
        """Raise KeyboardInterrupt in the cell, as soon as it runs: an idle kernel would not hear it."""
        self.owed = not self.runs
        if self.runs and self.process is not None and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGINT)


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    """papermill's client, which also notes when the kernel has begun with a cell."""

    def __init__(self, nb_man: Any, execution: Execution, **options: Any) -> None:
        super().__init__(nb_man, **options)
        self.execution = execution

    def process_message(self, message: Any, *rest: Any) -> Any:
        if message["msg_type"] == "execute_input":
            self.execution.runs = True
            if self.execution.owed:
                self.execution.interrupt_cell()
        return super().process_message(message, *rest)


class _Engine(NBClientEngine):  # type: ignore[misc]
    """papermill's engine with a time-out over all cells, plain progress and a kernel whose death can be explained."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, execution: Execution, words: IO[bytes], **_: object
    ) -> None:
        total = sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in nb_man.nb.cells)
        seen = 0

        def cell_executes(cell: Any, cell_index: int) -> None:
            nonlocal seen
            seen += 1
            execution.sent, execution.runs = True, False
            client.km.shutdown_wait_time = BUSY_WAIT_S
            execution.cell_index = cell_index
            execution.on_progress(f"cell {seen}/{total}: {_first_line(cell.source)}")

        def cell_executed(cell: Any, cell_index: int, execute_reply: Any) -> None:
            execution.sent = execution.runs = False
            client.km.shutdown_wait_time = IDLE_WAIT_S

        client = _Client(
            nb_man,
            execution,
            kernel_name=kernel_name,
            startup_timeout=math.ceil(min(START_TIMEOUT_S, execution.remaining_s() or START_TIMEOUT_S)),
            timeout_func=execution.remaining_s,
            iopub_timeout=OUTPUT_TIMEOUT_S,
            on_cell_execute=cell_executes,
            on_cell_executed=cell_executed,
            log=logger,
        )
        client.create_kernel_manager().shutdown_wait_time = IDLE_WAIT_S

        def kernel_starts(notebook: object) -> None:
            execution.process = client.km.provisioner.process

        client.on_notebook_start = kernel_starts
        with _forward_interrupts(execution):
            client.execute(stdout=words, stderr=words, cwd=str(execution.working_dir or Path.cwd()))


papermill_engines.register(ENGINE, _Engine)


def execute(
    source: Path, target: Path, parameters: Mapping[str, object], execution: Execution, kernel_name: str | None
) -> None:
    """Run `source` and save it as `target`, whatever happens; how it ended is in `execution`.

    The first interrupt is passed on to the running cell and the notebook goes on as that cell decides; another ends it.
    """
    with tempfile.TemporaryFile() as words:
        try:
            papermill.execute_notebook(
                _literal(source),
                _literal(target),
                dict(parameters),
                engine_name=ENGINE,
                kernel_name=kernel_name,
                language="python",
                progress_bar=False,
                execution=execution,
                words=words,
            )
        except PapermillExecutionError:
            pass  # the error stands in the saved notebook's cell, where it is found with all others
        except DeadKernelError:
            execution.ending, execution.detail = "died", _describe_death(execution.process, words)
        except CellTimeoutError:
            late = execution.timeout_s is not None and execution.seconds >= execution.timeout_s
            execution.ending = "timeout" if late else "died"
            execution.detail = "" if late else f"the output of a finished cell did not arrive in {OUTPUT_TIMEOUT_S} s"
        except NoSuchKernel as error:
            execution.ending, execution.detail = "not started", f"there is no kernel named '{error.name}' here"
        except RuntimeError as error:
            # jupyter_client's word for a kernel that exited or stayed silent while it was started
            if execution.process is not None:
                raise
            execution.ending = "not started"
            execution.detail = " ".join([str(error), _last_words(words)]).strip()
        except KeyboardInterrupt:
            execution.ending = "interrupted"


@contextmanager
def _forward_interrupts(execution: Execution) -> Iterator[None]:
    """Hand the first SIGINT to the running cell, so that a load test stops in good order; raise from the second on.

    Between cells nobody would hear it: there the first raises too.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def forward(_signal: int, _frame: FrameType | None) -> None:
        execution.interrupts += 1
        if execution.interrupts > 1 or not execution.sent:
            raise KeyboardInterrupt
        execution.on_progress("interrupted: waiting for the running cell to stop; interrupt again to end the kernel")
        execution.interrupt_cell()

    before = signal.signal(signal.SIGINT, forward)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _describe_death(process: Popen[bytes] | None, words: IO[bytes]) -> str:
    code = process.poll() if process is not None else None
    if code is None:
        how = "it does not answer any more"
    elif code >= 0:
        how = f"it exited with code {code}"
    else:
        how = f"it was ended by {signal.Signals(-code).name}"
        if code == -signal.SIGKILL:
            how += " (somebody killed it, or the machine ran out of memory)"
    return " ".join([how, _last_words(words)]).strip()


def _last_words(words: IO[bytes]) -> str:
    """The end of what the kernel process itself printed, without what ipykernel says at every start."""
    words.seek(0)
    lines = [
        line
        for line in words.read().decode("utf-8", "replace").splitlines()
        if line.strip() and "without encryption" not in line
    ]
    return "; it said: " + " / ".join(line.strip() for line in lines[-5:]) if lines else ""


def _first_line(source: str) -> str:
    line = source.strip().splitlines()[0].strip()
    return line if len(line) <= 80 else line[:79] + "…"


def _literal(path: Path) -> str:
    """A path for papermill, which takes braces in it for places to fill in."""
    return str(path).replace("{", "{{").replace("}", "}}")
