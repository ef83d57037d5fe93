import dataclasses
import inspect
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadlab.errors import SpecError
from loadlab.spec import LoadTest, Stage, option_name, read_options, write_options


def make(**values):
    return LoadTest(**{"locustfile": "shop.py", **values})


def refusal(**values):
    with pytest.raises(SpecError) as caught:
        make(**values)
    return caught.value


def test_defaults():
    test = LoadTest(locustfile="shop.py")
    assert (test.users, test.spawn_rate, test.run_time, test.workers) == (1, 1.0, 60.0, 1)
    assert (test.host, test.stages, test.labels, test.lease, test.stop_timeout) == (None, (), {}, 30.0, 10.0)
    assert test.locustfile == Path("shop.py")


def test_values_in_their_types():
    test = make(
        host="HTTP://127.0.0.1:8080/",
        users=np.int64(5),
        spawn_rate=2,
        run_time="1h30m",
        workers=2.0,
        tags="browse, search",
        exclude_tags=["slow"],
        user_classes="ShopUser AdminUser",
        stop_timeout=0,
        lease=None,
        labels="service=shop, build=42",
        environment={"TOKEN": "a,b=c"},
        locust_options="--loglevel DEBUG --note 'two words'",
        target_rps=np.float64(10.5),
        seed=-3,
    )
    assert test.host == "HTTP://127.0.0.1:8080"
    assert (test.users, type(test.users)) == (5, int)
    assert (test.spawn_rate, type(test.spawn_rate)) == (2.0, float)
    assert (test.workers, type(test.workers)) == (2, int)
    assert (test.run_time, test.stop_timeout, test.lease) == (5400.0, 0.0, None)
    assert (test.tags, test.exclude_tags) == (("browse", "search"), ("slow",))
    assert test.user_classes == ("ShopUser", "AdminUser")
    assert test.labels == {"service": "shop", "build": "42"}
    assert test.environment == {"TOKEN": "a,b=c"}
    assert test.locust_options == ("--loglevel", "DEBUG", "--note", "two words")
    assert type(test.target_rps) is float


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("users", "five"),
        ("users", "5"),
        ("users", True),
        ("users", math.nan),
        ("users", math.inf),
        ("users", -1),
        ("users", 0),
        ("users", 1.5),
        ("users", None),
        ("spawn_rate", 0),
        ("spawn_rate", -1),
        ("spawn_rate", math.inf),
        ("spawn_rate", False),
        ("spawn_rate", 10**400),
        ("run_time", 0),
        ("run_time", "0s"),
        ("run_time", "soon"),
        ("run_time", True),
        ("run_time", math.nan),
        ("run_time", None),
        ("run_time", -5),
        ("run_time", "9" * 400),
        ("workers", -1),
        ("workers", "two"),
        ("seed", 1.5),
        ("target_rps", 0),
        ("lease", 0),
        ("stop_timeout", -1),
        ("trace_headers", "true"),
        ("check_host", 1),
        ("tags", [""]),
        ("tags", ["--tags"]),
        ("tags", [3]),
        ("tags", {"a": 1}),
        ("tags", b"a"),
        ("tags", 5),
        ("user_classes", ["Shop-User"]),
        ("environment", {"BUILD": 42}),
        ("environment", {"A B": "x"}),
        ("environment", {3: "x"}),
        ("environment", "A=b"),
        ("environment", {"A": "nul\0"}),
        ("labels", {"build": 1.1}),
        ("labels", {"": "x"}),
        ("labels", {"a b": "x"}),
        ("labels", {"build": ""}),
        ("labels", "build"),
        ("labels", "a=1,a=2"),
        ("description", 5),
        ("host", "localhost:8080"),
        ("host", ""),
        ("host", "http://"),
        ("host", "http://x:99999"),
        ("host", "http://x/?a=b"),
        ("host", "http://a b"),
        ("host", 80),
        ("locustfile", ""),
        ("locustfile", "a.py,b.py"),
        ("locustfile", 3),
        ("locust_options", "--note 'no end"),
        ("stages", 5),
        ("stages", {"users": 1}),
        ("stages", "50/10"),
        ("stages", [{"users": 1, "spawn_rate": 1}]),
        ("stages", [7]),
    ],
)
def test_refused(name, value):
    error = refusal(**{name: value})
    assert error.field.startswith(name) or error.field == f"a name in {name}"
    assert error.exit_code == 2
    assert "allowed: " in str(error)


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("localhost:8080", "http://localhost:8080"),
        ("shop.example/", "http://shop.example"),
        ("//shop", "http://shop"),
        ("http:/shop", "http://shop"),
        ("10.0.0.1:80/api", "http://10.0.0.1:80/api"),
    ],
)
def test_host_without_scheme(given, nearest):
    assert refusal(host=given).nearest == nearest
    assert make(host=nearest).host == nearest


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("spwan_rate", "spawn_rate"),
        ("user", "users"),
        ("runtime", "run_time"),
        ("spawn-rate", "spawn_rate"),
        ("hatch_rate", "spawn_rate"),
        ("url", "host"),
        ("ENV", "environment"),
        ("xyzzy", None),
    ],
)
def test_unknown_field(name, nearest):
    error = refusal(**{name: 5})
    assert error.nearest == nearest
    assert name in str(error)


def test_missing_locustfile():
    with pytest.raises(SpecError, match=r"^locustfile: .*path of a Python file"):
        LoadTest()


def test_a_misspelt_required_field_is_one_problem():
    with pytest.raises(SpecError, match=r"^unknown field 'locust_file'.*Did you mean 'locustfile'"):
        LoadTest(locust_file="a.py")


def test_all_problems_at_once():
    error = refusal(
        spwan_rate=1, users="five", stages=[{"users": 0, "spawn_rate": 1, "duration": 1, "nmae": "x"}, "1/x/1s"]
    )
    assert error.field == "unknown field 'spwan_rate'"
    lines = str(error).splitlines()
    assert lines[0] == "5 problems:"
    for line, start in zip(
        lines[1:],
        [
            "unknown field 'spwan_rate'",
            "users",
            "unknown field 'stages[0].nmae'",
            "stages[0].users",
            "stages[1].spawn_rate",
        ],
        strict=True,
    ):
        assert line.startswith(f"  - {start}: ")


def test_stages():
    stages = [
        {"users": 50, "spawn_rate": 10, "duration": "30s"},
        Stage(users=20, spawn_rate=5, duration=60, name="low"),
    ]
    test = make(stages=stages)
    assert test.stages == (
        Stage(users=50, spawn_rate=10, duration=30),
        Stage(users=20, spawn_rate=5, duration=60, name="low"),
    )
    assert (test.users, test.spawn_rate, test.run_time) == (50, 10, 90)
    assert make(stages="50/10/30s, 20/5/1m/low").stages == test.stages
    assert make(stages=["50/10/30s", "20/5/1m/low"]).stages == test.stages
    assert [stage.to_text() for stage in test.stages] == ["50/10/30s", "20/5/1m/low"]
    assert make(stages="").stages == ()


def test_a_stage_lasts_at_least_as_long_as_its_ramp():
    assert "stages[1]" in str(refusal(stages="50/10/30s,10/1/30s"))
    assert "here 40 s" in str(refusal(stages="50/10/30s,10/1/30s"))
    assert make(stages="50/10/5s,10/1/40s").run_time == 45


def test_stages_exclude_run_time():
    assert "stages make it 1m30s, or give other stages" in str(refusal(stages="50/10/90s", run_time=60))
    assert "stages make it 50" in str(refusal(stages="50/10/90s", users=51))
    assert make(stages="50/10/90s", run_time=90, users=None, spawn_rate=None).run_time == 90


def test_replace():
    plain = make(users=5, run_time=10)
    staged = plain.replace(stages="50/10/90s")
    assert (staged.users, staged.run_time) == (50, 90)
    assert staged.replace(stages="7/2/5s").users == 7
    assert plain.replace(users=6).users == 6
    assert plain.users == 5
    with pytest.raises(SpecError, match="stages make it 50"):
        staged.replace(users=6)
    with pytest.raises(SpecError, match="Did you mean 'users'"):
        plain.replace(user=6)


def test_tag_in_both_lists():
    assert refusal(tags="a,b", exclude_tags="b").field == "exclude_tags"


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make().users = 3


def test_a_default_is_not_shared():
    make().labels["a"] = "b"
    assert make().labels == {}


def test_signature_shows_every_field_with_its_default():
    signature = inspect.signature(LoadTest)
    assert {p.name: None if p.default is p.empty else p.default for p in signature.parameters.values()} == {
        field.name: field.default for field in LoadTest.fields()
    }


def test_fields():
    fields = {field.name: field for field in LoadTest.fields()}
    assert fields["locustfile"].required
    assert [name for name, field in fields.items() if field.required] == ["locustfile"]
    assert (fields["users"].type, fields["users"].default) == ("integer", 1)
    assert fields["stages"].singular == "stage"
    assert all(field.doc and field.allowed for field in fields.values())
    test = make()
    assert all(getattr(test, name) == field.default for name, field in fields.items() if not field.required)


def test_describe():
    assert make(users=1, host="http://x").describe() == "1 user at 1/s for 1m on http://x, 1 worker, shop.py"
    assert (
        make(stages="5/1/5s,9/1/5s", workers=0).describe()
        == "2 stages of up to 9 users for 10s on the locustfile's host, one process, shop.py"
    )


names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,20}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=50)
titles = texts.filter(lambda text: text == text.strip())
positive = st.floats(1e-3, 1e6)


def long_enough(stages: list[Stage]) -> list[Stage]:
    """The stages with durations that hold their ramps."""
    before, fitting = 0, []
    for stage in stages:
        ramp = abs(stage.users - before) / stage.spawn_rate
        longer = max(stage.duration, ramp)
        fitting.append(Stage(users=stage.users, spawn_rate=stage.spawn_rate, duration=longer, name=stage.name))
        before = stage.users
    return fitting


plain_or_staged = st.one_of(
    st.fixed_dictionaries({}, optional={"users": st.integers(1), "spawn_rate": positive, "run_time": positive}),
    st.fixed_dictionaries(
        {
            "stages": st.lists(
                st.builds(Stage, users=st.integers(1, 10**6), spawn_rate=positive, duration=positive, name=titles),
                min_size=1,
                max_size=4,
            ).map(long_enough)
        }
    ),
)
others = st.fixed_dictionaries(
    {},
    optional={
        "host": st.sampled_from([None, "http://127.0.0.1:1", "https://user:pw@[::1]:8443/api", "grpc://x"]),
        "workers": st.integers(0),
        "tags": st.lists(names, max_size=3),
        "user_classes": st.lists(names, max_size=3),
        "environment": st.dictionaries(
            names.filter(lambda n: not n.upper().startswith(("LOCUST_", "LOADLAB_"))), texts
        ),
        "labels": st.dictionaries(names, texts),
        "seed": st.none() | st.integers() | st.just(10**400),
        "lease": st.none() | positive,
        "stop_timeout": st.floats(0, 1e6),
        "target_rps": st.none() | positive,
        "trace_headers": st.booleans(),
        "check_host": st.booleans(),
        "description": texts,
        "locust_options": st.just(["--loglevel", "DEBUG"]),
    },
)


@given(plain_or_staged, others)
def test_round_trip(load, rest):
    test = make(**load, **rest)
    assert LoadTest.from_dict(json.loads(json.dumps(test.to_dict()))) == test
    assert test.replace() == test


def parse_words(words):
    """Options as a command line parser hands them over: repeated ones as lists, switches as booleans."""
    fields = {option_name(field): field for field in LoadTest.fields()}
    given, words = {}, iter(words)
    for word in words:
        field = fields[word.replace("--no-", "--", 1)]
        if field.type == "switch":
            given[field.name] = not word.startswith("--no-")
        elif field.type in ("list", "mapping", "stages"):
            given.setdefault(field.name, []).append(next(words))
        else:
            given[field.name] = next(words)
    return given


@given(plain_or_staged, others)
def test_command_line_round_trip(load, rest):
    test = make(**load, **rest)
    assert LoadTest(**read_options(parse_words(write_options(test)))) == test


def test_command_line():
    test = make(
        users=5,
        run_time=90,
        tags="a,b",
        labels="service=shop",
        environment={"TOKEN": "s=1", "B": ""},
        lease=None,
        check_host=False,
        locust_options="--loglevel 'DE BUG'",
    )
    assert write_options(test.without_secrets()) == [
        *["--locustfile", "shop.py", "--users", "5", "--run-time", "1m30s", "--tags", "a,b"],
        *["--env", "TOKEN=...", "--env", "B=...", "--label", "service=shop", "--lease", "none", "--no-check-host"],
        *["--locust-options", "--loglevel 'DE BUG'"],
    ]
    assert write_options(make(stages="5/1.5/90s/peak")) == ["--locustfile", "shop.py", "--stage", "5/1.5/1m30s/peak"]


def test_read_options_leaves_the_judgement_to_the_loadtest():
    given = read_options({"users": "five", "spawn_rate": "1e3", "run_time": "90", "seed": None, "tags": ()})
    assert given == {"users": "five", "spawn_rate": 1000.0, "run_time": 90.0}
    with pytest.raises(SpecError, match=r"^--label: got 'service'; allowed: NAME=VALUE"):
        read_options({"labels": ["service"]})


def test_fields_are_given_by_their_names():
    with pytest.raises(SpecError, match=r"^LoadTest: got 'shop.py'; allowed: .* names, such as locustfile='shop.py'\."):
        LoadTest("shop.py")
