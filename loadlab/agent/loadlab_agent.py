"""The file that Locust is given beside the user's locustfile: ``-f user.py,loadlab_agent.py``."""

from loadlab.agent.install import install

install()
