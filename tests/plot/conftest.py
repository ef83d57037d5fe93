"""Opens pages for the tests of figures."""

from plot_browser import open_html

__all__ = ["open_html"]
