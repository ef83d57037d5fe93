"""Where S3 is and who asks, from the usual AWS settings; and what its refusals mean.

pyarrow finds credentials and, where there is a custom endpoint, the region by itself, as every AWS program does. It
does not read the variables of an endpoint of one's own, and it does not find out where a bucket is: both are done here.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from loadlab.errors import StoreError, StoreUnavailable

if TYPE_CHECKING:
    import pyarrow.fs

CONNECT_TIMEOUT_S = 3.0
READ_TIMEOUT_S = 10.0
"""So long may S3 send nothing before a request is given up."""
ATTEMPTS = 3
QUICK_READ_TIMEOUT_S = 3.0
QUICK_ATTEMPTS = 2
"""The same where somebody waits to begin."""

_AWS = re.compile(
    r"AWS Error (?P<code>\w+)(?: \(HTTP status (?P<status>\d+)\))? during \w+ operation: (?P<words>.*)", re.DOTALL
)
_UNKNOWN = re.compile(r"Unable to parse ExceptionName: (?P<name>\w*) Message: (?P<words>.*)", re.DOTALL)
_REQUEST = re.compile(r" \(Request ID: [^)]*\)")
_NO_BODY = "No response body."


def endpoint() -> str | None:
    """The S3 that the environment names; None for that of AWS."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def connect(bucket: str, *, patient: bool = True) -> pyarrow.fs.S3FileSystem:
    """pyarrow's file system for `bucket`, kept for as long as the AWS settings in the environment stay as they are.

    `patient=False` gives up sooner. At AWS the bucket is asked for its region first. Raises OSError.
    """
    settings = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))
    return _connect(bucket, patient, settings)


@lru_cache(maxsize=32)
def _connect(bucket: str, patient: bool, _settings: tuple[tuple[str, str], ...]) -> pyarrow.fs.S3FileSystem:
    from pyarrow import fs

    place = endpoint()
    return fs.S3FileSystem(
        endpoint_override=place,
        region=None if place else fs.resolve_s3_region(bucket),
        connect_timeout=CONNECT_TIMEOUT_S,
        request_timeout=READ_TIMEOUT_S if patient else QUICK_READ_TIMEOUT_S,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS if patient else QUICK_ATTEMPTS),
        background_writes=False,
        allow_delayed_open=True,  # a small object is one request, and no multipart upload
    )


def translate(error: OSError, bucket: str, place: str) -> StoreError:
    """What a refusal of S3 means to the person who named `place` in `bucket`, with S3's own words."""
    code, status, words = _parse(str(error))
    own = f"S3 says: {code}{f' (HTTP {status})' if status else ''}{f', {words}' if words else ''}."
    if code == "NETWORK_CONNECTION":
        return StoreUnavailable(f"{place}: {endpoint() or 'the S3 of AWS'} cannot be reached ({words}).")
    if code in ("NO_SUCH_BUCKET", "NoSuchBucket") or str(error).startswith(f"Bucket '{bucket}' not found"):
        return StoreError(f"{place}: there is no bucket '{bucket}'.")
    if code in ("INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "InvalidToken", "INVALID_CLIENT_TOKEN_ID"):
        return StoreError(f"{place}: the credentials are wrong. {own} {credential_places()}")
    if code in ("ExpiredToken", "ExpiredTokenException", "EXPIRED_TOKEN", "REQUEST_EXPIRED", "TokenRefreshRequired"):
        return StoreError(f"{place}: the credentials have expired; renew them. {own} {credential_places()}")
    if code == "REQUEST_TIME_TOO_SKEWED":
        return StoreError(f"{place}: the clock of this machine is wrong. {own}")
    if status in ("301", "307") or code in ("PermanentRedirect", "AuthorizationHeaderMalformed"):
        return StoreError(f"{place}: the bucket is in another region; name it in AWS_REGION. {own}")
    if code == "ACCESS_DENIED" or status == "403":
        return StoreError(
            f"{place}: access is denied. {own} {credential_places()} They need s3:ListBucket on the bucket, and "
            "s3:GetObject, s3:PutObject and s3:DeleteObject on what is below the prefix."
        )
    if code in ("SLOW_DOWN", "INTERNAL_FAILURE", "SERVICE_UNAVAILABLE", "REQUEST_TIMEOUT") or status[:1] == "5":
        return StoreUnavailable(f"{place}: S3 cannot answer at the moment. {own}")
    if status == "400" and not words:  # of a HEAD request, whose answer has no text
        return StoreError(f"{place}: refused; credentials that have expired are the usual reason. {own}")
    return StoreError(f"{place}: {own}")


def _parse(text: str) -> tuple[str, str, str]:
    """AWS's code, the HTTP status where the code is unknown to pyarrow's library, and the words."""
    found = _AWS.search(text)
    if found is None:
        return "error", "", text
    code, status, words = found["code"], found["status"] or "", _REQUEST.sub("", found["words"]).strip()
    if unknown := _UNKNOWN.fullmatch(words):
        code, words = unknown["name"] or code, unknown["words"]
    return code, status, "" if words == _NO_BODY else words.rstrip(".")


def credential_places() -> str:
    """Where credentials are looked for, in that order, and what is there; none of them is shown."""
    files = [
        Path(os.environ.get(variable) or Path.home() / ".aws" / name)
        for variable, name in (("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config"))
    ]
    profile = os.environ.get("AWS_PROFILE") or "default"
    places = [
        f"AWS_ACCESS_KEY_ID ({_is_set('AWS_ACCESS_KEY_ID')})",
        f"profile '{profile}' in "
        + " and ".join(f"{file} ({'there' if file.is_file() else 'not there'})" for file in files),
        f"AWS_WEB_IDENTITY_TOKEN_FILE ({_is_set('AWS_WEB_IDENTITY_TOKEN_FILE')})",
        "the container's role "
        f"({_is_set('AWS_CONTAINER_CREDENTIALS_FULL_URI', 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI')})",
        "the role of the EC2 instance",
    ]
    return f"Credentials are looked for in: {', '.join(places)}."


def _is_set(*variables: str) -> str:
    return "set" if any(os.environ.get(variable) for variable in variables) else "not set"
