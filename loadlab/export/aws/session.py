"""boto3: clients, whose account it is, and botocore's errors in words. Nothing else imports boto3."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from loadlab.errors import ExportError, SpecError
from loadlab.export.plan import NotDelivered
from loadlab.export.sending import waits
from loadlab.export.words import tell_on_stderr, waiting, without_markup

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 30

THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
    "BandwidthLimitExceeded",
}
"""Error codes that ask for patience."""

EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}


@dataclass(frozen=True)
class Access:
    """How AWS is reached. Every field may be left out: boto3 then looks in its usual places.

    session
        A boto3 session of one's own; else boto3's default session where there is one, else a new one.
    profile, region, endpoint_url
        As boto3 takes them.
    account
        The number of the account, which is otherwise asked of STS.
    """

    session: Any = None
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    account: str | None = None

    def region_name(self) -> str:
        """The region, also without credentials. Raises ExportError when there is none."""
        return self._region(self._open())

    def _open(self) -> Any:
        import boto3
        from botocore.exceptions import BotoCoreError

        if self.session is not None:
            return self.session
        if boto3.DEFAULT_SESSION is not None and not self.profile:
            return boto3.DEFAULT_SESSION
        try:
            return boto3.Session(profile_name=self.profile or None)
        except BotoCoreError as error:
            raise ExportError(f"AWS: {_words(error)}. Nothing was sent.") from error

    def _region(self, session: Any) -> str:
        region = self.region or session.region_name or os.environ.get("AWS_REGION")  # which boto3 leaves out
        if not region:
            raise ExportError(
                "AWS: no region. Looked at: the argument region, AWS_DEFAULT_REGION (not set), the profile "
                f"in {_config_file()} (none), AWS_REGION (not set). Nothing was sent."
            )
        return str(region)

    def client(self, service: str = "cloudwatch") -> Any:
        """A client with one attempt a call: who calls has patience of its own.

        Raises ExportError, without asking any network, when there is no region, and with what was looked for when
        there are no credentials.
        """
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        config = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            request_min_compression_size_bytes=1024,
        )
        session = self._open()
        region = self._region(session)
        try:
            if session.get_credentials() is None:
                raise ExportError(f"AWS: no credentials. {looked_at(session)} Nothing was sent.")
            url = self.endpoint_url or None
            if service == "sts" and url and urlsplit(url).hostname and _is_amazon(str(urlsplit(url).hostname)):
                url = None  # the address of CloudWatch alone, of a VPC endpoint say
            return session.client(service, region_name=region, endpoint_url=url, config=config)
        except (BotoCoreError, ValueError) as error:
            raise ExportError(f"AWS: {_words(error)}. Nothing was sent.") from error

    def account_number(self) -> str:
        """Whose account it is. Raises ExportError."""
        from botocore.exceptions import BotoCoreError, ClientError

        if self.account:
            return self.account
        try:
            return str(self.client("sts").get_caller_identity()["Account"])
        except (BotoCoreError, ClientError) as error:
            raise ExportError(
                f"AWS: STS could not say whose account it is: {_words(error)}. Nothing was sent. Where STS is out of "
                "reach, give the number as account."
            ) from error

    def __post_init__(self) -> None:
        if self.account is not None and not (self.account.isdigit() and len(self.account) == 12):
            raise SpecError("account", self.account, "the 12 digits of an AWS account")


def looked_at(session: Any) -> str:
    """Where credentials were looked for, and what is there; no values."""
    found = []
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        found.append(f"{name} ({'set' if os.environ.get(name) else 'not set'})")
    profile = session.profile_name or "default"
    for what, path in (("credentials", _credentials_file()), ("config", _config_file())):
        state = f"no profile {profile} with credentials in it" if path.is_file() else "no such file"
        found.append(f"the shared {what} file {path} ({state})")
    container = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
    found.append(
        f"{container[0]} or _FULL_URI of a container ({'set' if any(map(os.environ.get, container)) else 'not set'})"
    )
    token = os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    found.append(f"AWS_WEB_IDENTITY_TOKEN_FILE ({'set' if token else 'not set'})")
    off = os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
    found.append(f"the instance's metadata ({'switched off' if off else 'no answer'})")
    return f"Looked at: {', '.join(found)}."


def _credentials_file() -> Path:
    return Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")).expanduser()


def _config_file() -> Path:
    return Path(os.environ.get("AWS_CONFIG_FILE", "~/.aws/config")).expanduser()


def _is_amazon(host: str) -> bool:
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))


def call(client: Any, operation: str, **parameters: Any) -> dict[str, Any]:
    """One call; botocore's errors become NotDelivered, here and nowhere else."""
    from botocore import exceptions as errors
    from botocore.parsers import ResponseParserError

    try:
        answer: dict[str, Any] = getattr(client, operation)(**parameters)
        return answer
    except errors.ClientError as error:
        raise _refusal(error) from error
    except (errors.ReadTimeoutError, errors.ConnectionClosedError, errors.IncompleteReadError) as error:
        raise NotDelivered(f"AWS: {_words(error)}", again=True, in_doubt=True) from error
    except (ResponseParserError, errors.HTTPClientError) as error:
        if isinstance(error, errors.SSLError) and "certificate" in str(error).lower():
            raise NotDelivered(f"AWS: {_words(error)}. Is AWS_CA_BUNDLE set to the right file?") from error
        connected = not isinstance(error, errors.EndpointConnectionError | errors.ConnectTimeoutError | errors.SSLError)
        raise NotDelivered(f"AWS: {_words(error)}", again=True, in_doubt=connected) from error
    except errors.BotoCoreError as error:
        raise NotDelivered(f"AWS: {_words(error)}") from error


def call_patiently(client: Any, operation: str, end: float, **parameters: Any) -> dict[str, Any]:
    """`call`, again and again with longer and longer waits while that can help, until `end` (time.monotonic).

    For operations that may be carried out twice. The first wait is told on standard error. Raises NotDelivered.
    """
    told = False
    for wait_s in waits(json.dumps([operation, parameters], default=str).encode()):
        try:
            return call(client, operation, **parameters)
        except NotDelivered as reason:
            if not reason.again or time.monotonic() + wait_s > end:
                raise
            if not told:
                told = True
                tell_on_stderr(waiting(reason, end - time.monotonic()))
            time.sleep(wait_s)
    raise AssertionError("waits never end")


def _refusal(error: Any) -> NotDelivered:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = f"AWS answered {status} {code}: {without_markup(message)}".rstrip(": ")
    if code in THROTTLED or status == 429:
        return NotDelivered(f"{said} (throttled)", again=True, code=code)
    if code in EXPIRED:
        return NotDelivered(f"{said}. The credentials have expired: renew them", code=code)
    return NotDelivered(said, again=status >= 500, code=code)


def _words(error: Exception) -> str:
    return without_markup(str(error)).rstrip(".") or type(error).__name__


def identity(*parts: object) -> str:
    """What makes a place another one, as a text."""
    return json.dumps(parts)
