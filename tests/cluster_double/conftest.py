"""A cluster for each test; it has to leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from ports import reserve_ports

from cluster_double import Cluster, cannot_run_pods
from cluster_double.tools import Tools

WHY_NOT = cannot_run_pods()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    if WHY_NOT:
        pytest.skip(WHY_NOT)
    with Cluster("load", "other", backoff_s=0.1) as cluster:
        yield cluster
        folder = cluster.folder
    assert not folder.exists()
    assert str(folder) not in Path("/proc/self/mounts").read_text()
    left = [process.cmdline() for process in psutil.Process().children(recursive=True)]
    assert not [words for words in left if str(folder) in " ".join(words)]


@pytest.fixture
def tools(cluster: Cluster, tmp_path: Path) -> Tools:
    return Tools(cluster, tmp_path)


@pytest.fixture
def free_port() -> int:
    return reserve_ports(1)[0]


@pytest.fixture
def second_free_port() -> int:
    return reserve_ports(1)[0]
