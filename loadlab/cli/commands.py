"""The commands. Help texts are what README.md and docs/kubernetes.md show; a test keeps them the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import loadlab
from loadlab.cli.exit_codes import UNEXPECTED, exit_code_of_notebook, exit_code_of_run
from loadlab.cli.export_commands import finish_exports, read_exports
from loadlab.cli.group import CommandGroup
from loadlab.cli.junit_file import facts_of_notebook, junit_option, kept_junit, make_place_for_junit
from loadlab.cli.loadtest_options import kubernetes_options, loadtest_options, read_kubernetes, read_test
from loadlab.cli.output import echo
from loadlab.cli.run_options import run_argument, runs_option
from loadlab.errors import ReportError, SpecError
from loadlab.progress import Progress
from loadlab.spec import check_folder, is_url, read_duration, read_pairs

if TYPE_CHECKING:
    from loadlab.report import NotebookResult
    from loadlab.results import Run

_STATUSES = ("running", "finished", "recovered", "unfinished", "corrupt")


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(loadlab.__version__, "-V", "--version", message="loadlab %(version)s")
def main() -> None:
    """Load tests that run distributed Locust and keep every second.

    Exit codes: 0 the criteria are met (or there are none, and the run is valid), 1 a criterion is broken, 2 wrong
    usage, 3 the run is invalid, 4 it could not be carried out, 130 interrupted.
    """


@main.command(short_help="Run a load test.")
@click.argument("test_file", metavar="[TEST.yaml]", required=False, type=click.Path(path_type=Path))
@loadtest_options()
@click.option(
    "--launcher", metavar="NAME", default="local", help="Where Locust runs: local or kubernetes.  [default: local]"
)
@kubernetes_options()
@runs_option
@click.option("--report", "report_file", metavar="FILE", help="Write the HTML report there; s3://... too.")
@junit_option
@click.option("--export", "places", metavar="PLACE", multiple=True, help="Send it there while it goes on: cloudwatch.")
@click.option("-q", "--quiet", is_flag=True, help="No progress; print only the folder of the run.")
@click.pass_context
def run(
    ctx: click.Context,
    /,
    test_file: Path | None,
    launcher: str,
    runs_folder: str,
    report_file: str | None,
    junit_file: str | None,
    places: tuple[str, ...],
    quiet: bool,
    **fields: Any,
) -> None:
    """Run a load test, described by a YAML file, by options, or both: options win.

    Ctrl-C ends the test in good order and keeps what was measured; a second Ctrl-C kills it.

    \b
    Examples:
      loadlab run --locustfile locustfiles/storefront.py --host http://127.0.0.1:8080 --users 50 --run-time 90s
      loadlab run checkout.yaml --label build=42 --report checkout.html
      loadlab run checkout.yaml --criterion "p99 < 300ms" --criterion "error_ratio < 1%" --junit junit.xml
      loadlab run checkout.yaml --stage 50/10/2m --stage 100/10/2m --workers 4
      loadlab run checkout.yaml --launcher kubernetes --namespace load --workers 20
      loadlab run checkout.yaml --runs s3://team-bucket/loadlab
    """
    from loadlab import publishing, workbench

    make_place_for_junit(junit_file)
    test = read_test(test_file, fields)
    exports = read_exports(places, test)
    place = workbench.make_launcher(launcher, **read_kubernetes(fields))
    if report_file is not None:
        page = publishing.writable_file(report_file, "--report")
        if junit_file is not None and Path(page).absolute() == Path(junit_file).absolute():
            raise SpecError("--report", report_file, "another file than that of --junit")
        if isinstance(page, Path):
            page.unlink(missing_ok=True)  # so that nobody takes an earlier run's for that of one that failed
    with kept_junit(junit_file, test.without_secrets().to_dict()):
        with Progress(quiet=quiet) as progress:
            progress.say(f"starting {test.describe()}")
            shown = progress.show if exports is None else exports.beside(progress.show, progress.say)
            result = workbench.run(test, runs=runs_folder, launcher=place, progress=shown)
        echo(result.path if quiet else f"{result.report_text()}\nRun {result.id} is kept in {result.path}")
        if report_file is not None:
            progress.say(f"Report: {result.report(report_file)}")
        if junit_file is not None:
            progress.say(f"JUnit: {result.report(junit_file, 'junit')}")
    sent = exports is None or finish_exports(exports, result, progress.say)
    ctx.exit(exit_code_of_run(result) or (0 if sent else UNEXPECTED))


@main.command(short_help="List the recorded runs.")
@runs_option
@click.option("--label", "label_texts", metavar="NAME=VALUE", multiple=True, help="Only runs with this label.")
@click.option("--host", metavar="URL", help="Only runs against this host.")
@click.option("--status", type=click.Choice(_STATUSES), help="Only runs of this status.")
@click.option("--since", metavar="TIME", help="Only runs that began then or later, such as 2026-11-23 (UTC).")
def runs(
    runs_folder: str, label_texts: tuple[str, ...], host: str | None, status: str | None, since: str | None
) -> None:
    """List the recorded runs, the oldest first.

    \b
    Examples:
      loadlab runs
      loadlab runs --label service=shop --since 2026-11-01
    """
    from loadlab import workbench
    from loadlab.cli.tables import format_runs

    labels = read_pairs("--label", label_texts)
    found = workbench.runs(runs_folder, labels=labels, host=host, status=status, since=since)
    echo(format_runs(found) if len(found) else f"no such runs in {runs_folder}")


@main.command(short_help="Show a run.")
@run_argument
@runs_option
@click.option("--json", "as_json", is_flag=True, help="Print summary.json instead.")
def show(run_ref: str, runs_folder: str, as_json: bool) -> None:
    """Show a run: verdict, endpoints, stages, errors, validity.

    RUN is an id, the beginning of one, a path, a URL, or "latest", which it is without.

    \b
    Examples:
      loadlab show
      loadlab show r20261123-2106
      loadlab show --json | jq .total.p99_ms
    """
    from loadlab import workbench

    found = workbench.open_run(run_ref, runs_folder)
    echo(json.dumps(found.summary_dict(), indent=2) if as_json else found.report_text())


@main.command(short_help="Run a notebook in batch.")
@click.argument("name", metavar="NAME")
@click.option("-p", "--parameter", "parameters", metavar="NAME=VALUE", multiple=True, help="Set a parameter.")
@click.option(
    "-o",
    "--output",
    "output_dir",
    metavar="PLACE",
    default="executed",
    show_default=True,
    help="Where the executed notebook and summary.json go: a folder, or s3://bucket/prefix.",
)
@click.option("--timeout", metavar="TIME", help="End the notebook after so long, such as 30m.")
@click.option("--html", is_flag=True, help="Export the executed notebook as one HTML file too.")
@junit_option
@click.option("--parameters", "list_parameters", is_flag=True, help="Only list the parameters that it takes.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.pass_context
def notebook(
    ctx: click.Context,
    /,
    name: str,
    parameters: tuple[str, ...],
    output_dir: str,
    timeout: str | None,
    html: bool,
    junit_file: str | None,
    list_parameters: bool,
    quiet: bool,
) -> None:
    """Run a notebook in batch, by its name in notebooks/ or its path.

    Unknown and ill-typed parameters are refused before anything starts. A notebook that fails is saved too. Of the
    run that it makes summary.json is left beside it.

    \b
    Examples:
      loadlab notebook load_test --parameters
      loadlab notebook load_test -p host=http://127.0.0.1:8080 -p criteria="p99 < 300ms; rps >= 450" --junit junit.xml
      loadlab notebook load_test -p host=http://127.0.0.1:8080 -p users=50 --html
    """
    from loadlab import publishing
    from loadlab import report as reports
    from loadlab.cli.tables import format_parameters

    if list_parameters:
        echo(format_parameters(reports.notebook_parameters(name)))
        return
    if not is_url(output_dir):  # also before wrong usage is told
        (Path(output_dir) / reports.FORMATS["json"]).unlink(missing_ok=True)
        if junit_file is not None and Path(junit_file).parent == Path(output_dir):
            check_folder("--output", Path(output_dir))
    make_place_for_junit(junit_file)
    declared = reports.notebook_parameters(name)
    given = read_pairs("-p", parameters)
    with kept_junit(junit_file, facts_of_notebook(declared, given)):
        with Progress(quiet=quiet) as progress, publishing.output_folder(output_dir, reports.FORMATS["json"]) as folder:
            result = reports.run_notebook(
                name,
                given,
                output_dir=folder,
                timeout_s=read_duration("--timeout", timeout),
                on_progress=progress.say,
            )
            page = reports.export_html(result.path) if html else None
            made = _made_run(result)
            summary = None if made is None else made.report(folder / reports.FORMATS["json"], "json")
        echo(f"Notebook: {publishing.final_place(result.path, output_dir)}")
        if page is not None:
            echo(f"Page: {publishing.final_place(page, output_dir)}")
        _tell_of_run(result, made)
        if summary is not None:
            echo(f"Summary: {publishing.final_place(Path(summary), output_dir)}")
        if made is None and junit_file is not None:
            if result.interrupted:
                raise KeyboardInterrupt("its run is partial and was not judged")
            raise ReportError("the notebook displayed no run, so there is nothing that a JUnit file could tell")
        if made is not None and junit_file is not None:
            echo(f"JUnit: {made.report(junit_file, 'junit')}")
    ctx.exit(exit_code_of_notebook(result, made))


def _made_run(result: NotebookResult) -> Run | None:
    """The run that a notebook made; None when it made none, and when a person interrupted it."""
    from loadlab import workbench

    if result.run_id is None or result.interrupted:
        return None
    return workbench.open_run(result.run_id, str(result.parameters.get("runs", workbench.RUNS)))


def _tell_of_run(result: NotebookResult, made: Run | None) -> None:
    """Say where the report of a notebook is, and what the verdict on its run is."""
    from loadlab.cli.tables import format_verdict

    if result.report is not None:
        echo(f"Report: {result.report}")
    if made is not None:
        echo(format_verdict(made))


@main.command()
@runs_option
@click.pass_context
def doctor(ctx: click.Context, /, runs_folder: str) -> None:
    """Say what is installed, what is missing, and how to get it.

    Ends with 4 when something is missing that loadlab needs.
    """
    from loadlab.doctor import examine

    checkup = examine(runs_folder)
    for status, line in checkup.lines():
        echo(click.style(line, fg={"missing": "red", "warning": "yellow"}.get(status)))
    ctx.exit(0 if checkup.ok else UNEXPECTED)


@main.command(short_help="Load the demo shop and write the report.")
@runs_option
@click.option("--run-time", metavar="TIME", default="25s", show_default=True, help="How long the load lasts.")
@click.option("--workers", metavar="N", type=int, default=2, show_default=True, help="Locust worker processes.")
@click.pass_context
def demo(ctx: click.Context, /, runs_folder: str, run_time: str, workers: int) -> None:
    """Load the demo shop from the notebook load_test and write the report.

    Starts the shop on a free port of this machine, runs the notebook in batch, and ends the shop.
    """
    from loadlab import publishing
    from loadlab.cli.demo import IF_INVALID, notebooks_of, run_demo

    with Progress() as progress:
        result = run_demo(runs_folder, run_time, workers, progress.say)
    echo(f"Notebook: {publishing.final_place(result.path, notebooks_of(runs_folder))}")
    made = _made_run(result)
    _tell_of_run(result, made)
    if made is not None and made.verdict.status == "invalid":
        echo(IF_INVALID)
    ctx.exit(exit_code_of_notebook(result, made))
