"""The commands about Kubernetes, called wrongly or without a cluster: one message, the nearest name, the exit code."""

from __future__ import annotations

import pytest
import yaml
from helm_tools import helm

CRON = ["--schedule", "@daily", "--image", "i:1", "--namespace", "load", "--runs-claim", "runs"]
TEST = ["--locustfile", "visitor.py", "--host", "http://shop.svc:80"]


@pytest.fixture(autouse=True)
def no_cluster(folder, monkeypatch):
    """A kubeconfig whose one context leads to a port where nobody listens, and a helm."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "dead", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "dead", "user": {"token": "t"}}],
        "contexts": [{"name": "dead", "context": {"cluster": "dead", "user": "dead"}}],
        "current-context": "dead",
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))
    (folder / "values.yaml").write_text("{}")
    monkeypatch.setenv("KUBECONFIG", str(folder / "kubeconfig"))
    monkeypatch.setenv("LOADLAB_HELM", str(helm()))
    monkeypatch.delenv("LOADLAB_GUARD", raising=False)


def ends(answer, code, message):
    assert answer.exit_code == code, answer.output
    assert message in answer.stderr, answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["valeus"], "No such command 'valeus'. Did you mean 'values'?"),
        (["swarm"], "No such command 'swarm'. Did you mean 'swarms'?"),
        (["values"], "name a TEST.yaml or --locustfile FILE"),
        (["manifests", "--locustfile", "visitr.py"], "Did you mean 'visitor.py'?"),
        (["values", *TEST, "--workers", "0"], "workers: got 0; allowed: 1 or more on Kubernetes"),
        (["values", *TEST, "--namespace", "No Good"], "namespace: got 'No Good'"),
        (["values", *TEST, "--set", "worker.replicas"], "set[0]: got 'worker.replicas'"),
        (["values", *TEST, "--set", "worker.replicas=9"], "the Helm value worker.replicas: got 9"),
        (["values", *TEST, "--values-file", "value.yaml"], "Did you mean 'values.yaml'?"),
        (["values", *TEST, "--file", "visitor.p"], "Did you mean 'visitor.py'?"),
        (["values", *TEST, "--chart-version", "1"], "chart_version: got '1'; allowed: only with 'chart'"),
        (["values", *TEST, "--secret", "No_Secret"], "secrets[0]: got 'No_Secret'"),
        (["run", *TEST, "--launcher", "kubernets"], "Did you mean 'kubernetes'?"),
        (["run", *TEST, "--namespace", "load"], "namespace: got 'load'; allowed: nothing here"),
        (["run", *TEST, "--namespce", "load"], "Did you mean '--namespace'?"),
        (["swarms", "--namespce", "load"], "Did you mean '--namespace'?"),
        (["stop"], "Missing argument 'NAME'"),
        (["gc", "--dryrun"], "Did you mean '--dry-run'?"),
        (["rbac"], "Missing option '--namespace'"),
        (["cronjob", "load_test"], "Missing option"),
        (["cronjob", "load_tset", *CRON], "Did you mean 'load_test'?"),
        (["cronjob", "load_test", *CRON, "-p", "spwan_rate=5"], "Did you mean 'spawn_rate'?"),
        (["cronjob", "load_test", *CRON, "-p", "users"], "-p: got 'users'; allowed: NAME=VALUE"),
        (["cronjob", "load_test", *CRON, "--schedule", "@dayly"], "Did you mean '@daily'?"),
        (["cronjob", "load_test", *CRON, "--schedule", "0 2 * * 7"], "day of the week from 0 to 6"),
        (["cronjob", "load_test", *CRON, "--timeout", "1 hour"], "--timeout: got '1 hour'"),
        (["cronjob", "load_test", *CRON, "--name", "Nightly"], "name: got 'Nightly'"),
        (["cronjob", "load_test", *CRON[:-2]], "all else vanishes with the pod"),
    ],
)
def test_wrong_usage(cli, folder, words, message):
    ends(cli(*words), 2, message)
    assert not list(folder.glob("runs/*"))


RUN = ["run", *TEST, "--launcher", "kubernetes"]


@pytest.mark.parametrize("words", [["swarms"], ["gc"], ["gc", "--dry-run"], ["stop", "r2026"], RUN])
def test_a_cluster_that_does_not_answer(cli, folder, words):
    answer = cli(*words)
    ends(answer, 4, "the current context of the kubeconfig leads to no cluster: All connection attempts failed")
    assert not list(folder.glob("runs/*"))


@pytest.mark.parametrize("words", [["swarms"], ["gc"], ["stop", "r2026"], RUN])
def test_a_context_that_does_not_exist(cli, words):
    answer = cli(*words, "--context", "staging")
    ends(answer, 4, "context 'staging' of the kubeconfig leads to no cluster")
    assert "kubectl config get-contexts" in answer.stderr


def test_no_kubeconfig_at_all(cli, folder, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(folder / "nothing"))
    monkeypatch.setenv("HOME", str(folder))
    ends(cli("swarms"), 4, "leads to no cluster")


@pytest.mark.parametrize("command", ["values", "manifests"])
def test_no_helm(cli, folder, monkeypatch, command):
    monkeypatch.delenv("LOADLAB_HELM")
    monkeypatch.setenv("PATH", str(folder))
    ends(cli(command, *TEST), 4, "the program helm is not on PATH")


def test_a_program_that_is_no_helm(cli, folder, monkeypatch):
    (folder / "helm").write_text("#!/bin/sh\necho v2.17.0\n")
    (folder / "helm").chmod(0o755)
    monkeypatch.setenv("LOADLAB_HELM", str(folder / "helm"))
    ends(cli("values", *TEST), 4, "helm 3 or 4 is needed")


@pytest.mark.parametrize("command", ["values", "manifests"])
def test_a_key_that_the_chart_refuses(cli, command):
    ends(cli(command, *TEST, "--set", "worker.replica=3"), 4, "replica")


def test_what_needs_no_cluster_asks_none(cli, folder):
    for words in (["values", *TEST], ["manifests", *TEST], ["rbac", "--namespace", "load"]):
        answer = cli(*words)
        assert answer.exit_code == 0, answer.output
        assert list(yaml.safe_load_all(answer.stdout))
    answer = cli("cronjob", "load_test", *CRON)
    assert yaml.safe_load(answer.stdout)["kind"] == "CronJob"
