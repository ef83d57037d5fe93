"""The command line: one verb, one function, no logic. Every verb calls what a notebook can call too."""

from loadlab.cli.cluster_commands import COMMANDS
from loadlab.cli.commands import main
from loadlab.cli.publish_command import publish

for _command in (*COMMANDS, publish):
    main.add_command(_command)

__all__ = ["main"]
