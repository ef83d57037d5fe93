"""``python -m loadlab.agent.locust_main``: Locust as ever, but deaf to the configuration files it finds lying about.

A locust.conf or pyproject.toml in the working folder, or one in the home folder, would change the test (headless =
true, run-time = 5s, ...) without the run saying so. What runs is what the LoadTest says.
"""

import locust.argument_parser

locust.argument_parser.get_empty_argument_parser.__defaults__ = (True, ())
locust.argument_parser.get_parser.__defaults__ = ((),)

from locust.main import main  # noqa: E402 - Locust has to be changed before it begins

if __name__ == "__main__":
    main()
