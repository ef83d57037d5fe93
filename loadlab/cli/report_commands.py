"""The commands that write reports of a run and judge it again."""

from __future__ import annotations

import click

from loadlab.cli.exit_codes import exit_code_of_run
from loadlab.cli.junit_file import junit_option, make_place_for_junit
from loadlab.cli.output import echo
from loadlab.cli.run_options import run_argument, runs_option

_FORMATS = ("html", "markdown", "junit", "json")


@click.command(short_help="Write the report of a run.")
@run_argument
@runs_option
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="html",
    show_default=True,
    help="A page; a comment for a merge request; test cases for a CI system; summary.json.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where to write it.  [default: a page: report.html in the run's place, else standard output]",
)
def report(run_ref: str, runs_folder: str, form: str, output: str | None) -> None:
    """Write the report of a run: one HTML file that needs no network, or in another format.

    RUN is an id, the beginning of one, a path, a URL, or "latest", which it is without.

    \b
    Examples:
      loadlab report
      loadlab report r20261123-210640-x7k2 -o checkout.html
      loadlab report --format markdown | gh pr comment --body-file -
      loadlab report --format junit -o junit.xml
    """
    from loadlab import publishing, workbench

    if output is not None:
        publishing.writable_file(output, "--output")
    found = workbench.open_run(run_ref, runs_folder)
    if output is None and form != "html":
        echo(found.render(form).rstrip("\n"))
    else:
        echo(found.report(output, form))


@click.command(short_help="Judge a run by criteria.")
@run_argument
@runs_option
@click.option(
    "--criterion",
    "criteria",
    metavar="CRITERION",
    multiple=True,
    help='What has to hold, such as "p99 < 300ms". May be repeated.  [default: the test\'s own]',
)
@junit_option
@click.pass_context
def judge(
    ctx: click.Context, /, run_ref: str, runs_folder: str, criteria: tuple[str, ...], junit_file: str | None
) -> None:
    """Judge a recorded run by other criteria than its test had, or by these again; the exit code is the verdict.

    RUN is an id, the beginning of one, a path, a URL, or "latest", which it is without. Nothing of the run changes.

    \b
    Examples:
      loadlab judge --criterion "p99 < 300ms" --criterion "error_ratio < 1%"
      loadlab judge r20261123-2106 --junit junit.xml
    """
    from loadlab import workbench
    from loadlab.cli.tables import format_verdict
    from loadlab.spec import read_criteria

    make_place_for_junit(junit_file)
    asked = read_criteria("--criterion", criteria) if criteria else None
    found = workbench.open_run(run_ref, runs_folder)
    if asked is not None:
        found = found.judged_by(asked)
    echo(format_verdict(found))
    if junit_file is not None:
        echo(f"JUnit: {found.report(junit_file, 'junit')}")
    ctx.exit(exit_code_of_run(found))


COMMANDS = (report, judge)
"""What is done with a run when it has ended."""
