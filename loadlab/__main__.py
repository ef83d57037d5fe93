"""``python -m loadlab`` is the command ``loadlab``."""

from loadlab.cli import main

main(prog_name="loadlab")
