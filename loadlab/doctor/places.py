"""Places: a folder or S3 that keeps runs, a cluster that Locust runs in, CloudWatch that results go to."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from loadlab import store
from loadlab.doctor.asking import ask_for_code, last_line
from loadlab.doctor.checkup import Finding
from loadlab.errors import ExportError, SpecError, StoreError

MINIMUM_FREE_BYTES = 1 << 30
_OTHER_PLACE = "name another place: --runs ~/runs for a command, runs='~/runs' in a notebook"
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_CURRENT = re.compile(r"^current-context:\s*[\"']?([^\s\"']+)", re.MULTILINE)
_AWS_FILES = {
    "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
    "AWS_CONFIG_FILE": "~/.aws/config",
}
_AWS_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)


def check_runs(runs: str | Path) -> Iterator[Finding]:
    """Whether a run can be kept at `runs`; writes, and removes, one file there."""
    try:
        place = store.parse_location(runs)
    except SpecError as error:
        yield Finding("runs folder", "missing", str(error), _OTHER_PLACE)
        return
    if not isinstance(place, store.S3Path):
        yield _check_folder(place)
        return
    try:
        place.check_writable()
        yield Finding("runs in S3", "ok", f"{place} can be written")
    except (StoreError, ImportError) as error:
        yield Finding("runs in S3", "missing", str(error), "see 'Runs in S3' in README.md, or use another --runs PLACE")
    yield _check_folder(store.spool_folder(), "runs on their way", "name another folder in LOADLAB_SPOOL")


def _check_folder(folder: Path, name: str = "runs folder", mend: str = _OTHER_PLACE) -> Finding:
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".loadlab-doctor-"):
            free = shutil.disk_usage(place).free
    except OSError as error:
        return Finding(name, "missing", f"{folder} cannot be written: {error.strerror}", mend)
    found = f"{folder} can be written, {free / 1e9:.1f} GB are free"
    if free < MINIMUM_FREE_BYTES:
        return Finding(name, "warning", found, f"make room, or {mend}")
    return Finding(name, "ok", found)


def check_cluster(within_s: float) -> Finding:
    """Whether the current context of the kubeconfig leads to a cluster that lets loadlab look at its swarms.

    Nothing is asked where nobody has set a cluster up.
    """
    files = [Path(name).expanduser() for name in os.environ.get("KUBECONFIG", "~/.kube/config").split(os.pathsep)]
    files = [file for file in files if file.is_file()]
    if not files and not _SERVICE_ACCOUNT.exists():
        text = "no kubeconfig; only load tests on Kubernetes need one"
        return Finding("cluster", "optional", text, "see docs/kubernetes.md")
    found = (_CURRENT.search(file.read_text(encoding="utf-8", errors="replace")) for file in files)
    context = next((f"context '{match[1]}'" for match in found if match), "its current context")
    answer, code = ask_for_code(sys.executable, "-m", "loadlab", "swarms", within_s=within_s)
    if code == 0:
        return Finding("cluster", "ok", f"{context} answers, and lets loadlab look at its swarms")
    text = f"{context}: {last_line(answer).removeprefix('loadlab: ')}"
    if "`loadlab rbac`" in answer:
        return Finding("cluster", "warning", text, "loadlab rbac | kubectl apply -f -  (whoever may)")
    return Finding("cluster", "warning", text, "kubectl config get-contexts; kubectl config use-context NAME")


def check_cloudwatch() -> Finding:
    """Whether there are credentials and a region for exports to CloudWatch; none of it is used.

    boto3 looks for them only where somebody has made settings for AWS: its last resort is to ask the network.
    """
    mend = "aws configure  (or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_DEFAULT_REGION)"
    files = [Path(os.environ.get(variable, usual)).expanduser() for variable, usual in _AWS_FILES.items()]
    if not any(map(os.environ.get, _AWS_VARIABLES)) and not any(file.is_file() for file in files):
        return Finding("cloudwatch", "optional", "no settings for AWS; only exports to CloudWatch need them", mend)
    from loadlab.export import Access  # here: boto3 takes its time

    try:
        access = Access()
        access.client()
        return Finding("cloudwatch", "ok", f"there are credentials, and the region is {access.region_name()}")
    except ExportError as error:
        return Finding("cloudwatch", "warning", str(error).removesuffix(" Nothing was sent."), mend)
