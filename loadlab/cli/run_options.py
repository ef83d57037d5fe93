"""How commands are told which run they are about."""

from __future__ import annotations

import click

runs_option = click.option(
    "--runs",
    "runs_folder",
    metavar="PLACE",
    default="runs",
    show_default=True,
    help="Where the runs are kept: a folder, or s3://bucket/prefix.",
)
run_argument = click.argument("run_ref", metavar="[RUN]", default="latest")
