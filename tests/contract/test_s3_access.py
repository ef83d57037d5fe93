"""An S3 that cannot be used is told before any load, within bounds, with what to look at."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.fs
import pytest
import requests
from contract.keeper import Keeper
from s3_server import S3Server

import loadlab
from loadlab.doctor import places
from loadlab.errors import SpecError, StoreError, StoreUnavailable
from loadlab.store import S3Path, list_runs, s3_connection

RUN_ID = "r20261121-100000-aaaa"


@pytest.fixture
def start(tmp_path: Path, s3_place: S3Path) -> Callable[..., None]:
    """Starts a test whose run is to be kept in S3; its launcher must never be asked."""
    locustfile = tmp_path / "shop.py"
    locustfile.write_text("from locust import User\nclass Visitor(User):\n    pass\n")
    test = loadlab.LoadTest(locustfile=locustfile, host="http://127.0.0.1:9")

    class Launcher:
        name = "local"
        options = None

        def launch(self, *_: object, **__: object) -> None:
            raise AssertionError("a load was about to start")

    def start(place: object = s3_place) -> None:
        loadlab.start(test, runs=str(place), launcher=Launcher())  # type: ignore[arg-type]

    return start


def refused(start: Callable[..., None], tmp_path: Path, *words: str, place: object = None) -> StoreError:
    began = time.monotonic()
    with pytest.raises(StoreError) as raised:
        start() if place is None else start(place)
    assert time.monotonic() - began < 60
    for word in words:
        assert word in str(raised.value)
    assert not (tmp_path / "spool").exists(), "nothing was begun"
    assert raised.value.exit_code == 4
    return raised.value


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (403, "AccessDenied", ["access is denied", "s3:ListBucket on the bucket", "s3:DeleteObject", "not now"]),
        (403, "InvalidAccessKeyId", ["the credentials are wrong", "AWS_ACCESS_KEY_ID (set)"]),
        (403, "SignatureDoesNotMatch", ["the credentials are wrong"]),
        (400, "ExpiredToken", ["the credentials have expired; renew them", "ExpiredToken"]),
        (400, "AuthorizationHeaderMalformed", ["in another region; name it in AWS_REGION"]),
        (301, "PermanentRedirect", ["in another region"]),
        (503, "SlowDown", ["S3 cannot answer at the moment"]),
        (418, "Teapot", ["Teapot"]),
    ],
)
def test_what_a_refusal_means(
    start: Callable[..., None], s3: S3Server, s3_place: S3Path, tmp_path: Path, status: int, code: str, words: list[str]
) -> None:
    s3.fault = lambda method, key: (status, code)
    error = refused(start, tmp_path, str(s3_place), *words)
    assert isinstance(error, StoreUnavailable) == (status == 503)


@pytest.mark.parametrize("refused_method", ["GET", "HEAD", "DELETE"])
def test_each_permission_is_tried(
    start: Callable[..., None], s3: S3Server, tmp_path: Path, refused_method: str
) -> None:
    s3.fault = lambda method, key: (403, "AccessDenied") if method == refused_method else None
    refused(start, tmp_path, "access is denied", "They need s3:ListBucket")


def test_keys_that_s3_does_not_know(
    start: Callable[..., None], s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto itself checks them here."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODY")
    requests.post(f"{s3.url}/moto-api/reset-auth", data="0", timeout=10).raise_for_status()
    try:
        refused(
            start, tmp_path, "the credentials are wrong", "INVALID_ACCESS_KEY_ID, The AWS Access Key Id you provided"
        )
    finally:
        requests.post(f"{s3.url}/moto-api/reset-auth", data="inf", timeout=10).raise_for_status()


def test_no_credentials_are_told_by_the_places_that_were_looked_at(
    start: Callable[..., None], s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "team")
    s3.fault = lambda method, key: (403, "AccessDenied")  # what AWS says to those who name nobody
    error = refused(start, tmp_path, "access is denied", "AWS_ACCESS_KEY_ID (not set)")
    assert f"profile 'team' in {tmp_path / 'no credentials'} (not there) and {tmp_path / 'no config'}" in str(error)


def test_a_profile_is_used(s3: S3Server, s3_keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "no credentials").write_text("[team]\naws_access_key_id = AKIATEAM\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_PROFILE", "team")
    s3_keeper.keep(RUN_ID, 1)
    assert list_runs(s3_keeper.root)["id"].tolist() == [RUN_ID]
    assert "Credential=AKIATEAM/" in s3.authorization


def test_a_bucket_that_is_not_there(start: Callable[..., None], tmp_path: Path) -> None:
    refused(start, tmp_path, "there is no bucket 'gone-bucket'", place="s3://gone-bucket/x")


def test_no_answer(
    start: Callable[..., None], s3_place: S3Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens; then somebody who never answers."""
    monkeypatch.setattr(s3_connection, "QUICK_ATTEMPTS", 1)
    monkeypatch.setattr(s3_connection, "READ_TIMEOUT_S", 0.5)
    monkeypatch.setattr(s3_connection, "ATTEMPTS", 1)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", address)
        error = refused(start, tmp_path, f"{address} cannot be reached")
        assert isinstance(error, StoreUnavailable)
        listener.listen(5)
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            list_runs(s3_place)


def test_another_endpoint_variable_and_a_region(
    s3: S3Server, s3_place: S3Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    s3_place.check_writable()
    assert "/eu-west-3/s3/aws4_request" in s3.authorization


def test_at_aws_the_bucket_says_where_it_is(monkeypatch: pytest.MonkeyPatch, s3_place: S3Path) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    monkeypatch.setattr(pyarrow.fs, "resolve_s3_region", {"bucket-in-ohio": "us-east-2"}.__getitem__)
    assert s3_connection.connect("bucket-in-ohio").region == "us-east-2"

    def missing(bucket: str) -> str:
        raise OSError(f"Bucket '{bucket}' not found")

    monkeypatch.setattr(pyarrow.fs, "resolve_s3_region", missing)
    with pytest.raises(StoreError, match="s3://nowhere-bucket/x: there is no bucket 'nowhere-bucket'"):
        list_runs("s3://nowhere-bucket/x")


def test_writing_is_tried_and_leaves_nothing(s3: S3Server, s3_place: S3Path) -> None:
    s3_place.check_writable()
    assert s3.keys(s3_place.bucket) == []
    assert [method for method, key in s3.log if key.startswith(f"{s3_place.key}/.loadlab")] == [
        *("PUT", "HEAD", "GET", "HEAD", "DELETE"),
    ]


def test_a_refusal_in_the_middle_is_no_damage(s3: S3Server, s3_keeper: Keeper) -> None:
    """Neither a table that cannot be fetched nor a list that ends early looks like a run that is broken."""
    archive = loadlab.Run(s3_keeper.keep(RUN_ID, 1))
    s3.fault = lambda method, key: (403, "AccessDenied") if key.endswith((".parquet", "run.json")) else None
    for use in (lambda: archive.requests, lambda: list_runs(s3_keeper.root)):
        with pytest.raises(StoreError, match="access is denied") as raised:
            use()
        assert type(raised.value) is StoreError


def test_the_doctor_looks_at_s3(s3: S3Server, s3_place: S3Path, tmp_path: Path) -> None:
    found = {each.name: each for each in places.check_runs(str(s3_place))}
    assert (found["runs in S3"].status, found["runs in S3"].found) == ("ok", f"{s3_place} can be written")
    assert found["runs on their way"].found.startswith(f"{tmp_path / 'spool'} can be written")
    assert "runs folder" not in found
    s3.fault = lambda method, key: (403, "AccessDenied")
    (finding,) = [each for each in places.check_runs(str(s3_place)) if each.name == "runs in S3"]
    assert (finding.status, "access is denied" in finding.found) == ("missing", True)


@pytest.mark.parametrize("place", ["gs://bucket/x", "s3://", "x/s3:/bucket/y"])
def test_places_that_cannot_be_meant(start: Callable[..., None], place: str) -> None:
    with pytest.raises(SpecError, match="runs: got") as raised:
        start(place)
    assert raised.value.exit_code == 2
