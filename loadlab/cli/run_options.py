"""How commands are told which run they are about."""

from __future__ import annotations

import click

runs_option = click.option(
    "--runs", "runs_folder", metavar="DIR", default="runs", show_default=True, help="Folder that keeps the runs."
)
run_argument = click.argument("run_ref", metavar="[RUN]", default="latest")
