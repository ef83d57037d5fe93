"""Did anything succeed at all?"""

from __future__ import annotations

from loadlab.analyse.validity.check import Check, percent, plural

FAILED_LIMIT = 0.5
"""Share of failed requests above which there is a warning: criteria decide what is too much, but this is no service."""


def check_success(finished: int, failed: int) -> Check:
    """At least one request of the run succeeded.

    Without any the run is invalid: answers to a wrong path, or refused connections, are no measure of a service. How
    many failures are too many is for criteria to say; above FAILED_LIMIT there is a warning.
    """
    if not finished:
        return Check("success", "unjudged", "No request was finished, so none succeeded or failed.", limit=FAILED_LIMIT)
    share = failed / finished
    if failed >= finished:
        text = (
            f"No request succeeded, {'the only one' if finished == 1 else f'all {finished:,}'} failed, so this "
            "measures no service: check the host and the paths."
        )
        return Check("success", "invalid", text, share, FAILED_LIMIT)
    if share > FAILED_LIMIT:
        text = (
            f"{percent(share)} of the requests failed: response times and rates are mostly those of failures. Check "
            "the host and the paths, and see what failed."
        )
        return Check("success", "warning", text, share, FAILED_LIMIT)
    return Check("success", "ok", f"{plural(finished - failed, 'request')} succeeded.", share, FAILED_LIMIT)
