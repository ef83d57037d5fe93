"""Where in a cluster a test runs: options, from Python, from a notebook's texts, from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadlab.errors import SpecError
from loadlab.spec import KubernetesOptions, read_options, write_options


def test_lists_may_be_written_as_one_text() -> None:
    options = KubernetesOptions(
        values="team.yaml, big.yaml",
        set="worker.resources.limits.cpu=2 'image.tag=a b'",
        pip_packages="'faker>=30,<40' httpx",
        separate_from="app=shop, tier=web",
        ready_timeout="2m",
    )
    assert options.values == ("team.yaml", "big.yaml")
    assert options.set == ("worker.resources.limits.cpu=2", "image.tag=a b")
    assert options.pip_packages == ("faker>=30,<40", "httpx")
    assert options.separate_from == {"app": "shop", "tier": "web"}
    assert options.ready_timeout == 120


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("namespace", "Load_Test"),
        ("namespace", "-load"),
        ("context", ["two words"]),
        ("context", "eu, eu"),
        ("on_region_lost", "contine"),
        ("set", "no-equals"),
        ("secrets", "UPPER"),
        ("separate_from", "app"),
        ("owner", "ana b"),
        ("pip_packages", "--index-url=http://evil"),
        ("ready_timeout", "soon"),
        ("alongside", "yes"),
        ("chart_version", 2),
    ],
)
def test_impossible_values_are_refused(field: str, given: Any) -> None:
    with pytest.raises(SpecError) as refused:
        KubernetesOptions(**{field: given})
    assert refused.value.field.startswith(field)


@pytest.mark.parametrize(
    ("name", "meant"), [("namspace", "namespace"), ("helm_values", "values"), ("kube_context", "context")]
)
def test_a_misspelt_option_is_answered_with_the_nearest(name: str, meant: str) -> None:
    with pytest.raises(SpecError, match=f"Did you mean '{meant}'"):
        KubernetesOptions(**{name: "x"})


def test_a_version_needs_a_chart() -> None:
    with pytest.raises(SpecError, match="only with 'chart'"):
        KubernetesOptions(chart_version="1.2.3")


def test_options_survive_the_command_line() -> None:
    options = KubernetesOptions(
        context="kind, eu",
        namespace="load",
        on_region_lost="stop",
        set=["a.b=c d", "e=f,g"],
        pip_packages=["faker>=30,<40"],
        separate_from={"app": "shop"},
        alongside=True,
        ready_timeout=90,
    )
    words = write_options(options)
    assert words == [
        *("--context", "kind,eu", "--on-region-lost", "stop", "--namespace", "load", "--set", "'a.b=c d' e=f,g"),
        *("--pip-package", "'faker>=30,<40'", "--separate-from", "app=shop", "--alongside", "--ready-timeout", "1m30s"),
    ]
    given = {
        "context": ["kind", "eu"],
        "on_region_lost": "stop",
        "namespace": "load",
        "set": ["'a.b=c d' e=f,g"],
        "pip_packages": ["'faker>=30,<40'"],
        "separate_from": ["app=shop"],
        "alongside": True,
        "ready_timeout": "1m30s",
    }
    assert KubernetesOptions(**read_options(given, KubernetesOptions)) == options


def test_value_files_have_to_exist(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text("{}")
    KubernetesOptions(values=[str(tmp_path / "team.yaml")]).check_value_files()
    with pytest.raises(SpecError, match=r"team\.yaml"):
        KubernetesOptions(values=[str(tmp_path / "taem.yaml")]).check_value_files()


def test_several_contexts_are_regions() -> None:
    options = KubernetesOptions(context="eu, us", namespace="load")
    assert options.context == ("eu", "us")
    assert options.in_context("us") == KubernetesOptions(context="us", namespace="load")
    assert options.in_context("us").only_context == "us"
    assert KubernetesOptions().only_context is None
    with pytest.raises(SpecError, match="one context here"):
        _ = options.only_context
    with pytest.raises(SpecError, match="Did you mean 'continue'"):
        KubernetesOptions(on_region_lost="contine")
