"""The command line: one verb, one function, no logic. Every verb calls what a notebook can call too."""

from loadlab.cli import cluster_commands, export_commands, report_commands
from loadlab.cli.attach_command import attach
from loadlab.cli.commands import main
from loadlab.cli.publish_command import publish

_OTHERS = (attach, publish, *cluster_commands.COMMANDS, *export_commands.COMMANDS)
for _command in (*report_commands.COMMANDS, *_OTHERS):
    main.add_command(_command)

__all__ = ["main"]
