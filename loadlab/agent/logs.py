"""What this process logs, without secrets: Locust logs the texts of errors, tracebacks and a table of all failures."""

from __future__ import annotations

import logging

from loadlab.agent.failures import REDACTOR


class Hiding(logging.Formatter):
    """Formats as `inner` does, and hides secrets in the outcome."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self.inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        return REDACTOR(self.inner.format(record))


def hide_in_logs() -> None:
    """Let every handler that logs now hide secrets. Called again, it takes in those that have come since."""
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.Logger.manager.loggerDict))]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        if not isinstance(handler.formatter, Hiding):
            handler.setFormatter(Hiding(handler.formatter or logging.Formatter()))
