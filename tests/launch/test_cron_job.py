"""The CronJob: one that Kubernetes takes, that may run in a restricted namespace, and at a schedule that exists."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from launch.chart.pod_security import violations

from loadlab import clusters
from loadlab.errors import SpecError
from loadlab.launch.cron_job import STOP_S, check_schedule, cron_job

SETTINGS: dict[str, Any] = {
    "notebook": "load_test",
    "parameters": {},
    "schedule": "0 2 * * *",
    "image": "registry.example/loadlab:1",
    "namespace": "load",
    "service_account": "loadlab",
    "runs_claim": "runs",
}

CASES: dict[str, dict[str, Any]] = {
    "a claim": {},
    "S3": {"parameters": {"runs": "s3://bucket/runs"}, "runs_claim": ""},
    "S3 and a claim": {"parameters": {"runs": "s3://bucket/runs"}},
    "everything": {
        "parameters": {"host": "http://shop.demo.svc:80", "labels": "service=shop, build=$(BUILD)"},
        "schedule": "@daily",
        "time_zone": "Europe/Berlin",
        "timeout_s": 7200.0,
    },
}


def make(name: str = "nightly", **changes: Any) -> dict[str, Any]:
    return cron_job(name, **{**SETTINGS, **changes})


def pod_of(manifest: dict[str, Any]) -> dict[str, Any]:
    return dict(manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("version", ["1.29", "1.35"])
def test_kubernetes_takes_it(case: str, version: str) -> None:
    kubernetes_validate.validate(make(**CASES[case]), version, strict=True)


@pytest.mark.parametrize("case", CASES)
def test_its_pods_are_restricted(case: str) -> None:
    pod = pod_of(make(**CASES[case]))
    assert violations(pod) == set()
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    written = {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert "/tmp" in written


def test_runs_do_not_overlap_are_not_repeated_and_end_well() -> None:
    spec = make(timeout_s=600)["spec"]
    job = spec["jobTemplate"]["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert job["backoffLimit"] == 0
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    assert job["template"]["spec"]["terminationGracePeriodSeconds"] == STOP_S
    assert job["activeDeadlineSeconds"] == 600
    assert "activeDeadlineSeconds" not in make()["spec"]["jobTemplate"]["spec"]
    assert spec["successfulJobsHistoryLimit"] > 0
    assert spec["failedJobsHistoryLimit"] > 0


def test_the_runs_outlive_the_pod() -> None:
    pod = pod_of(make(parameters={"runs": "ignored", "users": "5"}))
    words = pod["containers"][0]["command"]
    mounted = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert f"runs={mounted['runs']}" in words
    assert {"name": "runs", "persistentVolumeClaim": {"claimName": "runs"}} in pod["volumes"]
    assert words[:3] == ["loadlab", "notebook", "load_test"]
    assert "users=5" in words


@pytest.mark.parametrize("claim", ["", "runs"])
def test_runs_in_s3_need_no_claim_and_wait_in_one(claim: str) -> None:
    pod = pod_of(make(parameters={"runs": "s3://bucket/nightly runs/", "users": "5"}, runs_claim=claim))
    words = pod["containers"][0]["command"]
    assert words[words.index("--output") + 1] == "s3://bucket/nightly runs/executed"
    assert [word for word in words if word.startswith("runs=")] == ["runs=s3://bucket/nightly runs"]
    mounted = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    spool = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}.get("LOADLAB_SPOOL")
    assert (mounted.get("runs"), spool) == (("/runs", "/runs/spool") if claim else (None, None))
    assert {volume["name"] for volume in pod["volumes"]} == set(mounted)


@pytest.mark.parametrize("runs", [{}, {"runs": "/tmp/runs"}])
def test_runs_that_would_vanish_are_refused(runs: dict[str, str]) -> None:
    with pytest.raises(SpecError, match=r"--runs-claim.*vanishes with the pod"):
        make(runs_claim="", parameters=runs)


def test_what_kubernetes_would_expand_reaches_the_notebook() -> None:
    words = pod_of(make(parameters={"labels": "price=$(PRICE)"}))["containers"][0]["command"]
    assert "labels=price=$$(PRICE)" in words


@pytest.mark.parametrize("name", ["", "Nightly", "a" * 53, "-a", "a_b"])
def test_a_name_that_kubernetes_does_not_take(name: str) -> None:
    with pytest.raises(SpecError, match="name: got"):
        make(name)


def test_it_is_named_after_its_notebook() -> None:
    settings = {key: value for key, value in SETTINGS.items() if key not in ("notebook", "parameters")}
    text = clusters.cron_job_yaml("load_test", {"users": "5"}, **settings)
    assert yaml.safe_load(text)["metadata"]["name"] == "loadlab-load-test"
    with pytest.raises(SpecError, match="spawn_rate"):
        clusters.cron_job_yaml("load_test", {"spwan_rate": "5"}, **settings)


RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
WORDS: tuple[tuple[str, ...], ...] = ((), (), (), ("jan", "JUN", "Dec"), ("sun", "WED", "sat"))


@st.composite
def parts(draw: st.DrawFn, number: int) -> str:
    """One part of a field, as Kubernetes takes it."""
    low, high = RANGES[number]
    first = draw(st.integers(low, high))
    last = draw(st.integers(first, high))
    whole = draw(st.sampled_from(["*", str(first), f"{first}-{last}", f"{first:02d}", *WORDS[number]]))
    return whole + draw(st.sampled_from(["", "", f"/{draw(st.integers(1, 99))}"]))


@st.composite
def schedules(draw: st.DrawFn) -> list[str]:
    """Five fields that Kubernetes takes."""
    return [",".join(draw(st.lists(parts(number), min_size=1, max_size=3))) for number in range(5)]


@given(schedules())
def test_a_schedule_that_kubernetes_takes(fields: list[str]) -> None:
    check_schedule(" ".join(fields))


@given(schedules(), st.data())
def test_a_schedule_with_one_wrong_part(fields: list[str], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, 4))
    low, high = RANGES[number]
    wrong = [
        str(high + 1),
        f"{low}-{high + 1}",
        f"{high}-{low}",
        f"{low}/0",
        "*/",
        "",
        "L",
        "?",
        "-1",
        "x",
        "1-2-3",
        "٣",
    ]
    if low:
        wrong.append(str(low - 1))
    fields[number] = ",".join([fields[number], data.draw(st.sampled_from(wrong))])
    with pytest.raises(SpecError):
        check_schedule(" ".join(fields))


@given(schedules(), st.integers(0, 7).filter(lambda count: count != 5))
def test_a_schedule_of_another_length(fields: list[str], count: int) -> None:
    with pytest.raises(SpecError, match="five fields"):
        check_schedule(" ".join((fields * 2)[:count]))


@pytest.mark.parametrize("macro", ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"])
def test_a_macro(macro: str) -> None:
    check_schedule(macro)


def test_a_macro_that_does_not_exist() -> None:
    with pytest.raises(SpecError, match="Did you mean '@daily'"):
        check_schedule("@dayly")
    with pytest.raises(SpecError):
        check_schedule("@reboot")
