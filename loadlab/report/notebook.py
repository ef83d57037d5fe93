"""Running a parameterized notebook in batch: papermill underneath, and a failure is always reported as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loadlab.errors import ReportError, SpecError
from loadlab.report.notebook_file import read_notebook
from loadlab.report.parameters import Parameter, convert_parameters, read_parameters
from loadlab.spec import check_folder, is_url

if TYPE_CHECKING:
    from loadlab.report.execution import Execution

RUN_MIMETYPE = "application/vnd.loadlab.run+json"
"""A cell that displays ``{RUN_MIMETYPE: {"run_id": ..., "report": ...}}`` tells a batch run what it made."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class NotebookResult:
    """A notebook that was executed to its end.

    `path` is the executed notebook, `parameters` what was handed over, `seconds` the time it took with the start of the
    kernel. `run_id` and `report` are what the notebook displayed as RUN_MIMETYPE, None when it displayed nothing such;
    `report` is text where it is a URL. `interrupted` says that a person interrupted a cell which then returned in good
    order: the run it made is partial.
    """

    path: Path
    parameters: dict[str, object]
    seconds: float
    run_id: str | None
    report: Path | str | None
    interrupted: bool

    @property
    def ok(self) -> bool:
        """Ran to its end, undisturbed."""
        return not self.interrupted


def notebook_folders() -> tuple[Path, ...]:
    """Where notebooks are looked for by name: `notebooks/` here and, in a checkout, the one beside the package."""
    checkout = Path(__file__).resolve().parents[2] / "notebooks"
    here = Path.cwd() / "notebooks"
    return (here,) if checkout == here else (here, checkout)


def find_notebook(name_or_path: str | Path, folders: Iterable[Path] | None = None) -> Path:
    """The notebook file with that path, or with that name (``.ipynb`` may be left out) in one of `folders`.

    Raises:
        SpecError: there is none; it names the nearest that there is.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path.resolve()
    searched = [folder for folder in (folders if folders is not None else notebook_folders()) if folder.is_dir()]
    found = {file.stem: file for folder in reversed(searched) for file in sorted(folder.glob("*.ipynb"))}
    name = path.name.removesuffix(".ipynb")
    if name in found and path.name == str(path):
        return found[name].resolve()
    if not found:
        raise SpecError("notebook", str(name_or_path), "the path of a notebook file; there is no notebooks folder here")
    raise SpecError.unknown("notebook", str(name_or_path).removesuffix(".ipynb"), found)


def notebook_parameters(name_or_path: str | Path) -> dict[str, Parameter]:
    """The parameters that a notebook takes, in the order of its `parameters` cell.

    Raises:
        SpecError: no such notebook.
        ReportError: the file is not a notebook, or its `parameters` cell is not plain Python.
    """
    return read_parameters(read_notebook(find_notebook(name_or_path)))


def run_notebook(
    name_or_path: str | Path,
    parameters: Mapping[str, object] | None = None,
    *,
    output_dir: str | Path,
    timeout_s: float | None = None,
    kernel_name: str | None = None,
    working_dir: str | Path | None = None,
    on_progress: Progress | None = None,
) -> NotebookResult:
    """Execute a notebook with `parameters` and save it, with its outputs, under its own name in `output_dir`.

    Values given as text are parsed by the type that the notebook declares (see Parameter.convert). `timeout_s` bounds
    the whole notebook, `working_dir` is where its kernel works (here, if not given). `on_progress` gets one plain line
    a cell.

    A failed notebook is saved too, with a banner at its top. An interrupt goes to the running cell; when that cell ends
    by it, the notebook is saved and KeyboardInterrupt raised; when the cell returns (a load test that stopped early),
    the notebook goes on and the result says `interrupted`. A second interrupt ends the kernel.

    Raises:
        SpecError: no such notebook, unknown parameters, ill-typed values, a folder that cannot be written. Nothing
            was started.
        ReportError: a cell failed or called sys.exit, the kernel died or did not start, the time-out passed; the
            message names the cell and the saved notebook. Its exit code is 2 when a cell refused a wrong value.
    """
    source = find_notebook(name_or_path)
    target = Path(output_dir).resolve() / source.name
    notebook = read_notebook(source)
    values = convert_parameters(read_parameters(notebook), parameters or {})
    if target == source:
        raise SpecError(
            "output_dir", str(output_dir), "another folder than the notebook's own, which it would overwrite"
        )
    check_folder("output_dir", target.parent)
    kernel = kernel_name or (None if notebook.metadata.get("kernelspec", {}).get("name") else "python3")

    from loadlab.report import execution, failure

    run = execution.Execution(
        on_progress=on_progress or _say_nothing,
        timeout_s=timeout_s,
        working_dir=Path(working_dir).resolve() if working_dir is not None else None,
    )
    try:
        for earlier in (target, target.with_suffix(".html")):
            earlier.unlink(missing_ok=True)
        execution.execute(source, target, values, run, kernel)
        found = failure.find_failure(read_notebook(target), run)
        if found is not None:
            failure.mark_failure(target, found)
    except OSError as error:
        raise ReportError(f"the executed notebook could not be written to {target}: {error}") from error
    if found is None:
        return _result(target, values, run)
    message = f"{found.text.rstrip('.')}. The notebook is saved as {target}"
    if run.interrupts or run.ending == "interrupted":
        raise KeyboardInterrupt(message)
    failed = ReportError(message)
    failed.exit_code = found.exit_code
    raise failed


def _result(target: Path, values: dict[str, object], run: Execution) -> NotebookResult:
    shown: dict[str, object] = {}
    for cell in read_notebook(target).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {}).get(RUN_MIMETYPE)
            if isinstance(data, dict):
                shown = data
    run_id, report = shown.get("run_id"), shown.get("report")
    return NotebookResult(
        path=target,
        parameters=values,
        seconds=run.seconds,
        run_id=run_id if isinstance(run_id, str) else None,
        report=(report if is_url(report) else Path(report)) if isinstance(report, str) else None,
        interrupted=run.interrupts > 0,
    )


def _say_nothing(_line: str) -> None:
    """Progress that nobody wants to see."""
