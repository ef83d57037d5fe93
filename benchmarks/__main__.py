"""All benchmarks as one table: name, measured, aim, verdict. Ratios of two measurements taken in turns where possible.

python -m benchmarks            # about twenty minutes on an idle machine with two cores
python -m benchmarks --quick    # two minutes: only shows that they run
python -m benchmarks.start      # one alone; also: agent_cost, lag, kubernetes, day, import_cost, live_panel
"""

from __future__ import annotations

import sys

from benchmarks import agent_cost, day, import_cost, kubernetes, lag, live_panel, start
from benchmarks.outcome import run_and_print

sys.exit(
    run_and_print(
        [each.measure for each in (import_cost, day, start, lag, kubernetes, agent_cost, live_panel)], __doc__
    )
)
