"""Each value does what the chart says of it."""

from __future__ import annotations

import base64
import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_tools import run_helm
from rendering import CHART, RELEASE, TOKEN, Object, environment, one, render, template
from value_cases import EVERYTHING, TARGET


@functools.cache
def everything() -> list[Object]:
    return render(EVERYTHING)


def pod_of(objects: list[Object], component: str) -> Any:
    return one(objects, "Job", f"-{component}")["spec"]["template"]["spec"]


def locust_of(objects: list[Object], component: str) -> Any:
    return pod_of(objects, component)["containers"][0]


def secret(objects: list[Object]) -> dict[str, str]:
    data = one(objects, "Secret", "-env")["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


@pytest.mark.parametrize("major", [3, 4])
def test_helm_finds_nothing_to_say_about_it(major: int, tmp_path: Path) -> None:
    found = run_helm("lint", "--strict", CHART, major=major, home=tmp_path)
    assert found.returncode == 0, found.stdout
    assert "WARNING" not in found.stdout


def test_the_names() -> None:
    names = {(entry["kind"], entry["metadata"]["name"]) for entry in render()}
    assert names == {
        ("Job", f"{RELEASE}-master"),
        ("Job", f"{RELEASE}-worker"),
        ("Service", f"{RELEASE}-master"),
        ("Secret", f"{RELEASE}-env"),
        ("ServiceAccount", RELEASE),
        ("NetworkPolicy", f"{RELEASE}-master"),
        ("NetworkPolicy", f"{RELEASE}-worker"),
        ("Pod", f"{RELEASE}-test"),
    }


@pytest.mark.parametrize("component", ["master", "worker"])
def test_the_load_ends_by_itself(component: str) -> None:
    job = one(everything(), "Job", f"-{component}")["spec"]
    assert (job["activeDeadlineSeconds"], job["ttlSecondsAfterFinished"]) == (900, 0)
    assert environment(locust_of(everything(), component))["LOCUST_EXIT_CODE_ON_ERROR"] == "0"


def test_a_master_is_never_replaced_and_a_worker_so_many_times() -> None:
    objects = render({"worker": {"replicas": 3}, "loadlab": {"workerReplacements": 2}})
    master, worker = one(objects, "Job", "-master")["spec"], one(objects, "Job", "-worker")["spec"]
    assert (master["parallelism"], master["completions"], master["backoffLimit"]) == (1, 1, 0)
    assert (worker["parallelism"], worker["completions"], worker["completionMode"]) == (3, 3, "Indexed")
    assert worker["backoffLimitPerIndex"] == 2
    assert "backoffLimit" not in worker


def test_the_arguments() -> None:
    master, worker = locust_of(everything(), "master"), locust_of(everything(), "worker")
    files = "/mnt/locust/main.py,/mnt/loadlab/loadlab/agent/loadlab_agent.py"
    both = ["-f", files, "--host", "http://catalog.prod.svc.cluster.local:3005"]
    both += ["--tags", "browse", "checkout", "--exclude-tags", "slow", "--loglevel"]
    assert master["command"] == worker["command"] == ["python", "-m", "loadlab.agent.locust_main"]
    assert master["args"] == [
        *(*both, "DEBUG", "--master", "--master-bind-port", "15557", "--web-port", "18089"),
        *("--expect-workers", "4", "--enable-rebalancing", "--stop-timeout", "10"),
    ]
    assert worker["args"] == [
        *(*both, "INFO", "--worker", "--master-host", "peak-master", "--master-port", "15557"),
        *("--stop-timeout", "10"),
    ]


def test_a_headless_master_has_no_web_port() -> None:
    objects = render({"loadtest": {"headless": True}, "master": {"args": ["--run-time", "1m"]}})
    master = locust_of(objects, "master")
    assert "--headless" in master["args"]
    assert "--web-port" not in master["args"]
    assert "readinessProbe" not in master
    assert not [entry for entry in objects if entry["kind"] == "Pod"]


def test_the_readiness_of_the_master() -> None:
    assert locust_of(everything(), "master")["readinessProbe"] == {
        "tcpSocket": {"port": "web"},
        "periodSeconds": 7,
        "timeoutSeconds": 2,
        "failureThreshold": 5,
    }
    assert "readinessProbe" not in locust_of(everything(), "worker")


def test_the_environment() -> None:
    master, worker = (environment(locust_of(everything(), name)) for name in ("master", "worker"))
    for found in (master, worker):
        assert found["HOME"] == "/tmp"
        assert found["LOADLAB_AGENT_LEASE_S"] == "30"
        assert (found["BIG"], found["HALF"]) == ("20261124", "0.5")
        assert found["SHOP_PASSWORD"] == {"secretKeyRef": {"name": "shop-login", "key": "SHOP_PASSWORD"}}
        assert found["API_KEY"] == {"secretKeyRef": {"name": "api", "key": "API_KEY"}}
        assert found["NODE"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}
    assert (master["ONLY_MASTER"], worker["ONLY_WORKER"]) == ("yes", "true")
    assert "ONLY_WORKER" not in master
    assert "ONLY_MASTER" not in worker
    assert worker["LOADLAB_AGENT_WORKER"]["fieldRef"]["fieldPath"] == "metadata.name"
    assert "LOADLAB_AGENT_WORKER" not in master


def test_the_last_word_on_a_variable() -> None:
    values = {
        "loadtest": {"environment": {"A": "1", "B": "1", "C": "1", "HOME": "/scratch", "LOADLAB_AGENT_WORKER": "w"}},
        "worker": {"environment": {"A": "2"}},
        "loadlab": {"extraEnv": [{"name": "B", "value": "3"}]},
    }
    values["loadtest"]["environment_external_secret"] = {"mine": "C"}
    found = environment(locust_of(render(values), "worker"))
    assert (found["A"], found["B"], found["HOME"], found["LOADLAB_AGENT_WORKER"]) == ("2", "3", "/scratch", "w")
    assert found["C"] == {"secretKeyRef": {"name": "mine", "key": "C"}}


def test_secrets_stay_in_the_secret() -> None:
    assert secret(everything()) == {"LOADLAB_TOKEN": 'a "quoted" one: {{ x }}'}
    text = str([entry for entry in everything() if entry["kind"] != "Secret"])
    assert "quoted" not in text
    for component in ("master", "worker"):
        assert locust_of(everything(), component)["envFrom"] == [
            {"secretRef": {"name": "peak-env"}},
            {"secretRef": {"name": "all-of-this"}},
        ]


def test_a_release_without_a_token_gets_one_that_nobody_guesses() -> None:
    tokens = set()
    for _ in range(2):
        objects = [entry for entry in yaml.safe_load_all(template().stdout) if entry]
        tokens.add(secret(objects)["LOADLAB_TOKEN"])
    assert len(tokens) == 2
    assert all(len(token) == 32 for token in tokens)


def test_a_token_from_elsewhere_is_not_made() -> None:
    values = {"loadtest": {"environment_external_secret": {"mine": ["LOADLAB_TOKEN"]}}}
    objects = render(values)
    assert secret(objects) == {}
    assert environment(locust_of(objects, "master"))["LOADLAB_TOKEN"]["secretKeyRef"]["name"] == "mine"


def test_the_files() -> None:
    for component in ("master", "worker"):
        pod = pod_of(everything(), component)
        maps = {volume["name"]: volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume}
        mounts = {mount["mountPath"]: mount for mount in pod["containers"][0]["volumeMounts"]}
        found = {path: maps[mount["name"]] for path, mount in mounts.items() if mount["name"] in maps}
        assert found == {
            "/mnt/locust": "r1-locustfile",
            "/mnt/locust/lib": "r1-lib",
            "/mnt/locust/data": "r1-files-1",
            "/mnt/loadlab/loadlab/agent": "r1-agent",
        }
        assert all(mounts[path]["readOnly"] for path in found)
        assert mounts["/scratch"]["name"] == "scratch"
        assert pod["containers"][0]["workingDir"] == "/mnt/locust"


def test_a_locustfile_in_the_image_needs_no_mount() -> None:
    objects = render({"loadtest": {"locust_locustfile_path": "/opt/tests/", "locust_locustfile": "peak.py"}})
    master = locust_of(objects, "master")
    assert master["args"][:2] == ["-f", "/opt/tests/peak.py"]
    assert [mount["mountPath"] for mount in master["volumeMounts"]] == ["/tmp"]
    assert "workingDir" not in master


def test_packages_are_installed_first_where_python_finds_them() -> None:
    for component in ("master", "worker"):
        pod = pod_of(everything(), component)
        clone, packages = pod["initContainers"]
        assert clone["name"] == "clone"
        assert [mount["mountPath"] for mount in clone["volumeMounts"]] == ["/scratch", "/tmp"]
        assert packages["command"] == ["python", "-m", "pip", "install"]
        assert packages["args"][-4:] == ["--target", "/tmp/packages", "faker==30.0", "pyjwt"]
        assert packages["image"] == pod["containers"][0]["image"] == "registry.example:5000/locust:3"
        assert environment(pod["containers"][0])["PYTHONPATH"] == "/mnt/loadlab:/tmp/packages"
    assert "initContainers" not in pod_of(render(), "master")


def test_where_the_pods_may_run() -> None:
    apart = {
        "labelSelector": TARGET,
        "namespaceSelector": {},
        "topologyKey": "kubernetes.io/hostname",
    }
    master, worker = pod_of(everything(), "master"), pod_of(everything(), "worker")
    rules = "requiredDuringSchedulingIgnoredDuringExecution"
    assert master["affinity"]["podAntiAffinity"][rules] == [apart]
    assert [rule["labelSelector"] for rule in worker["affinity"]["podAntiAffinity"][rules]] == [
        {"matchLabels": {"app": "database"}},
        TARGET,
    ]
    for pod in (master, worker):
        assert pod["nodeSelector"] == {"pool": "load"}
        assert pod["tolerations"]
        assert pod["priorityClassName"] == "low"
        assert pod["imagePullSecrets"] == [{"name": "pull"}]
    (spread,) = worker["topologySpreadConstraints"]
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
    assert "topologySpreadConstraints" not in master
    assert "affinity" not in pod_of(render(), "worker")


def test_pull_secrets_in_both_ways_of_writing_them() -> None:
    objects = render({"image": {"pullSecrets": ["one", {"name": "two"}]}})
    assert pod_of(objects, "worker")["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]


def test_a_default_of_the_security_context_can_be_removed() -> None:
    objects = render({"podSecurityContext": {"runAsUser": None, "supplementalGroups": [7]}})
    found = pod_of(objects, "worker")["securityContext"]
    assert "runAsUser" not in found
    assert (found["runAsNonRoot"], found["supplementalGroups"]) == (True, [7])


def test_who_may_talk_to_whom() -> None:
    objects = everything()
    master, worker = one(objects, "NetworkPolicy", "-master")["spec"], one(objects, "NetworkPolicy", "-worker")["spec"]
    dns = {"ports": [{"protocol": protocol, "port": port} for port in (53, 5353) for protocol in ("UDP", "TCP")]}
    target = EVERYTHING["loadlab"]["networkPolicy"]["target"]
    own, web = master["ingress"]
    assert [port["port"] for port in own["ports"]] == [15557]
    assert [peer["podSelector"]["matchLabels"]["component"] for peer in own["from"]] == ["worker"]
    assert [port["port"] for port in web["ports"]] == [18089]
    assert web["from"] == [{"podSelector": {}}, {"namespaceSelector": {"matchLabels": {"team": "load"}}}]
    assert master["egress"] == [dns, *target]
    assert (worker["policyTypes"], worker["ingress"]) == (["Ingress", "Egress"], [])
    to_master, *others = worker["egress"]
    assert [port["port"] for port in to_master["ports"]] == [15557, 18089]
    assert to_master["to"][0]["podSelector"]["matchLabels"]["component"] == "master"
    assert others == [dns, *target]


def test_without_a_target_only_what_comes_in_is_limited() -> None:
    objects = render()
    assert one(objects, "NetworkPolicy", "-worker")["spec"]["egress"] == [{}]
    assert one(objects, "NetworkPolicy", "-worker")["spec"]["ingress"] == []
    assert one(objects, "NetworkPolicy", "-master")["spec"]["policyTypes"] == ["Ingress"]


def test_the_account() -> None:
    account = one(everything(), "ServiceAccount", "loader")
    assert account["automountServiceAccountToken"] is False
    assert account["metadata"]["annotations"]["a"] == "b"
    assert pod_of(everything(), "master")["serviceAccountName"] == "loader"
    for account_values, name in ({"create": False}, "default"), ({"create": False, "name": "robot"}, "robot"):
        objects = render({"loadlab": {"serviceAccount": account_values}})
        assert not [entry for entry in objects if entry["kind"] == "ServiceAccount"]
        assert pod_of(objects, "worker")["serviceAccountName"] == name


def test_the_test_of_the_release_leaves_nothing_behind() -> None:
    pod = one(everything(), "Pod", "-test")
    annotations = pod["metadata"]["annotations"]
    assert annotations["helm.sh/hook"] == "test"
    assert {"hook-succeeded", "hook-failed"} <= set(annotations["helm.sh/hook-delete-policy"].split(","))
    assert pod["spec"]["activeDeadlineSeconds"] <= 120
    assert pod["spec"]["containers"][0]["args"][1] == "http://peak-master:18089/loadlab/status"


@pytest.mark.parametrize("major", [3, 4])
def test_the_notes_say_how_to_reach_it_and_when_it_ends(major: int) -> None:
    expires = r"extraLabels.loadlab\.dev/expires=20261124T233000Z"
    notes = notes_of(major, "--set", expires, "--set", "worker.replicas=2")
    assert "one Locust master and 2 workers" in notes
    assert f"kubectl --namespace load port-forward service/{RELEASE}-master 8089" in notes
    assert f"get secret {RELEASE}-env" in notes
    assert "stops all pods 3600 s after their start and removes them 600 s later" in notes
    assert "From 20261124T233000Z on" in notes
    assert f"helm uninstall {RELEASE} --namespace load" in notes
    assert TOKEN not in notes
    assert "<no value>" not in notes


def test_the_notes_of_a_headless_test() -> None:
    notes = notes_of(4, "--set", "loadtest.headless=true")
    assert f"logs --follow job/{RELEASE}-master" in notes
    assert "port-forward" not in notes
    assert "1 worker." in notes


def notes_of(major: int, *options: str) -> str:
    """NOTES.txt as a template of its own: helm 3 shows it only when a cluster answers."""
    with tempfile.TemporaryDirectory() as folder:
        chart = shutil.copytree(CHART, Path(folder) / "chart")
        notes = chart / "templates" / "NOTES.txt"
        text = notes.read_text(encoding="utf-8")
        notes.rename(chart / "templates" / "notes.yaml").write_text(
            f'{{{{- define "notes" }}}}{text}{{{{ end -}}}}\nnotes: {{{{ include "notes" . | quote }}}}\n',
            encoding="utf-8",
        )
        token = f"loadtest.environment_secret.LOADLAB_TOKEN={TOKEN}"
        words = ["template", RELEASE, chart, "--namespace", "load", "--show-only", "templates/notes.yaml"]
        found = run_helm(*words, "--set", token, *options, major=major, home=Path(folder))
        assert found.returncode == 0, found.stderr
        return str(yaml.safe_load(found.stdout)["notes"])


def test_helm_shows_the_notes(tmp_path: Path) -> None:
    found = run_helm("install", RELEASE, CHART, "--namespace", "load", "--dry-run=client", home=tmp_path)
    assert "Nothing is sent until somebody starts it" in found.stdout.partition("NOTES:")[2]
