"""What of a load test may be a secret, and texts without it: nothing that loadlab keeps, prints or reports shows it.

Secret are the password in a URL (or, without a name before it, all that stands before the host), the values of
environment variables, the values of Locust options whose name speaks of a password, token, secret or key, and Helm
settings that speak of any of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "..."
"""What stands in the place of a secret."""

CREDENTIALS = re.compile(r'(?<=://)([^\s/?#@:"]*:)?[^\s/?#"]*@')
"""What stands before the host in a URL; `loadlab.agent` hides the same in what it measures."""

_BARE_CREDENTIALS = re.compile(r"^((?:[A-Za-z][A-Za-z0-9+.-]*:)?/*)([^/@:]*:)?.*@", re.DOTALL)
_NAMES = "password|passwd|passphrase|token|secret|key|credential|auth(?!or(?!i[sz]))"
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
_SECRET_SETTING = re.compile(rf"environment|extraEnv|{_NAMES}", re.IGNORECASE)
_SECRET_OPTION = re.compile(
    rf"""(?<![\w-])(?=--?[\w-]*?(?:{_NAMES}))(--?[\w-]++)(=|\s+(?!-(?![\d.])))("[^"\n]*"?|'[^'\n]*'?|\S+)""",
    re.IGNORECASE,
)


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
        hidden.append(hide_credentials(shown))
    return tuple(hidden)


def hide_setting(setting: str) -> str:
    """A Helm setting without what may be secret in it: ``worker.environment.PIN=...``."""
    path, equals, _ = setting.partition("=")
    return f"{path}{equals}{HIDDEN}" if _SECRET_SETTING.search(setting) else hide_credentials(setting)


def hide_text(text: str) -> str:
    """Text that quotes a command line, a log for instance, without the same."""
    return hide_credentials(_SECRET_OPTION.sub(rf"\1\2{HIDDEN}", text))
