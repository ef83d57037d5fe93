"""The part of loadlab that runs inside Locust's processes: the standard library and Locust, nothing else.

Locust loads it beside the user's locustfile (``-f user.py,loadlab_agent.py``); the locustfile needs no change. On a
worker it counts every request into that second's histogram and sends each closed second to the master until the
master has acknowledged it; on the master it merges the seconds of all workers and serves them as numbered records.

A locustfile may count for itself::

    from loadlab.agent import count, gauge

    count("checkout")            # how often something happened
    gauge("carts_open", 17)      # how much of something there is now

Both cost well under a microsecond and do nothing where no loadlab run is going on.
"""

from loadlab.agent.metrics import count, gauge

__all__ = ["count", "gauge"]
