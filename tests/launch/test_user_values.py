"""The user's own Helm values: what they may not decide, what of the result is shown, and what follows from them."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_tools import helm

from loadlab.errors import SpecError
from loadlab.launch.kubernetes import KubernetesLauncher, Plan
from loadlab.launch.user_values import check_owned, masked
from loadlab.provenance import rerun_command
from loadlab.spec import KubernetesOptions, LoadTest

COMPATIBLE = Path(__file__).parent / "compatible_chart"
APART = {"labelSelector": {"matchLabels": {"app": "shop"}}, "namespaceSelector": {}, "topologyKey": "zone"}


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the plan of a small test with these options."""
    monkeypatch.setenv("LOADLAB_HELM", str(helm(4)))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    (tmp_path / "shop.py").write_text("")

    def make(test: dict[str, Any] | None = None, **options: Any) -> Plan:
        fields = {"locustfile": tmp_path / "shop.py", "host": "http://shop:80", "run_time": "1m", **(test or {})}
        return Plan(LoadTest(**fields), KubernetesOptions(**options), "r20261124-120000-ab12")

    return make


@pytest.mark.parametrize(
    "setting",
    [
        "worker.replicas=7",
        "loadtest.locust_locustfile=other.py",
        "loadtest.environment_secret.LOADLAB_TOKEN=hunter2",
        "loadtest.environment_secret.PIN=hunter2",
        "loadtest.environment_external_secret.mine={LOADLAB_TOKEN}",
        "loadlab.extraEnv[0].name=LOADLAB_TOKEN,loadlab.extraEnv[0].value=hunter2",
        r"extraLabels.loadlab\.dev/run=r2",
        r"extraLabels.loadlab\.dev/expires=20301124T000000Z",
        "extraConfigMaps.loadlab-r20261124-120000-ab12-files-1=/elsewhere",
    ],
)
def test_what_the_test_decides_is_refused_and_no_secret_is_told(plan: Any, setting: str) -> None:
    with pytest.raises(SpecError, match=r"the Helm value .*leave it out") as refused:
        _ = plan(set=[setting]).merged_values
    assert "hunter2" not in str(refused.value)


def test_labels_and_files_of_the_users_own_may_be_added(plan: Any) -> None:
    merged = plan(set=["extraLabels.team=web", "extraConfigMaps.words=/words"]).merged_values
    assert merged["extraLabels"]["team"] == "web"
    assert merged["extraConfigMaps"]["words"] == "/words"


def test_the_end_follows_a_deadline_of_the_users_own(plan: Any) -> None:
    made = plan(set=["loadlab.deadlineSeconds=7200", "extraLabels.team=web"])
    assert (made.ownership.expires - made.ownership.made).total_seconds() == 7200
    expires = made.ownership.labels["loadlab.dev/expires"]
    assert made.values["extraLabels"]["loadlab.dev/expires"] == expires
    assert made.merged_values["extraLabels"] == {**made.ownership.labels, "team": "web"}
    own = plan()
    assert (own.ownership.expires - own.ownership.made).total_seconds() == 60 + 10 + 600 + 120


def affinity_file(folder: Path, *terms: dict[str, Any]) -> str:
    path = folder / "affinity.yaml"
    rule = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}
    path.write_text(yaml.safe_dump({"worker": {"affinity": rule}, "master": {"affinity": rule}}))
    return str(path)


def test_separate_from_stays_beside_an_affinity_of_the_users_own(plan: Any, tmp_path: Path) -> None:
    made = plan(separate_from="app=shop", values=[affinity_file(tmp_path, APART)])
    _ = made.merged_values
    pods = [each["spec"]["template"]["spec"] for each in yaml.safe_load_all(made.manifests()) if each["kind"] == "Job"]
    assert len(pods) == 2
    for pod in pods:
        terms = pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert terms == [APART, {**APART, "topologyKey": "kubernetes.io/hostname"}]
    with pytest.raises(SpecError, match=r"loadlab\.separateFrom.*the field 'separate_from'"):
        _ = plan(separate_from="app=shop", set=["loadlab.separateFrom.matchLabels.tier=web"]).merged_values


def test_separate_from_is_not_lost_with_another_chart(plan: Any, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="add its term to yours"):
        _ = plan(chart=str(COMPATIBLE), separate_from="app=shop", values=[affinity_file(tmp_path, APART)]).merged_values
    both = affinity_file(tmp_path, APART, {**APART, "topologyKey": "kubernetes.io/hostname"})
    _ = plan(chart=str(COMPATIBLE), separate_from="app=shop", values=[both]).merged_values


def test_no_secret_is_shown(plan: Any, tmp_path: Path) -> None:
    fetch = {"name": "data", "image": "git", "args": ["clone", "https://bob:hunter2@git/data"]}
    own = {
        "worker": {"environment": {"PIN": "hunter2"}, "args": ["--page", 5, "--api-token=hunter2"]},
        "loadlab": {
            "extraEnv": [{"name": "PIN", "value": "hunter2"}],
            "extraInitContainers": [{**fetch, "env": [{"name": "PIN", "value": "hunter2"}]}],
        },
    }
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(own))
    secretive = {"environment": {"PIN": "hunter2"}, "locust_options": "--api-token hunter2"}
    made = plan(
        {"host": "http://bob:hunter2@shop:80", **secretive},
        values=[str(tmp_path / "own.yaml")],
        set=["master.environment.PIN=hunter2", "loadlab.annotations.proxy=http://bob:hunter2@proxy"],
        pip_packages=["git+https://hunter2@git/words"],
    )
    assert str(made.merged_values).count("hunter2") == 11
    shown = masked(made.merged_values)
    assert "hunter2" not in str(shown)
    assert made.token not in str(shown)
    assert shown["loadtest"]["locust_host"] == "http://bob:...@shop:80"
    assert shown["worker"]["args"] == ["--page", 5, "--api-token=..."]
    assert shown["loadtest"]["environment"]["LOADLAB_AGENT_RUN_ID"] == "r20261124-120000-ab12"
    assert "hunter2" not in KubernetesLauncher(made.options).describe(made.test)
    assert "hunter2" not in rerun_command(made.test, "kubernetes", made.options)
    assert "hunter2" not in str(made.options.without_secrets().to_dict())


def test_values_that_no_chart_would_take_are_shown_too() -> None:
    odd = {"worker": {"args": "--api-token hunter2 --page 5", "command": None}, "env": ["PIN"], "n": [1, None]}
    assert masked(odd) == {**odd, "worker": {"args": "--api-token ... --page 5", "command": None}}


def test_nothing_of_the_users_own_is_fine(plan: Any) -> None:
    values = plan().values
    check_owned(values, values)


@pytest.mark.parametrize("error", [OSError, KeyError, ImportError])
def test_a_user_without_a_name_is_an_unknown_owner(
    plan: Any, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def nobody() -> str:
        raise error("getpwuid(): uid not found: 1000")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert plan().ownership.owner == "unknown"
