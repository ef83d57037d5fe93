"""What can be ordered to go wrong, at the API and with pods."""

import itertools
import json
import time
from typing import Any

import pytest
import requests

from cluster_double import Call, Cluster
from cluster_double.tools import conditions, job, state

PODS = "/api/v1/namespaces/load/pods"


def get(cluster: Cluster, path: str, **options: Any) -> requests.Response:
    return requests.get(cluster.url + path, timeout=60, **options)


def only_pod(cluster: Cluster) -> dict[str, Any]:
    [pod] = cluster.until(lambda: cluster.objects("Pod", "load"))
    return pod


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (403, "Forbidden", 'cannot list resource "pods" in API group "" in the namespace "load"'),
        (409, "Conflict", "the object has been modified"),
        (429, "TooManyRequests", "the server has received too many requests"),
        (500, "InternalError", "etcdserver: request timed out"),
    ],
)
def test_the_next_requests_are_refused(cluster: Cluster, status: int, reason: str, words: str) -> None:
    cluster.fail("GET", "/pods", status, times=2, retry_after=7)
    assert get(cluster, "/api/v1/namespaces/load/secrets").status_code == 200
    for _ in range(2):
        answer = get(cluster, PODS)
        assert answer.status_code == status
        assert answer.json()["kind"] == "Status"
        assert answer.json()["reason"] == reason
        assert words in answer.json()["message"]
        assert answer.headers.get("Retry-After") == ("7" if status == 429 else None)
    assert get(cluster, PODS).status_code == 200


def test_slow_until_it_ends(cluster: Cluster) -> None:
    def seconds() -> float:
        started = time.monotonic()
        get(cluster, PODS)
        return time.monotonic() - started

    slow = cluster.slow(0.3, path="/pods")
    assert seconds() >= 0.3
    slow.end()
    cluster.until(lambda: seconds() < 0.3)


def test_watches_are_dropped_and_may_be_too_old_to_resume(cluster: Cluster) -> None:
    old = get(cluster, PODS).json()["metadata"]["resourceVersion"]
    cluster.create("ConfigMap", {"metadata": {"name": "one"}}, "load")
    with get(cluster, f"{PODS}?watch=1", stream=True) as watch:
        cluster.drop_watches(forget=True)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            watch.raw.read_chunked() and list(watch.iter_lines())
    resumed = get(cluster, f"{PODS}?watch=1&resourceVersion={old}")
    assert (resumed.status_code, resumed.json()["reason"]) == (410, "Expired")


def test_a_watch_is_resumed_without_a_gap(cluster: Cluster) -> None:
    maps = "/api/v1/namespaces/load/configmaps"
    cluster.create("ConfigMap", {"metadata": {"name": "one", "labels": {"a": "b"}}}, "load")
    version = get(cluster, maps).json()["metadata"]["resourceVersion"]
    cluster.create("ConfigMap", {"metadata": {"name": "two", "labels": {"a": "b"}}}, "load")
    cluster.create("ConfigMap", {"metadata": {"name": "other"}}, "load")
    requests.patch(
        f"{cluster.url}{maps}/two",
        json={"metadata": {"labels": {"a": "c"}}},
        headers={"Content-Type": "application/merge-patch+json"},
        timeout=60,
    )
    text = get(cluster, f"{maps}?watch=1&resourceVersion={version}&labelSelector=a%3Db&timeoutSeconds=0").text
    assert text == "", "a watch of no time says nothing"
    with get(cluster, f"{maps}?watch=1&resourceVersion={version}&labelSelector=a%3Db", stream=True) as watch:
        changes = [json.loads(line) for line in itertools.islice(watch.iter_lines(chunk_size=1), 2)]
    assert [(it["type"], it["object"]["metadata"]["name"]) for it in changes] == [("ADDED", "two"), ("DELETED", "two")]


def test_wrong_token_and_unknown_path(cluster: Cluster) -> None:
    assert get(cluster, PODS, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert get(cluster, "/apis/nothing.io/v1/things").status_code == 404


def test_calls_are_recorded_as_rbac_sees_them(cluster: Cluster) -> None:
    get(cluster, f"{PODS}?fieldSelector=metadata.name%3Dx&watch=1&timeoutSeconds=0")
    get(cluster, f"{PODS}/x/log")
    requests.delete(f"{cluster.url}/apis/batch/v1/namespaces/load/jobs", timeout=60)
    get(cluster, "/api/v1/namespaces/load")
    assert cluster.calls == [
        Call("watch", "", "pods", "", "load", "x"),
        Call("get", "", "pods", "log", "load", "x"),
        Call("deletecollection", "batch", "jobs", "", "load", ""),
        Call("get", "", "namespaces", "", "load", "load"),
    ]


def test_a_pod_that_finds_no_node(cluster: Cluster) -> None:
    with cluster.unschedulable("app=work"):
        cluster.create("Job", job("work", "echo ran"), "load")
        cluster.until(lambda: cluster.events("load", "FailedScheduling"))
        assert cluster.events("load", "FailedScheduling")[0].startswith("0/3 nodes are available: 3 Insufficient cpu.")
        [scheduled] = only_pod(cluster)["status"]["conditions"]
        assert (scheduled["type"], scheduled["status"], scheduled["reason"]) == (
            "PodScheduled",
            "False",
            "Unschedulable",
        )
    cluster.until(lambda: only_pod(cluster)["status"]["phase"] == "Succeeded")


def test_a_node_selector_that_fits_no_node(cluster: Cluster) -> None:
    cluster.create("Job", job("work", "true", pod={"nodeSelector": {"pool": "load"}}), "load")
    cluster.until(lambda: cluster.events("load", "FailedScheduling"))
    assert (
        "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."
        in cluster.events("load", "FailedScheduling")[0]
    )


def test_an_image_that_is_not_there(cluster: Cluster) -> None:
    with cluster.image_missing("none*"):
        cluster.create("Job", job("work", "true"), "load")
        cluster.until(lambda: state(only_pod(cluster)).get("waiting", {}).get("reason") == "ImagePullBackOff")
        assert "not found" in state(only_pod(cluster))["waiting"]["message"]
    cluster.until(lambda: only_pod(cluster)["status"]["phase"] == "Succeeded")


def test_a_crash_loop_shows_its_last_lines(cluster: Cluster) -> None:
    with cluster.crash("app=work", ["Traceback", "ValueError: 'x'"]):
        cluster.create("Job", job("work", "true", pod={"restartPolicy": "OnFailure"}, backoffLimit=9), "load")
        cluster.until(lambda: state(only_pod(cluster)).get("waiting", {}).get("reason") == "CrashLoopBackOff")
        pod = only_pod(cluster)
        assert pod["status"]["containerStatuses"][0]["restartCount"] >= 1
        assert pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 1
        last = get(cluster, f"{PODS}/{pod['metadata']['name']}/log?previous=true&tailLines=1").text
        assert last == "ValueError: 'x'\n"
    cluster.until(lambda: only_pod(cluster)["status"]["phase"] == "Succeeded")


def test_killed_out_of_memory_and_evicted(cluster: Cluster) -> None:
    for name in ("killed", "oom", "evicted"):
        cluster.create("Pod", job("x", "sleep 100")["spec"]["template"] | {"metadata": {"name": name}}, "load")
    cluster.until(lambda: all(pod["status"]["phase"] == "Running" for pod in cluster.objects("Pod", "load")))
    cluster.kill("load", "killed")
    cluster.oom_kill("load", "oom")
    cluster.evict("load", "evicted")
    cluster.until(lambda: all(pod["status"]["phase"] == "Failed" for pod in cluster.objects("Pod", "load")))
    ended = {pod["metadata"]["name"]: pod for pod in cluster.objects("Pod", "load")}
    assert state(ended["killed"])["terminated"]["exitCode"] == 137
    assert (
        state(ended["oom"])["terminated"] | {"reason": "OOMKilled", "exitCode": 137}
        == state(ended["oom"])["terminated"]
    )
    assert ended["evicted"]["status"]["reason"] == "Evicted"
    assert "DisruptionTarget" in conditions(ended["evicted"])


def test_eviction_by_the_api_deletes_the_pod(cluster: Cluster) -> None:
    cluster.create("Pod", job("x", "sleep 100")["spec"]["template"] | {"metadata": {"name": "one"}}, "load")
    cluster.until(lambda: only_pod(cluster)["status"]["phase"] == "Running")
    answer = requests.post(f"{cluster.url}{PODS}/one/eviction", json={"metadata": {"name": "one"}}, timeout=60)
    assert answer.status_code == 201
    cluster.until(lambda: not cluster.objects("Pod", "load"))


def test_a_quota_keeps_pods_from_being_made(cluster: Cluster) -> None:
    cluster.quota("load", pods=1)
    cluster.create("Job", job("work", "sleep 100", parallelism=3, completions=3), "load")
    [message] = cluster.until(lambda: cluster.events("load", "FailedCreate"))[:1]
    assert message.endswith("exceeded quota: compute-quota, requested: pods=1, used: pods=1, limited: pods=1")
    assert message.startswith('Error creating: pods "work-')
