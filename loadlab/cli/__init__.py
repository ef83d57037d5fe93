"""The command line: one verb, one function, no logic. Every verb calls what a notebook can call too."""

from loadlab.cli import cluster_commands, export_commands, report_commands
from loadlab.cli.commands import main
from loadlab.cli.publish_command import publish

for _command in (*report_commands.COMMANDS, publish, *cluster_commands.COMMANDS, *export_commands.COMMANDS):
    main.add_command(_command)

__all__ = ["main"]
