"""Guard rails: what they let through, what they refuse, and how they ask for a confirmation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadlab.errors import SpecError
from loadlab.spec import GuardRails, LoadTest, missing_guard_rails, origins, read_guard_rails

HERE = {"context": "kind-load", "namespace": "load"}


def rails(**changes: Any) -> GuardRails:
    fields = {"contexts": "kind-*", "namespaces": "load, load-*", "targets": "http://*.staging.svc:*"}
    return GuardRails(**{**fields, **changes})


def make_test(**changes: Any) -> LoadTest:
    load = {} if "stages" in changes else {"users": 50}
    return LoadTest(**{"locustfile": "shop.py", "host": "http://shop.staging.svc:80", **load, **changes})


def test_what_is_listed_may_start() -> None:
    rails(max_users=50, max_workers=1, max_run_time="1m").check(make_test(), **HERE)


@pytest.mark.parametrize(
    ("changes", "where", "field"),
    [
        ({}, {"context": "eks-prod"}, "context"),
        ({}, {"namespace": "default"}, "namespace"),
        ({"host": "http://shop.prod.svc:80"}, {}, "host"),
        ({"host": "http://evil.example/.staging.svc:1"}, {}, "host"),
        ({"host": "http://a.staging.svc:80@evil.example"}, {}, "host"),
        ({"host": "https://shop.staging.svc"}, {}, "host"),
        ({"host": None}, {}, "host"),
        ({"users": 51}, {}, "users"),
        ({"workers": 3}, {}, "workers"),
        ({"run_time": "61s"}, {}, "run_time"),
        ({"stages": "20/60/10s, 60/60/20s"}, {}, "users"),
    ],
)
def test_what_is_not_listed_is_refused(changes: dict[str, Any], where: dict[str, str], field: str) -> None:
    guard = rails(max_users=50, max_workers=2, max_run_time="1m")
    with pytest.raises(SpecError, match="guard rails") as refused:
        guard.check(make_test(**changes), **{**HERE, **where})
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("host", "ways"),
    [
        ("http://bob:x@SHOP/api", ["http://shop", "http://shop:80"]),
        ("https://shop:443", ["https://shop", "https://shop:443"]),
        ("http://shop:8080", ["http://shop:8080"]),
        ("http://[2001:DB8::1]/api", ["http://[2001:db8::1]", "http://[2001:db8::1]:80"]),
        (None, []),
    ],
)
def test_the_ways_to_write_a_host(host: str | None, ways: list[str]) -> None:
    assert origins(host) == ways


def test_production_has_to_be_confirmed_by_its_name() -> None:
    guard = rails(targets="http://*.svc:*", production="http://*.prod.svc:*")
    test = make_test(host="http://shop.prod.svc:80")
    for confirmed in (None, "yes", "http://shop.staging.svc:80"):
        with pytest.raises(SpecError, match=r"'http://shop.prod.svc:80', because this load goes to production"):
            guard.check(test, **HERE, confirmed=confirmed)
    guard.check(make_test(host="http://shop.staging.svc/api"), **HERE)
    guard.check(test, **HERE, confirmed="http://shop.prod.svc:80")
    guard.check(make_test(), **HERE)


def test_a_test_that_calls_itself_production_has_to_be_confirmed() -> None:
    test = make_test(labels={"environment": "Production"})
    with pytest.raises(SpecError, match="'Production'"):
        rails().check(test, **HERE)
    rails().check(test, **HERE, confirmed="Production")


def test_the_file_is_found_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LOADLAB_GUARD", raising=False)
    assert read_guard_rails()[0] is None
    (tmp_path / "guard.yaml").write_text("contexts: [kind-load]\nnamespaces: [load]\ntargets: ['http://shop:80']\n")
    found, path = read_guard_rails()
    assert found is not None
    assert found.contexts == ("kind-load",)
    assert path.name == "guard.yaml"
    other = tmp_path / "team.yaml"
    other.write_text("contexts: [a]\nnamespaces: [b]\ntarget: [c]\n")
    monkeypatch.setenv("LOADLAB_GUARD", str(other))
    with pytest.raises(SpecError, match="Did you mean 'targets'"):
        read_guard_rails()
    monkeypatch.setenv("LOADLAB_GUARD", str(tmp_path / "taem.yaml"))
    with pytest.raises(SpecError, match=r"team\.yaml"):
        read_guard_rails()


def test_the_refusal_without_a_file_shows_one_that_allows_the_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test = make_test()
    text = str(missing_guard_rails(tmp_path / "guard.yaml", test, **HERE))
    (tmp_path / "guard.yaml").write_text(text.split("\n\n")[1])
    monkeypatch.setenv("LOADLAB_GUARD", str(tmp_path / "guard.yaml"))
    found, _ = read_guard_rails()
    assert found is not None
    found.check(test, **HERE)
