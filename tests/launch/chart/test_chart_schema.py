"""Values that cannot be meant are refused, naming the key; what is documented is allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from rendering import CHART, refusal, render

SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))

WRONG: list[tuple[str, Any, str]] = [
    ("lodtest", {}, "lodtest"),
    ("loadtest.locust_hots", "http://a", "locust_hots"),
    ("loadtest.locust_host", "catalog:3005", "locust_host"),
    ("loadtest.locust_locustfile_path", "mnt/locust", "locust_locustfile_path"),
    ("loadtest.pip_packages", "faker", "pip_packages"),
    ("loadtest.pip_packages", ["--index-url=http://a"], "pip_packages"),
    ("loadtest.environment", {"A-B": "1"}, "A-B"),
    ("loadtest.environment", {"A": ["1"]}, "A"),
    ("loadtest.environment_external_secret", {"a": ["A-B"]}, "A-B"),
    ("loadtest.environment_external_secret", {"Not_A_Name": ["A"]}, "Not_A_Name"),
    ("loadtest.headless", "yes", "headless"),
    ("image.pullPolicy", "Sometimes", "pullPolicy"),
    ("image.repository", "", "repository"),
    ("image.pullSecrets", ["Not A Name"], "pullSecrets"),
    ("master.arg", ["--master"], "arg"),
    ("master.args", "--master", "args"),
    ("master.logLevel", "LOUD", "logLevel"),
    ("master.resources", {"request": {"cpu": 1}}, "request"),
    ("master.resources", {"limits": {"memory": "1 GB"}}, "memory"),
    ("master.replicas", 2, "replicas"),
    ("master.affinity", {"podAntiAfinity": {}}, "podAntiAfinity"),
    ("master.resources", None, "resources"),
    ("master.environment", {"LOADLAB_TOKEN": "a"}, "environment_secret"),
    ("worker.replicas", -1, "replicas"),
    ("worker.replicas", 0, "replicas"),
    ("worker.replicas", 2.5, "replicas"),
    ("worker.replicas", "2", "replicas"),
    ("worker.hpa", {"enabled": True}, "worker.hpa.enabled"),
    ("service.port", 80, "port"),
    ("service.type", "LoadBalancer", "type"),
    ("extraConfigMaps", {"agent": "relative/path"}, "agent"),
    ("extraLabels", {"owner": "ana@example.com"}, "owner"),
    ("extraLabels", {"owner": "x" * 64}, "owner"),
    ("extraLabels", {"number": 7}, "number"),
    ("loadlab.deadlneSeconds", 60, "deadlneSeconds"),
    ("loadlab.deadlineSeconds", 0, "deadlineSeconds"),
    ("loadlab.deadlineSeconds", "15m", "deadlineSeconds"),
    ("loadlab.ttlSecondsAfterFinished", -1, "ttlSecondsAfterFinished"),
    ("loadlab.fullname", "Peak", "fullname"),
    ("loadlab.masterPort", 70000, "masterPort"),
    ("loadlab.workerReplacements", -1, "workerReplacements"),
    ("loadlab.separateFrom", {"app": "catalog"}, "app"),
    ("loadlab.networkPolicy", {"enable": False}, "enable"),
    ("loadlab.networkPolicy", {"target": {"to": []}}, "target"),
    ("loadlab.networkPolicy", {"target": [{"from": []}]}, "from"),
    ("loadlab.extraEnv", [{"value": "1"}], "name"),
    ("loadlab.extraVolumeMounts", [{"name": "a"}], "mountPath"),
    ("loadlab.serviceAccount", {"automount": True}, "automount"),
    ("loadlab.tmpSizeLimit", "plenty", "tmpSizeLimit"),
]


def nested(key: str, value: Any) -> dict[str, Any]:
    first, _, rest = key.partition(".")
    return {first: nested(rest, value) if rest else value}


@pytest.mark.parametrize(("key", "value", "named"), WRONG)
def test_what_cannot_be_meant_is_refused_by_name(key: str, value: Any, named: str) -> None:
    said = refusal(nested(key, value))
    assert named in said, said
    if "." in key and named != "environment_secret":
        assert key.partition(".")[0] in said, said


@pytest.mark.parametrize(("key", "value", "named"), WRONG[::5])
def test_helm_3_refuses_as_well(key: str, value: Any, named: str) -> None:
    assert key.rpartition(".")[2] in refusal(nested(key, value), major=3)


def test_a_misspelt_set_is_refused_too() -> None:
    assert "replica" in refusal(None, "--set", "worker.replica=3")


def test_the_autoscaler_is_refused_with_a_way_out() -> None:
    assert "set worker.replicas" in refusal({"worker": {"hpa": {"enabled": True}}})


def test_the_keys_of_the_schema_are_those_of_the_values() -> None:
    def compare(schema: dict[str, Any], values: dict[str, Any], place: str) -> None:
        if schema.get("additionalProperties") is not False or "patternProperties" in schema:
            return
        hidden = {"": {"global"}, ".service": {"type"}, ".loadlab.separateFrom": set(schema["properties"])}
        free = set(schema["properties"]) if place.endswith((".affinity", ".resources")) else set()
        missing = set(schema["properties"]) - set(values) - hidden.get(place, set()) - free
        assert not missing, f"the schema allows what values.yaml does not tell: {place} {missing}"
        unknown = set(values) - set(schema["properties"])
        assert not unknown, f"values.yaml tells what the schema does not allow: {place} {unknown}"
        for name, value in values.items():
            if isinstance(value, dict):
                compare(schema["properties"][name], value, f"{place}.{name}")

    compare(SCHEMA, DEFAULTS, "")


def test_the_keys_that_other_charts_read_are_there() -> None:
    """Those of the deliveryhero/locust chart that a launcher has to produce."""
    keys = (
        "loadtest.name loadtest.locust_locustfile loadtest.locust_locustfile_path loadtest.locust_locustfile_configmap "
        "loadtest.locust_lib_configmap loadtest.locust_host loadtest.pip_packages loadtest.environment "
        "loadtest.environment_secret loadtest.environment_external_secret loadtest.environment_load_from_secrets "
        "loadtest.headless loadtest.tags image.repository image.tag image.pullPolicy image.pullSecrets "
        "master.args master.args_include_default master.environment master.resources master.nodeSelector "
        "master.tolerations master.affinity master.readinessProbe worker.replicas worker.args worker.environment "
        "worker.resources worker.nodeSelector worker.tolerations worker.affinity worker.hpa.enabled service.port "
        "extraConfigMaps extraLabels podSecurityContext securityContext"
    )
    for key in keys.split():
        place: Any = DEFAULTS
        for name in key.split("."):
            assert name in place, key
            place = place[name]


def test_the_defaults_written_out_are_allowed() -> None:
    assert render(DEFAULTS) == render()
