"""The command that follows a run that another process has started."""

from __future__ import annotations

import click

from loadlab.cli.exit_codes import exit_code_of_run
from loadlab.cli.output import echo
from loadlab.cli.run_options import run_argument, runs_option
from loadlab.progress import Progress


@click.command(short_help="Follow a run that goes on.")
@run_argument
@runs_option
@click.pass_context
def attach(ctx: click.Context, /, run_ref: str, runs_folder: str) -> None:
    """Follow a run that goes on, to its end, and show it then.

    While whoever started it lives, it is watched only, and Ctrl-C ends the watching. When that process has died, this
    one records the run in its place, and Ctrl-C ends the test in good order.

    RUN is an id, the beginning of one, a path, or "latest", which it is without.

    \b
    Examples:
      loadlab attach
      loadlab attach r20261123-2106
    """
    from loadlab import workbench

    live = workbench.attach(run_ref, runs_folder)
    with Progress() as progress:
        progress.say(f"{live.id}: {'watching only' if live.is_guest else 'recording it from now on'}")
        result = live.wait(progress.show)
    echo(result.report_text())
    ctx.exit(exit_code_of_run(result))
