"""Arguments that are wrong are told by name, before anything else."""

import pytest
from sample_runs import SampleRun

import loadlab.export
from loadlab.errors import SpecError

CALLS = ("cloudwatch", "plan_cloudwatch", "openmetrics")


@pytest.mark.parametrize("name", CALLS)
def test_a_misspelt_argument(tmp_path, name):
    given = {"regoin": "eu-west-1"} if name == "plan_cloudwatch" else {"enviroment": "prod"}
    with pytest.raises(SpecError, match=r"unknown argument '\w+'. Did you mean '(environment|region)'"):
        getattr(loadlab.export, name)(SampleRun(tmp_path), **given)


def test_a_misspelt_argument_of_dashboard_and_alarms(tmp_path):
    with pytest.raises(SpecError, match="Did you mean 'profile'"):
        loadlab.export.cloudwatch_dashboard(SampleRun(tmp_path), profil="x")
    with pytest.raises(SpecError, match="Did you mean 'region'"):
        loadlab.export.cloudwatch_alarms("p99 < 1s", SampleRun(tmp_path), regio="x")
    with pytest.raises(SpecError, match=r"unknown argument 'namespce'. Did you mean 'namespace'"):
        loadlab.export.cloudwatch(SampleRun(tmp_path), namespce="x")


@pytest.mark.parametrize("name", [*CALLS, "cloudwatch_dashboard"])
def test_what_is_no_run(name):
    with pytest.raises(SpecError, match=r"runs?: got 'latest'; allowed: a run, such as that of loadlab.open_run"):
        getattr(loadlab.export, name)("latest")


def test_both_labels_are_told_together(tmp_path):
    with pytest.raises(SpecError, match=r"service and environment: missing.*--label service=NAME.*--environment NAME"):
        loadlab.export.plan_cloudwatch(SampleRun(tmp_path, labels={}))
