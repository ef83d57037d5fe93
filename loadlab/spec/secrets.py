"""What of a load test may be a secret, and texts without it: nothing that loadlab keeps, prints or reports shows it.

Secret are the password in a URL (or, without a name before it, all that stands before the host), the values of
environment variables, the values of Locust options whose name speaks of a password, token, secret or key, Helm settings
that speak of any of these, and in texts all that `loadlab.redaction` finds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from loadlab.redaction import CREDENTIALS, HIDDEN, OPTION_NAMES, redact

_BARE_CREDENTIALS = re.compile(r"^((?:[A-Za-z][A-Za-z0-9+.-]*:)?/*)([^/@:]*:)?.*@", re.DOTALL)
_SECRET_NAME = re.compile(OPTION_NAMES, re.IGNORECASE)
_SECRET_SETTING = re.compile(rf"environment|extraEnv|{OPTION_NAMES}", re.IGNORECASE)
_SECRET_LABEL = re.compile("passw|passphrase|secret|token|credential|api[._-]?key", re.IGNORECASE)


def hide_credentials(text: str) -> str:
    """`text` without the passwords in its URLs: ``http://bob:hunter2@shop`` becomes ``http://bob:...@shop``."""
    return CREDENTIALS.sub(rf"\1{HIDDEN}@", text)


def hide_host(host: str) -> str:
    """A host as somebody has given it, perhaps wrongly, without its password.

    With an unescaped "/" in a password nothing tells it from a path: all up to the last "@" is hidden.
    """
    return _BARE_CREDENTIALS.sub(rf"\1\2{HIDDEN}@", host)


def hide_words(words: Iterable[str]) -> tuple[str, ...]:
    """Words of a command line without the values of options that are secret, ``--api-token x`` or ``--api-token=x``."""
    hidden, is_secret = [], False
    for word in words:
        if re.match(r"-(?![\d.])", word):
            name, equals, _ = word.partition("=")
            is_secret = _SECRET_NAME.search(name) is not None
            shown = f"{name}={HIDDEN}" if equals and is_secret else word
        else:
            shown = HIDDEN if is_secret else word
        hidden.append(hide_text(shown))
    return tuple(hidden)


def hide_setting(setting: str) -> str:
    """A Helm setting without what may be secret in it: ``worker.environment.PIN=...``."""
    path, equals, _ = setting.partition("=")
    return f"{path}{equals}{HIDDEN}" if _SECRET_SETTING.search(setting) else hide_text(setting)


def hide_text(text: str) -> str:
    """Text for the eyes of others, an error or a log for instance, without what looks like a secret in it."""
    return redact(text)


def hide_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels without the values of those whose name speaks of a secret, and without secrets in the other values."""
    return {name: HIDDEN if _SECRET_LABEL.search(name) else hide_text(value) for name, value in labels.items()}
