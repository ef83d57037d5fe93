from __future__ import annotations

import pytest

from loadlab.errors import SpecError
from loadlab.provenance import rerun_command
from loadlab.spec import LoadTest, hide_host, hide_text
from loadlab.spec.secrets import hide_setting, hide_words

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("http://shop.example:8080/a%40b", "http://shop.example:8080/a%40b"),
        ("http://bob:hunter2@shop.example:8080/a", "http://bob:...@shop.example:8080/a"),
        ("http://bob:hunter2@p@shop", "http://bob:...@shop"),
        ("https://hunter2@shop", "https://...@shop"),
        ("http://:hunter2@shop", "http://:...@shop"),
        ("http://bob:hunter2,'@shop", "http://bob:...@shop"),
        ("bob:hunter2@shop", "bob:...@shop"),
        ("http:/bob:hunter2@shop", "http:/bob:...@shop"),
    ],
)
def test_the_password_of_a_host_is_hidden(host: str, shown: str) -> None:
    assert hide_host(host) == shown
    assert SECRET not in hide_text(f"no answer from {host!r} in 5 s") or not host.startswith("http://")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("--api-token hunter2 --page 5", "--api-token ... --page 5"),
        ("--api-token=hunter2 --page=5", "--api-token=... --page=5"),
        ("--SHOP_PASSWORD hunter2", "--SHOP_PASSWORD ..."),
        ("--secrets hunter2 hunter2 -x 1", "--secrets ... ... -x 1"),
        ("--pin-key -5 -L DEBUG", "--pin-key ... -L DEBUG"),
        ("--use-token --page 5", "--use-token --page 5"),
        ("--proxy http://bob:hunter2@proxy:3128", "--proxy http://bob:...@proxy:3128"),
    ],
)
def test_the_values_of_secret_options_are_hidden(words: str, shown: str) -> None:
    assert hide_words(words.split()) == tuple(shown.split())


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        ("worker.resources.limits.cpu=2", "worker.resources.limits.cpu=2"),
        ("worker.environment.PIN=hunter2", "worker.environment.PIN=..."),
        ("loadtest.environment_secret.PW=hunter2", "loadtest.environment_secret.PW=..."),
        ("image.tag=1,master.environment.PIN=hunter2", "image.tag=..."),
        ("worker.args={--api-token,hunter2}", "worker.args=..."),
        ("loadlab.annotations.proxy=http://bob:hunter2@proxy", "loadlab.annotations.proxy=http://bob:...@proxy"),
    ],
)
def test_a_helm_setting_is_shown_without_what_may_be_secret(setting: str, shown: str) -> None:
    assert hide_setting(setting) == shown


def test_a_log_is_shown_without_what_a_command_line_in_it_gives_away() -> None:
    log = "locust: error: unrecognized arguments: --api-token hunter2 --api-key='hunter 2' for a well-authored test"
    assert hide_text(log) == (
        "locust: error: unrecognized arguments: --api-token ... --api-key=... for a well-authored test"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("--api-token=-hunter2 -x", "--api-token=... -x"),
        ("--pin-key -5 --api-token -x", "--pin-key ... --api-token -x"),
        ("--opts '--api-token=hunter2'", "--opts '--api-token=..."),
        ("--author bob --authors=ann", "--author bob --authors=ann"),
        ("--authorization hunter2 --oauth=hunter2", "--authorization ... --oauth=..."),
        ('{"url":"http://shop","mail":"bob@x"}', '{"url":"http://shop","mail":"bob@x"}'),
        ('{"url":"http://bob:hunter2@shop","mail":"bob@x"}', '{"url":"http://bob:...@shop","mail":"bob@x"}'),
    ],
)
def test_a_text_is_shown_without_its_secrets_and_with_the_rest(text: str, shown: str) -> None:
    assert hide_text(text) == shown


def test_hiding_takes_no_longer_than_the_text() -> None:
    endless = "--" + "key" * 200_000  # tried piece by piece, minutes
    assert hide_text(endless) == endless


def test_a_test_shows_no_secrets_and_keeps_them() -> None:
    test = LoadTest(
        locustfile="shop.py",
        host="http://bob:hunter2@shop.example",
        environment={"SHOP_KEY": SECRET},
        locust_options=["--api-token", "hunter2", "--header", "Authorization: Bearer hunter2", "--loglevel", "DEBUG"],
        labels={"service": "shop", "api_key": "hunter2", "note": "password=hunter2"},
        description="Can it take token=hunter2 a second?",
    )
    for text in (repr(test), test.describe(), rerun_command(test), str(test.without_secrets().to_dict())):
        assert SECRET not in text
    assert "http://bob:...@shop.example" in test.describe()
    shown = test.without_secrets()
    assert shown.locust_options == ("--api-token", "...", "--header", "Authorization: ...", "--loglevel", "DEBUG")
    assert shown.labels == {"service": "shop", "api_key": "...", "note": "password=..."}
    assert shown.description == "Can it take token=... a second?"
    assert test.host == "http://bob:hunter2@shop.example"
    assert test.locust_options[1] == test.environment["SHOP_KEY"] == SECRET
    assert test.without_secrets().without_secrets() == test.without_secrets()


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "http://bob:hunter2@shop?a=1"},
        {"host": "bob:hunter2@shop"},
        {"host": "http://bob:hunter2@shop:port"},
        {"host": "http://bob:hunter2/w@shop"},
        {"host": "http://bob:12/hunter2@shop"},
        {"host": "http://bob:hunter2?@shop"},
        {"host": 'http://bob:"hunter2@shop'},
        {"locust_options": "--api-token 'hunter2"},
        {"locust_options": "--web-auth=bob:hunter2"},
    ],
)
def test_a_refusal_shows_no_secrets(wrong: dict[str, str]) -> None:
    with pytest.raises(SpecError) as raised:
        LoadTest(locustfile="shop.py", **wrong)
    assert SECRET not in str(raised.value)
    assert SECRET not in str(raised.value.given)
