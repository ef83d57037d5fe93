"""The same notebook on Kubernetes, its run in S3: other parameters are all that changes."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from load_cluster import NAMESPACE, load_cluster
from ports import reserve_ports
from targets import storefront

import loadlab
from loadlab.report import run_notebook
from loadlab.store import S3Path


def test_the_notebook_runs_on_a_cluster_and_keeps_its_run_in_s3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3_place: S3Path
) -> None:
    with load_cluster(tmp_path, monkeypatch) as cluster, storefront() as shop:
        web, master = reserve_ports(2)
        result = run_notebook(
            "load_test",
            {
                "host": shop.url,
                "users": 6,
                "spawn_rate": 10,
                "run_time": "3s",
                "launcher": "kubernetes",
                "namespace": NAMESPACE,
                "helm_set": f"service.port={web} loadlab.masterPort={master}",
                "locust_options": "--think-time 0.05",
                "runs": str(s3_place),
            },
            output_dir=tmp_path / "executed",
        )
        assert [each["metadata"]["name"] for each in cluster.objects("pods", NAMESPACE)] == []
        assert result.run_id is not None
        run = loadlab.open_run(result.run_id, str(s3_place))
        assert run.conservation["sent"] == run.requests["count"].sum() == shop.count() > 0
    assert run.path == s3_place / run.id
    assert result.report == f"{run.path}/report.html"
    assert run.id in (run.path / "report.html").read_bytes().decode()
    assert list((tmp_path / "spool").iterdir()) == []
    notebook = nbformat.read(result.path, as_version=4)
    (cell,) = [cell for cell in notebook.cells if "describe" in cell.source]
    validated = "".join(output.text for output in cell.outputs)
    assert f"service:\n  port: {web}" in validated
    assert run.info["kubernetes"]["release"] == f"loadlab-{run.id}"
