"""The places that exporters are tested against, each one server for all tests, emptied before each."""

import http.client
import logging
import sys
import threading
from pathlib import Path

import boto3
import pytest

sys.path += [str(Path(__file__).parent / part) for part in ("export", "analyse", "spec")]

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null/credentials",
}


@pytest.fixture(scope="session")
def aws_server():
    from aws_service import StrictCloudWatch
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    with StrictCloudWatch(moto.get_host_and_port()) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
    moto.stop()


@pytest.fixture(scope="session")
def boto_session():
    """One session for all tests: reading the models of AWS takes half a second each time."""
    return boto3.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], CREDENTIALS["AWS_SECRET_ACCESS_KEY"])


@pytest.fixture
def aws(aws_server, boto_session, monkeypatch):
    """The strict CloudWatch, empty, with credentials and its address in the environment."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_server.url)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto_session)
    aws_server.reset()
    connection = http.client.HTTPConnection(*aws_server.moto)
    connection.request("POST", "/moto-api/reset")
    assert connection.getresponse().status == 200
    connection.close()
    return aws_server


@pytest.fixture(scope="session")
def gateway_server():
    from pushgateway_double import PushgatewayDouble

    with PushgatewayDouble() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def gateway(gateway_server, monkeypatch):
    """An empty Pushgateway."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    gateway_server.reset()
    return gateway_server
