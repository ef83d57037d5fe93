"""What a pod's processes find: files, environment, names, and what they do not find."""

import base64
import sys
import time
from pathlib import Path

from cluster_double import Cluster
from cluster_double.tools import job, state


def finished_log(cluster: Cluster, name: str) -> str:
    def done() -> bool:
        status = cluster.object("Job", "load", name)["status"]
        return bool(status.get("succeeded") or status.get("failed"))

    cluster.until(done)
    pod = next(pod for pod in cluster.objects("Pod", "load") if pod["metadata"]["labels"]["app"] == name)
    return cluster.log("load", pod["metadata"]["name"])


def test_mounted_files_also_inside_of_each_other(cluster: Cluster) -> None:
    data = bytes(range(256))
    inner = {"metadata": {"name": "inner"}, "binaryData": {"x.bin": base64.b64encode(data).decode()}}
    cluster.create("ConfigMap", inner, "load")
    cluster.create("ConfigMap", {"metadata": {"name": "outer"}, "data": {"main.py": "print(1)"}}, "load")
    cluster.create("Secret", {"metadata": {"name": "secret"}, "stringData": {"token": "abc"}}, "load")
    pod = {
        "volumes": [
            {"name": "outer", "configMap": {"name": "outer"}},
            {"name": "inner", "configMap": {"name": "inner"}},
            {"name": "secret", "secret": {"secretName": "secret", "items": [{"key": "token", "path": "the/token"}]}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "packages", "emptyDir": {}},
        ]
    }
    places = {"outer": "/mnt/locust", "inner": "/mnt/locust/data/in", "secret": "/not/there/before"}
    places |= {"tmp": "/tmp", "packages": "/tmp/packages"}
    container = {"volumeMounts": [{"name": name, "mountPath": path} for name, path in places.items()]}
    script = (
        "cksum < /mnt/locust/data/in/x.bin; cat /mnt/locust/main.py /not/there/before/the/token; echo; "
        "echo 1 > /tmp/a; echo 2 > /tmp/packages/b; ls /tmp; touch /mnt/locust/c 2>/dev/null || echo read-only"
    )
    cluster.create("Job", job("files", script, pod=pod, container=container), "load")
    lines = finished_log(cluster, "files").splitlines()
    assert lines[0].split()[1] == "256"
    assert lines[1] == "print(1)abc"
    assert {"a", "packages"} <= set(lines)
    assert lines[-1] == "read-only"
    assert not Path("/not").exists()


def test_a_read_only_root(cluster: Cluster) -> None:
    script = (
        "for f in /x /tmp/x /usr/x /mnt/x; do touch $f 2>/dev/null && echo $f; done; echo end > /dev/null; echo end"
    )
    container = {"securityContext": {"readOnlyRootFilesystem": True}}
    cluster.create("Job", job("closed", script, container=container), "load")
    assert finished_log(cluster, "closed") == "end\n"


def test_the_environment(cluster: Cluster) -> None:
    cluster.create("Secret", {"metadata": {"name": "one"}, "stringData": {"KEY": "key", "OTHER": "other"}}, "load")
    cluster.create("ConfigMap", {"metadata": {"name": "all"}, "data": {"FROM_ALL": "all"}}, "load")
    container = {
        "envFrom": [{"configMapRef": {"name": "all"}}],
        "env": [
            {"name": "A", "value": "a"},
            {"name": "B", "value": "$(A)b $(NONE) $$(A)"},
            {"name": "S", "valueFrom": {"secretKeyRef": {"name": "one", "key": "KEY"}}},
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
        ],
    }
    cluster.create("Job", job("env", 'echo "$A,$B,$S,$FROM_ALL,$APP,$OTHER"; hostname', container=container), "load")
    log = finished_log(cluster, "env").splitlines()
    assert log == ["a,ab $(NONE) $(A),key,all,env,", cluster.objects("Pod", "load")[0]["metadata"]["name"]]


def test_a_missing_secret_is_waited_for(cluster: Cluster) -> None:
    container = {"env": [{"name": "S", "valueFrom": {"secretKeyRef": {"name": "late", "key": "KEY"}}}]}
    cluster.create("Job", job("late", "echo $S", container=container), "load")
    wanted = {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "late" not found'}}
    cluster.until(lambda: [state(pod) for pod in cluster.objects("Pod", "load")] == [wanted])
    cluster.create("Secret", {"metadata": {"name": "late"}, "stringData": {"KEY": "now"}}, "load")
    assert finished_log(cluster, "late") == "now\n"


def test_only_a_mounted_project_is_importable(cluster: Cluster) -> None:
    script = (
        "python -c 'import locust, sys; print(sys.prefix)' && python -c 'import loadlab' 2>&1 | tail -1\n"
        "PYTHONPATH=/mnt/loadlab python -c 'import loadlab.agent as found; print(list(found.__path__))'"
    )
    cluster.create("ConfigMap", {"metadata": {"name": "agent"}, "data": {"one.py": ""}}, "load")
    pod = {"volumes": [{"name": "agent", "configMap": {"name": "agent"}}]}
    container = {"volumeMounts": [{"name": "agent", "mountPath": "/mnt/loadlab/loadlab/agent"}]}
    cluster.create("Job", job("imports", script, pod=pod, container=container), "load")
    prefix, refused, found = finished_log(cluster, "imports").splitlines()
    assert prefix == sys.prefix
    assert refused == "ModuleNotFoundError: No module named 'loadlab'"
    assert found == "['/mnt/loadlab/loadlab/agent']"


def test_init_containers_come_first_and_services_have_names(cluster: Cluster) -> None:
    cluster.create("Service", {"metadata": {"name": "shop"}, "spec": {"ports": [{"port": 80}]}}, "other")
    cluster.create("Service", {"metadata": {"name": "near"}, "spec": {"ports": [{"port": 80}]}}, "load")
    pod = {
        "volumes": [{"name": "shared", "emptyDir": {}}],
        "initContainers": [
            {
                "name": "first",
                "image": "none",
                "command": ["sh", "-c", "echo prepared > /shared/file"],
                "volumeMounts": [{"name": "shared", "mountPath": "/shared"}],
            }
        ],
    }
    script = (
        "cat /shared/file; getent hosts near shop.other.svc.cluster.local | awk '{print $1}'; "
        "getent hosts shop || echo none"
    )
    container = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
    cluster.create("Job", job("init", script, pod=pod, container=container), "load")
    assert finished_log(cluster, "init").splitlines() == ["prepared", "127.0.0.1", "127.0.0.1", "none"]


def test_an_empty_tmp_that_containers_share(cluster: Cluster) -> None:
    """Also when the interpreter itself is installed below /tmp."""
    tmp = [{"name": "tmp", "mountPath": "/tmp"}]
    script = ["python", "-c", "open('/tmp/made', 'w').write('by init')"]
    first = {"name": "first", "image": "none", "command": script, "volumeMounts": tmp}
    pod = {"volumes": [{"name": "tmp", "emptyDir": {}}], "initContainers": [first]}
    show = "python -c 'print(open(\"/tmp/made\").read())'"
    cluster.create("Job", job("tmp", show, pod=pod, container={"volumeMounts": tmp}), "load")
    assert finished_log(cluster, "tmp") == "by init\n"


def test_termination_is_asked_for_and_then_enforced(cluster: Cluster) -> None:
    polite = "trap 'echo bye; exit 0' TERM; echo up; while true; do sleep 0.05; done"
    cluster.create("Job", job("polite", polite, pod={"terminationGracePeriodSeconds": 100}), "load")
    cluster.create("Job", job("deaf", "echo up; trap '' TERM; sleep 100 & wait"), "load")
    cluster.until(lambda: len(cluster.objects("Pod", "load")) == 2)
    pods = {pod["metadata"]["labels"]["app"]: pod for pod in cluster.objects("Pod", "load")}
    logs = {}
    for name, pod in pods.items():
        cluster.until(lambda pod=pod: "up" in cluster.log("load", pod["metadata"]["name"]))
        logs[name] = cluster.kubelet.log_path(pod, "main")
    started = time.monotonic()
    with logs["polite"].open() as log:  # type: ignore[union-attr]
        for name in ("polite", "deaf"):
            cluster.delete("Job", "load", name)
        cluster.until(lambda: not cluster.objects("Pod", "load"))
        assert log.read() == "up\nbye\n"
    assert 1 <= time.monotonic() - started < 90
