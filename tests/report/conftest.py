"""Opens pages for the tests of pages."""

from report_browser import visit

__all__ = ["visit"]
