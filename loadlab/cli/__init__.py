"""The command line: one verb, one function, no logic. Every verb calls what a notebook can call too."""

from loadlab.cli.commands import main

__all__ = ["main"]
