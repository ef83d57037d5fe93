"""Texts without what looks like a secret in them. The standard library only: the agent takes this file along.

Hidden is what stands before the host in a URL, what follows a name that speaks of a password, token, key, session or
signature (``token=...``, ``"password": "..."``, ``X-Api-Key: ...``, ``--api-token ...``), the values of the headers
``Authorization`` and ``Cookie``, credentials of a scheme (``Bearer ...``), JSON Web Tokens, private keys, and the keys
of services whose keys can be told by their beginning. What is left out is replaced by ``...``; the name before it
stays. A password that no name announces cannot be known: a Redactor also hides the values that it was told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import quote

HIDDEN = "..."
"""What stands in the place of a secret."""

CREDENTIALS = re.compile(r'(?<=://)([^\s/?#@:"]*:)?[^\s/?#"]*@')
"""What stands before the host in a URL: a name and a password, or a token."""

OPTION_NAMES = "password|passwd|passphrase|token|secret|key|credential|auth(?!or(?!i[sz]))"
"""A pattern for the names of options and settings whose values are not shown."""

_OPTION = re.compile(
    rf"""(?<![\w-])(?=--?[\w-]*?(?:{OPTION_NAMES}))(--?[\w-]++)(=|\s+(?!-(?![\d.])))("[^"\n]*"?|'[^'\n]*'?|\S+)""",
    re.IGNORECASE,
)
_NAMES = (
    "passw(?:or)?d|passphrase|pwd|secret|token|credential|jwt|auth|authorization|signature|"
    "(?:api|access|account|auth|encryption|functions|master|private|shared|signing|subscription)[_-]?key(?:[_-]?id)?|"
    "session|sess(?:ion)?[_-]?id"
)
_QUOTED = r"""[bBrRuU]{0,2}(?:\\"(?:(?!\\")[^\n])*|\\'(?:(?!\\')[^\n])*|"(?:\\.|[^"\\\n])*"""
_QUOTED += r"""|'(?:\\.|[^'\\\n])*)"""
_BARE = r"""(?:[^\s&'"<>,;:]|[,;'](?=\w)|:(?=\S))+"""
_BRACKETED = r"\([^)\n]*|\[[^\]\n]*|\{[^}\n]*"
_SEPARATOR = r"""(?:\\?["'])?\s{0,3}(?::|=>?)\s{0,3}|\\?["']\s{0,3},\s{0,3}(?=[bBrRuU]?\\?["'])"""
_SEPARATOR += r"""|\s{1,3}(?=["'][\w./+=~-]{4})"""
_PAIR = re.compile(
    rf"((?:{_NAMES})s?(?:[_-][\w-]{{1,30}})?(?:{_SEPARATOR}))(?!\.\.\.)"
    rf"({_QUOTED}|{_BRACKETED}|(?:(?:basic|bearer|negotiate|ntlm|token|hawk|mac|oauth|apikey)\s+)?{_BARE})",
    re.IGNORECASE,
)
_DIGEST = re.compile(r"(authorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?)digest\s[^\n]+", re.IGNORECASE)
_COOKIE = re.compile(
    rf"(cookies?2?(?:\\?[\"'])?\s{{0,3}}[:=](?!\s{{0,3}}\.\.\.)\s{{0,3}})({_QUOTED}|[^\n]+)|(<Cookie )[^\s>]+",
    re.IGNORECASE,
)
_QUERY = re.compile(rf"([?&;](?:key|pin|sid|sig)=)(?!\.\.\.){_BARE}", re.IGNORECASE)
_SCHEME = re.compile(
    r"\b(basic|negotiate|ntlm|bearer) +(?=[\w.~+/-]*(?:[\d=+/]|(?-i:[a-z][A-Z])))[\w.~+/-]{6,}=*", re.IGNORECASE
)
_KEY = re.compile(
    r"\beyJ[\w-]{8,}(?:\.[\w-]*){0,4}"
    r"|\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b"
    r"|\b(?:gh[opsur]_|github_pat_|glpat-|hvs\.|npm_|pypi-|xox[a-z]-|[rs]k_live_|[rs]k_test_|AIza)[\w-]{16,}"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,30}-----|\Z)"
)
_PLAIN = re.compile(r"[^=:,'\"]*")
"""Texts in which no name can stand before a value."""

_SIGNS = (
    *("pass", "pwd", "secret", "token", "credential", "jwt", "auth", "signature", "key", "sess", "cookie"),
    *("pin=", "sid=", "sig=", "basic", "bearer", "negotiate", "ntlm", "eyj", "akia", "asia", "aroa", "aida"),
    *("ghp_", "gho_", "ghs_", "ghr_", "ghu_", "github_pat_", "glpat-", "hvs.", "npm_", "pypi-", "xox"),
    *("k_live_", "k_test_", "aiza"),
)
"""A text in small letters that has none of these has no secret in it that a pattern would find: most texts."""

_SECRET_VARIABLE = re.compile(rf"(?:{_NAMES}|key|pin)s?\d*\Z", re.IGNORECASE)
_SHORTEST = 6
"""Shorter values are not looked for: they would be found in words that mean something else."""


def redact(text: str) -> str:
    """`text` without what looks like a secret in it. Time grows with the length of the text and no faster."""
    if "://" in text and "@" in text:
        text = CREDENTIALS.sub(rf"\1{HIDDEN}@", text)
    small = text.lower()
    if not any(sign in small for sign in _SIGNS):
        return text
    if "-" in text:
        text = _OPTION.sub(rf"\1\2{HIDDEN}", text)
    if not _PLAIN.fullmatch(text):
        text = _DIGEST.sub(rf"\1{HIDDEN}", text)
        text = _COOKIE.sub(_hide_cookie, text)
        text = _PAIR.sub(_hide_pair, text)
        text = _QUERY.sub(rf"\1{HIDDEN}", text)
    if " " in text:
        text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
    return _KEY.sub(HIDDEN, text)


def _hide_pair(found: re.Match[str]) -> str:
    return found[1] + _hide_value(found[2])


def _hide_cookie(found: re.Match[str]) -> str:
    return f"{found[3]}{HIDDEN}" if found[3] else found[1] + _hide_value(found[2])


def _hide_value(value: str) -> str:
    """What stands for a value: quotes that it began with stay, so that what follows them reads as before."""
    opening = re.match(r"""[bBrRuU]{0,2}\\?["']""", value)
    return f"{opening[0] if opening else ''}{HIDDEN}"


class Redactor:
    """`redact`, and the secrets that it was told replaced too. One that knows no secret costs nothing more."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._hide: Callable[[str], str] | None = None
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Hide these values from now on, also as they stand in a URL. What is shorter than six characters is not."""
        known = {each for each in secrets if len(each) >= _SHORTEST}
        self._secrets |= known | {quote(each, safe="") for each in known}
        if self._secrets:
            longest_first = sorted(self._secrets, key=len, reverse=True)
            pattern = re.compile("|".join(map(re.escape, longest_first)))
            self._hide = lambda text: pattern.sub(HIDDEN, text)

    def __call__(self, text: str) -> str:
        """`text` without secrets."""
        return redact(self._hide(text) if self._hide else text)


def secret_values(variables: Mapping[str, object]) -> Iterator[str]:
    """The values of those variables whose name ends like that of a secret, and the passwords in URLs among the others.

    `variables` are an environment, or parsed options by their names.
    """
    for name, value in variables.items():
        if not isinstance(value, str):
            continue
        if _SECRET_VARIABLE.search(name):
            yield value
        elif "://" in value and (found := CREDENTIALS.search(value)):
            yield found[0][len(found[1] or "") : -1]
