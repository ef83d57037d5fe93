"""Records the sample run anew: ``python -m loadlab.sample`` in the folder of the checkout, which `make sample` does."""

from __future__ import annotations

import sys

from loadlab.errors import LoadlabError
from loadlab.progress import Progress
from loadlab.sample.recording import record


def main() -> int:
    """Record, and say what the run is like."""
    with Progress() as progress:
        try:
            run = record(progress.show)
        except LoadlabError as error:
            progress.say(f"the sample run stays as it was: {error}")
            return 1
    sys.stdout.write(f"{run.report_text()}\n{run.path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
