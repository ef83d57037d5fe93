"""LoadTest -> Helm values: what a chart is given for each field."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from loadlab.launch.bundle import make_bundle
from loadlab.launch.values import Ownership, deadline_s, helm_values, target_key
from loadlab.spec import KubernetesOptions, LoadTest

RUN = "r20261124-120000-ab12"


def values_of(tmp_path: Path, options: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    locustfile = tmp_path / "shop.py"
    locustfile.write_text("")
    test = LoadTest(**{"locustfile": locustfile, "host": "http://shop.svc:80", "workers": 3, **changes})
    given = KubernetesOptions(**(options or {}))
    owned = Ownership.of(test, RUN, "ana", given.ready_timeout, datetime(2026, 11, 24, 12, tzinfo=UTC))
    return helm_values(test, given, make_bundle(locustfile), owned, token="secret-token", locust_version="2.47.0")


def test_the_test_is_in_the_keys_of_the_chart(tmp_path: Path) -> None:
    values = values_of(tmp_path, tags=["buy"], locust_options=["--loglevel", "DEBUG"], user_classes=["Buyer"], seed=7)
    load = values["loadtest"]
    assert load["locust_locustfile"] == "shop.py,/mnt/loadlab/loadlab/agent/loadlab_agent.py"
    assert load["locust_locustfile_configmap"] == f"loadlab-{RUN}-files-0"
    assert values["extraConfigMaps"] == {
        f"loadlab-{RUN}-files-1": "/mnt/loadlab/loadlab",
        f"loadlab-{RUN}-files-2": "/mnt/loadlab/loadlab/agent",
    }
    assert load["locust_host"] == "http://shop.svc:80"
    assert load["environment"]["LOADLAB_AGENT_SEED"] == "7"
    shared = ["Buyer", "--tags", "buy", "--stop-timeout", "10", "--loglevel", "DEBUG"]
    assert values["master"]["args"] == [*shared, "--master", "--expect-workers", "3", "--enable-rebalancing"]
    assert values["worker"] | {"args": None} == {"replicas": 3, "args": None, "hpa": {"enabled": False}}
    assert values["worker"]["args"] == [*shared, "--worker"]
    assert values["image"] == {"repository": "locustio/locust", "tag": "2.47.0"}


def test_the_token_is_in_the_secret_and_nowhere_else(tmp_path: Path) -> None:
    values = values_of(tmp_path)
    assert values["loadtest"].pop("environment_secret") == {"LOADLAB_TOKEN": "secret-token"}
    assert "secret-token" not in str(values)


def test_a_python_path_of_the_test_stays_beside_the_agents(tmp_path: Path) -> None:
    values = values_of(tmp_path, environment={"PYTHONPATH": "/opt/lib", "STAGE": "dev"})
    assert values["loadtest"]["environment"]["PYTHONPATH"] == "/mnt/loadlab:/opt/lib"
    assert values["loadtest"]["environment"]["STAGE"] == "dev"


def test_dollars_reach_the_pods_as_they_are(tmp_path: Path) -> None:
    values = values_of(tmp_path, environment={"PRICE": "$5 $(HOME) $$"}, locust_options=["--title", "$(HOST)"])
    assert values["loadtest"]["environment"]["PRICE"] == "$$5 $$(HOME) $$$$"
    assert "$$(HOST)" in values["worker"]["args"]


def test_load_generators_keep_off_the_targets_nodes(tmp_path: Path) -> None:
    values = values_of(tmp_path, {"separate_from": "app=shop"})
    assert values["loadlab"]["separateFrom"] == {"matchLabels": {"app": "shop"}}
    assert "affinity" not in {**values["master"], **values["worker"]}, "our chart adds it to the user's own"
    values = values_of(tmp_path, {"separate_from": "app=shop", "chart": "team/locust"})
    for part in ("master", "worker"):
        (term,) = values[part]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert term["labelSelector"] == {"matchLabels": {"app": "shop"}}
        assert term["topologyKey"] == "kubernetes.io/hostname"
        assert term["namespaceSelector"] == {}


@pytest.mark.parametrize(
    ("image", "repository", "tag"),
    [
        ("locust:1", "locust", "1"),
        ("registry:5000/a/locust", "registry:5000/a/locust", "latest"),
        ("registry:5000/a/locust:2.47", "registry:5000/a/locust", "2.47"),
    ],
)
def test_an_image_is_taken_apart(tmp_path: Path, image: str, repository: str, tag: str) -> None:
    assert values_of(tmp_path, {"image": image})["image"] == {"repository": repository, "tag": tag}


def test_everything_has_its_owner_and_its_end(tmp_path: Path) -> None:
    values = values_of(tmp_path, run_time="10m", stop_timeout="30s")
    assert values["loadlab"]["deadlineSeconds"] == 600 + 30 + 600 + 120
    assert values["extraLabels"] == {
        "loadlab.dev/run": RUN,
        "loadlab.dev/owner": "ana",
        "loadlab.dev/expires": "20261124T122230Z",
        "loadlab.dev/release": f"loadlab-{RUN}",
        "loadlab.dev/target": target_key("http://shop.svc:80"),
    }
    assert len(f"loadlab-{RUN}") <= 53


def test_the_deadline_leaves_room_for_fractions(tmp_path: Path) -> None:
    test = LoadTest(locustfile=tmp_path / "a.py", run_time=1.5, stop_timeout=0)
    assert deadline_s(test, 300) == 2 + 600 + 120


def test_the_deadline_leaves_room_for_a_long_wait(tmp_path: Path) -> None:
    values = values_of(tmp_path, {"ready_timeout": "1h"}, run_time="10m", stop_timeout="30s")
    assert values["loadlab"]["deadlineSeconds"] == 600 + 30 + 3600 + 120
    assert values["extraLabels"]["loadlab.dev/expires"] == "20261124T131230Z"


def test_a_target_has_one_key_however_it_is_spelt() -> None:
    spellings = ["http://shop", "http://shop:80", "http://SHOP/", "http://shop/x", "http://bob:hunter2@shop:80/y"]
    assert len({target_key(each) for each in spellings}) == 1
    others = ["https://shop", "http://shop:81", "http://shop.demo", "http://[::1]:80", None]
    assert len({target_key(each) for each in [*others, spellings[0]]}) == 6
    assert target_key("http://[::1]") == target_key("http://[::1]:80/a")
