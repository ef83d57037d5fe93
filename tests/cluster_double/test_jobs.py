"""Jobs and Deployments: how many pods there are, and how it ends."""

import time

from cluster_double import Cluster
from cluster_double.tools import conditions, job


def running(cluster: Cluster, prefix: str) -> list[str]:
    pods = [pod for pod in cluster.objects("Pod", "load") if pod["status"]["phase"] == "Running"]
    return [pod["metadata"]["name"] for pod in pods if pod["metadata"]["name"].startswith(prefix)]


def test_indexed_pods_know_their_index(cluster: Cluster) -> None:
    spec = {"parallelism": 2, "completions": 3, "completionMode": "Indexed"}
    cluster.create("Job", job("work", "echo index $JOB_COMPLETION_INDEX", **spec), "load")
    done = cluster.until(lambda: cluster.object("Job", "load", "work")["status"].get("completionTime"))
    assert done
    logs = sorted(cluster.log("load", pod["metadata"]["name"]) for pod in cluster.objects("Pod", "load"))
    assert logs == ["index 0\n", "index 1\n", "index 2\n"]
    assert cluster.object("Job", "load", "work")["status"]["completedIndexes"] == "0,1,2"


def test_a_failure_is_repeated_up_to_the_limit(cluster: Cluster) -> None:
    cluster.create("Job", job("bad", "exit 3", backoffLimit=1), "load")
    cluster.until(lambda: "Failed" in conditions(cluster.object("Job", "load", "bad")))
    found = cluster.object("Job", "load", "bad")
    assert conditions(found)["Failed"] == "BackoffLimitExceeded"
    assert found["status"]["failed"] == 2
    codes = [it["status"]["containerStatuses"][0]["state"]["terminated"] for it in cluster.objects("Pod", "load")]
    assert [code["exitCode"] for code in codes] == [3, 3]


def test_the_deadline_ends_the_processes(cluster: Cluster) -> None:
    started = time.monotonic()
    cluster.create("Job", job("long", "sleep 100", activeDeadlineSeconds=1), "load")
    cluster.until(lambda: "Failed" in conditions(cluster.object("Job", "load", "long")))
    assert 1 <= time.monotonic() - started < 90
    assert conditions(cluster.object("Job", "load", "long"))["Failed"] == "DeadlineExceeded"
    cluster.until(lambda: not cluster.objects("Pod", "load"))


def test_a_finished_job_goes_with_its_pods_when_its_time_is_over(cluster: Cluster) -> None:
    cluster.create("Job", job("short", "true", ttlSecondsAfterFinished=1), "load")
    cluster.until(lambda: cluster.object("Job", "load", "short")["status"].get("succeeded"))
    cluster.until(lambda: not cluster.objects("Job", "load"))
    assert not cluster.objects("Pod", "load")


def test_an_evicted_pod_is_replaced_without_counting_when_the_policy_says_so(cluster: Cluster) -> None:
    rules = [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]
    cluster.create("Job", job("work", "sleep 100", podFailurePolicy={"rules": rules}), "load")
    first = cluster.until(lambda: [p for p in cluster.objects("Pod", "load") if p["status"]["phase"] == "Running"])[0]
    cluster.evict("load", first["metadata"]["name"])
    cluster.until(lambda: len(cluster.objects("Pod", "load")) == 2)
    evicted = cluster.object("Pod", "load", first["metadata"]["name"])
    assert evicted["status"]["phase"] == "Failed"
    assert evicted["status"]["reason"] == "Evicted"
    assert conditions(evicted)["DisruptionTarget"] == "TerminationByKubelet"
    assert "failed" not in cluster.object("Job", "load", "work")["status"]


def test_an_index_is_replaced_a_bounded_number_of_times(cluster: Cluster) -> None:
    spec = {"parallelism": 2, "completions": 2, "completionMode": "Indexed", "backoffLimitPerIndex": 1}
    new = job("work", "sleep 100", **spec)
    del new["spec"]["backoffLimit"]
    cluster.create("Job", new, "load")
    for count in (1, 2):
        [first] = cluster.until(lambda: running(cluster, "work-0-"))
        cluster.evict("load", first)
        cluster.until(lambda count=count: cluster.object("Job", "load", "work")["status"].get("failed") == count)
    assert cluster.object("Job", "load", "work")["status"]["failedIndexes"] == "0"
    assert len(cluster.objects("Pod", "load")) == 3


def test_a_deployment_keeps_its_pods(cluster: Cluster) -> None:
    pod = job("web", "sleep 100")["spec"]["template"]
    pod["spec"]["restartPolicy"] = "Always"
    cluster.create("Deployment", {"metadata": {"name": "web"}, "spec": {"replicas": 2, "template": pod}}, "load")
    cluster.until(lambda: cluster.object("Deployment", "load", "web")["status"].get("readyReplicas") == 2)
    name = cluster.objects("Pod", "load")[0]["metadata"]["name"]
    cluster.kill("load", name)
    cluster.until(lambda: cluster.object("Pod", "load", name)["status"]["containerStatuses"][0]["restartCount"] == 1)
