import json
import subprocess
import sys

import pytest

from loadlab.errors import SpecError
from loadlab.spec import LoadTest
from loadlab.spec.locust_options import OWNED_OPTIONS, OWNED_VARIABLES

FREE = {
    "--config-users",
    "--csv",
    "--csv-full-history",
    "--print-stats",
    "--only-summary",
    "--reset-stats",
    "--html",
    "--json",
    "--json-file",
    "--loglevel",
    "-L",
    "--exit-code-on-error",
    "--equal-weights",
    "--profile",
    "--otel",
}
FREE_VARIABLES = {
    "LOCUST_CONFIG_USERS",
    "LOCUST_CSV",
    "LOCUST_CSV_FULL_HISTORY",
    "LOCUST_PRINT_STATS",
    "LOCUST_ONLY_SUMMARY",
    "LOCUST_RESET_STATS",
    "LOCUST_HTML",
    "LOCUST_LOGLEVEL",
    "LOCUST_EXIT_CODE_ON_ERROR",
    "LOCUST_ENABLE_OPENTELEMETRY",
}
ASK_LOCUST = """
import json
from locust.argument_parser import get_parser
actions = get_parser()._actions
print(json.dumps([[o for a in actions for o in a.option_strings], [getattr(a, "env_var", None) for a in actions]]))
"""


@pytest.fixture(scope="module")
def locust_parser():
    """Options and variables of the installed Locust, asked in a process of its own, which Locust patches."""
    answer = subprocess.run([sys.executable, "-c", ASK_LOCUST], capture_output=True, text=True, timeout=180, check=True)
    options, variables = json.loads(answer.stdout)
    return set(options), {variable for variable in variables if variable}


def test_every_option_of_locust_is_owned_or_free(locust_parser):
    assert set(OWNED_OPTIONS) | FREE == locust_parser[0]
    assert not set(OWNED_OPTIONS) & FREE


def test_every_variable_of_locust_is_owned_or_free(locust_parser):
    owned = {v for v in locust_parser[1] for o in OWNED_VARIABLES if v == o or (o.endswith("_") and v.startswith(o))}
    assert owned | FREE_VARIABLES == locust_parser[1]
    assert not owned & FREE_VARIABLES


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ("--headless", "web port"),
        ("--users=5", "'users'"),
        ("--users 5", "'users'"),
        ("-u5", "'users'"),
        ("-u 5", "'users'"),
        ("-f other.py", "'locustfile'"),
        ("-Hhttp://x", "'host'"),
        ("--run-time 5m", "'run_time'"),
        ("--master", "'workers'"),
        ("--worker", "'workers'"),
        ("--processes=-1", "'workers'"),
        ("--web-port 1", "web port"),
        ("-P1", "web port"),
        ("--headl", "web port"),
        ("--web-p 1", "web port"),
        ("--loglevel DEBUG --tags a", "'tags'"),
        ("--config x.conf", "configuration file"),
        ("--logfile x", "folder"),
        ("--list", "prints something"),
        ("ShopUser", "'user_classes'"),
        ("--loglevel DEBUG -- ShopUser", "'user_classes'"),
    ],
)
def test_owned_option(options, field):
    with pytest.raises(SpecError) as caught:
        LoadTest(locustfile="a.py", locust_options=options)
    assert caught.value.field.startswith("locust_options[")
    assert field in caught.value.allowed


@pytest.mark.parametrize(
    "options",
    ["--loglevel DEBUG", "-L INFO", "--csv out", "--json", "--user alice", "--offset -5", "--my-option=x", "-z"],
)
def test_free_option(options):
    assert LoadTest(locustfile="a.py", locust_options=options).locust_options == tuple(options.split())


@pytest.mark.parametrize(
    "name", ["LOCUST_HOST", "LOCUST_MODE_WORKER", "LOCUST_WEB_PORT", "LOADLAB_TOKEN", "LOCUST_HEADLESS"]
)
def test_owned_variable(name):
    with pytest.raises(SpecError, match=name):
        LoadTest(locustfile="a.py", environment={name: "x"})


def test_free_variable():
    LoadTest(locustfile="a.py", environment={"LOCUST_CSV": "x", "LOCUST_HOSTNAME": "y", "SHOP_TOKEN": ""})
