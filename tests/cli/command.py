"""The command in a process of its own."""

import sys

COMMAND = [sys.executable, "-m", "loadlab"]
