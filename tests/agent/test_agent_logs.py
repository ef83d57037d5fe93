"""What a Locust process logs while it runs, and what its events say."""

from __future__ import annotations

import io
import json
import logging

from loadlab.agent.feed import Feed
from loadlab.agent.logs import hide_in_logs


def test_secrets_are_hidden_in_messages_and_tracebacks() -> None:
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(logging.Formatter("[shop] %(message)s"))
    logger = logging.getLogger("loadlab.test_agent_logs")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        hide_in_logs()
        hide_in_logs()  # once more does no harm
        logger.warning("sent %s", {"Authorization": "Bearer hunter2"})
        try:
            raise ValueError("login failed: password=hunter2")
        except ValueError:
            logger.exception("a task failed")
    finally:
        logger.removeHandler(handler)
    lines = output.getvalue().splitlines()
    assert lines[0] == "[shop] sent {'Authorization': '...'}"
    assert lines[1] == "[shop] a task failed"
    assert lines[-1] == "ValueError: login failed: password=..."


def test_an_event_has_no_secrets_in_its_texts() -> None:
    feed = Feed(now=lambda: 1000.0)
    feed.event("note", "token=hunter2", "sent X-Api-Key: hunter2", {"name": "password=hunter2", "users": 5})
    record = json.loads(feed.read(0, 10))
    assert record["object"] == "token=..."
    assert record["text"] == "sent X-Api-Key: ..."
    assert record["data"] == {"name": "password=...", "users": 5}
