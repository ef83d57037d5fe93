"""The command line: one verb, one function, no logic. Every verb calls what a notebook can call too."""

from loadlab.cli.cluster_commands import COMMANDS
from loadlab.cli.commands import main
from loadlab.cli.export_commands import export

for _command in COMMANDS:
    main.add_command(_command)
main.add_command(export)

__all__ = ["main"]
