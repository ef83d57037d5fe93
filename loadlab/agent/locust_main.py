"""``python -m loadlab.agent.locust_main``: Locust as ever, but deaf to the configuration files it finds lying about.

A locust.conf or pyproject.toml in the working folder, or one in the home folder, would change the test (headless =
true, run-time = 5s, ...) without the run saying so. What runs is what the LoadTest says.

Locust takes a while to import, in every process of every run, so what makes that slow is left out: looking for garbage
among objects that all stay, and gevent's looking for plugins, two dozen times in the files of all packages there are.
"""

import gc
from importlib import metadata

gc.disable()
_entry_points = metadata.entry_points
metadata.entry_points = _entry_points().select

import locust.argument_parser  # noqa: E402 - see above

locust.argument_parser.get_empty_argument_parser.__defaults__ = (True, ())
locust.argument_parser.get_parser.__defaults__ = ((),)

from locust.main import main  # noqa: E402 - Locust has to be changed before it begins

metadata.entry_points = _entry_points
gc.enable()

if __name__ == "__main__":
    main()
