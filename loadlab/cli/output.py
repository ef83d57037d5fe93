"""Writing to standard output, also when nobody reads it any more."""

from __future__ import annotations

import os
import sys

import click


def echo(text: object) -> None:
    """Print `text`. When the reader has gone, as `head` does, it is dropped, and so is all that follows.

    What the command does, and the exit code it ends with, then stay the same.
    """
    try:
        click.echo(text)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
