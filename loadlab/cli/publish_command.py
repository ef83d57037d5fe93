"""The command that sends recorded runs to S3."""

from __future__ import annotations

import click

from loadlab.cli.output import echo


@click.command(short_help="Send a recorded run to S3.")
@click.argument("run_ref", metavar="[RUN]", default="latest")
@click.argument("url", metavar="[URL]", required=False)
@click.option("--runs", "runs_folder", metavar="DIR", default="runs", show_default=True, help="Folder of the run.")
def publish(run_ref: str, url: str | None, runs_folder: str) -> None:
    """Send a recorded run to URL, s3://bucket/prefix. Sent again, only what is missing is sent.

    RUN is an id, the beginning of one, a path, or "latest". For a run that was meant for S3 and could not be sent, URL
    may be left out, and what is kept of it on this machine is removed afterwards. All others stay.

    \b
    Examples:
      loadlab publish latest s3://team-bucket/loadlab
      loadlab publish r20261123-210640-x7k2
    """
    from loadlab import publishing

    sent = publishing.publish(run_ref, url, runs_folder)
    echo(f"Run {sent.id} is kept in {sent.path}")
