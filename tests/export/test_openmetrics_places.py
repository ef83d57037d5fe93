"""Where the texts go: a file that is replaced at once, standard output, a Pushgateway with its ways of failing."""

import io
import os
import sys
import threading
from pathlib import Path

import pytest
from openmetrics_reader import read_over_time, read_samples
from sample_runs import SampleRun, full_run

import loadlab.export
from loadlab.errors import ExportError
from loadlab.export import sending


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return full_run(tmp_path_factory.mktemp("run"), seconds=3)[0]


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """Waits take no time, and are counted."""
    waited = []
    monkeypatch.setattr(sending.time, "sleep", waited.append)
    return waited


def body_of(run, to, **options):
    return loadlab.export.plan_openmetrics(run, to, **options).parcels[0].body


def stored(gateway):
    """The one group: its labels, and value by (name, label, ...) as in a text."""
    ((group, families),) = gateway.groups.items()
    return dict(group), sum(len(family.samples) for family in families.values())


@pytest.mark.parametrize(("name", "form"), [("x.prom", "prometheus"), ("x.om", "backfill"), ("x", "backfill")])
def test_a_file(run, tmp_path, name, form):
    receipt = loadlab.export.openmetrics(run, tmp_path / name)
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert text.encode() == body_of(run, "-", form=form)
    assert str(receipt).startswith(f"Run {run.id} to {tmp_path / name}, service shop, environment staging: sent ")
    assert (read_samples(text, "prometheus") if form == "prometheus" else read_over_time(text)) != {}
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert not (run.path / "exports").exists()  # what replaces needs no memory


def test_a_collector_may_read_it(run, tmp_path):
    path = tmp_path / "x.prom"
    loadlab.export.openmetrics(run, path)
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o640)
    loadlab.export.openmetrics(run, path)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_reader_never_sees_half_a_file(run, tmp_path):
    path, other = tmp_path / "x.prom", full_run(tmp_path, seconds=2)[0]
    plans = [loadlab.export.plan_openmetrics(each, path) for each in (run, other)]
    wholes = {plan.parcels[0].body for plan in plans}
    loadlab.export.openmetrics(run, path)
    found, done = set(), threading.Event()

    def collect():
        while not done.is_set():
            found.update(each.read_bytes() for each in tmp_path.glob("*.prom"))

    reader = threading.Thread(target=collect)
    reader.start()
    try:
        for plan in plans * 15:
            plan.send()
    finally:
        done.set()
        reader.join()
    assert found <= wholes


def test_a_link_stays_a_link(run, tmp_path):
    (tmp_path / "link.prom").symlink_to(tmp_path / "real")
    loadlab.export.openmetrics(run, tmp_path / "link.prom")
    assert (tmp_path / "link.prom").is_symlink()
    assert (tmp_path / "real").read_bytes() == body_of(run, "x.prom")


def test_no_room_on_the_disk(run, tmp_path, monkeypatch):
    (tmp_path / "x.prom").write_text("before\n")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ExportError, match=r"sent 0 samples.* cannot be written: No space left on device\. Not sent: 1"):
        loadlab.export.openmetrics(run, tmp_path / "x.prom")
    assert (tmp_path / "x.prom").read_text() == "before\n"
    assert [each.name for each in tmp_path.iterdir()] == ["x.prom"]


def test_no_such_folder(run, tmp_path):
    with pytest.raises(ExportError, match=r"there is no folder .*/nowhere\. Nothing was sent"):
        loadlab.export.openmetrics(run, tmp_path / "nowhere" / "x.prom")


def test_standard_output(run, capsys):
    receipt = loadlab.export.openmetrics(run)
    assert capsys.readouterr().out.encode() == body_of(run, "-", form="openmetrics")
    assert "to standard output" in str(receipt)


def test_standard_output_fails(run, monkeypatch):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(ExportError, match="standard output cannot be written: No space left"):
        loadlab.export.openmetrics(run)


def test_nobody_reads_standard_output_any_more(run, monkeypatch):
    """As after ``| head``: the rest is dropped, and the call ends as always."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        assert loadlab.export.openmetrics(run, form="backfill").left == 0


def test_a_pushgateway(run, gateway):
    receipt = loadlab.export.openmetrics(run, gateway.url)
    labels, count = stored(gateway)
    assert labels == {"job": "loadlab", "service": "shop", "environment": "staging"}
    assert count == receipt.sent == loadlab.export.plan_openmetrics(run, gateway.url).numbers["samples"]
    ((path, headers),) = gateway.requests
    assert path == "/metrics/job/loadlab/service/shop/environment/staging"
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    told = {
        (name, *(part for label in labels for part in label)): value
        for (name, *labels), value in gateway.samples().items()
    }
    requests = [value for each, value in told.items() if each[0] == "loadlab_requests_total"]
    assert sum(requests) == 60


def test_another_run_replaces_the_group(run, gateway, tmp_path):
    loadlab.export.openmetrics(full_run(tmp_path, seconds=9)[0], gateway.url)
    loadlab.export.openmetrics(run, gateway.url, run_id=True)
    assert stored(gateway)[1] == loadlab.export.plan_openmetrics(run, gateway.url).numbers["samples"]
    loadlab.export.openmetrics(run, gateway.url, service="other", instance="a")
    assert len(gateway.groups) == 2


@pytest.mark.parametrize("value", ["a/b", "..", ".", "ü b", "a?b#c", "%2F", "", "a.b-c_d"])
def test_any_value_is_a_group(run, gateway, value):
    labels = {"service": f"{value}/", "environment": value or "x"}
    hostile = SampleRun(run.path, labels=labels, **run.tables)
    loadlab.export.openmetrics(hostile, gateway.url, job=value or "j", instance=value)
    wanted = {"job": value or "j", "service": f"{value}/", "environment": value or "x", "instance": value}
    assert stored(gateway)[0] == {name: text for name, text in wanted.items() if text}


def test_a_path_before_metrics(run, gateway):
    gateway.path = "/prefix"
    loadlab.export.openmetrics(run, f"{gateway.url}/prefix/")
    assert gateway.requests[0][0].startswith("/prefix/metrics/job/loadlab/")


@pytest.mark.parametrize("fault", [503, 429, "cut before", "cut after"])
def test_patience(run, gateway, waits, fault):
    gateway.faults = [fault, fault, fault]
    receipt = loadlab.export.openmetrics(run, gateway.url)
    assert (receipt.left, receipt.in_doubt, len(waits), len(gateway.requests)) == (0, (), 3, 4)
    assert stored(gateway)[1] == receipt.sent


def test_patience_ends(run, gateway):
    gateway.faults = [503] * 9
    with pytest.raises(ExportError) as raised:
        loadlab.export.openmetrics(run, gateway.url, timeout_s=0)
    samples = loadlab.export.plan_openmetrics(run, gateway.url).numbers["samples"]
    assert str(raised.value) == (
        f"Run {run.id} to the Pushgateway {gateway.url}, job loadlab, service shop, environment staging: sent 0 "
        f"samples in 0 requests, {samples:,} were not sent. It stopped because of this: {gateway.url} answered 503 "
        "Service Unavailable. Not sent: 1 request, the prometheus text first. To send the rest: the same call again; "
        "sending again replaces what was sent."
    )
    assert raised.value.receipt.left == samples


def test_a_redirect_is_no_success(run, gateway):
    gateway.faults = [302]
    with pytest.raises(ExportError) as raised:
        loadlab.export.openmetrics(run, gateway.url)
    assert "answered 302 Found, to http://bob:...@" in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert len(gateway.requests) == 1


def test_the_gateways_own_words(run, gateway):
    loadlab.export.openmetrics(run, gateway.url)
    family = gateway.groups.popitem()[1]["loadlab_requests"]
    family.type = "gauge"
    gateway.groups[("job", "other"),] = {"loadlab_requests": family}
    with pytest.raises(ExportError, match=r"400 Bad Request: pushed metrics are invalid .* is not a gauge"):
        loadlab.export.openmetrics(run, gateway.url)
    assert len(gateway.requests) == 2  # not tried again


def test_a_backfill_would_be_refused(run, gateway):
    """Why the form is refused before anything is sent."""
    plan = loadlab.export.plan_openmetrics(run, gateway.url)
    (parcel,) = loadlab.export.plan_openmetrics(run, form="backfill").parcels
    with pytest.raises(loadlab.export.NotDelivered, match="must not have timestamps"):
        plan.place.connect().deliver(parcel)


def test_credentials_are_used_and_never_shown(run, gateway, monkeypatch, tmp_path):
    gateway.user = "bob:hunter2/@"
    to = f"http://bob:hunter2%2F%40@{gateway.address}"
    plan = loadlab.export.plan_openmetrics(run, to)
    receipt = plan.send()
    assert "hunter2" not in f"{plan!r} {plan} {plan.place!r} {receipt!r} {receipt}"
    gateway.user = "bob:changed"
    with pytest.raises(
        ExportError, match=r"401 Unauthorized: give user and password in the URL or in ~/\.netrc"
    ) as raised:
        loadlab.export.openmetrics(run, to)
    assert "hunter2" not in str(raised.value)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login bob password changed\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    assert loadlab.export.openmetrics(run, gateway.url).left == 0


def test_nobody_there(run):
    to = "http://bob:hunter2@127.0.0.1:9"
    with pytest.raises(ExportError, match=r"http://127\.0\.0\.1:9 cannot be reached: .*Connection refused") as raised:
        loadlab.export.openmetrics(run, to, timeout_s=0)
    assert "hunter2" not in str(raised.value)


def test_no_tls_there(run, gateway):
    with pytest.raises(ExportError, match=rf"https://{gateway.address}: .*Not sent: 1 request"):
        loadlab.export.openmetrics(run, f"https://{gateway.address}", timeout_s=0)


@pytest.mark.parametrize("to", ["http://127.0.0.1:9", "-", "never.prom"])
def test_a_dry_run_sends_nothing(run, tmp_path, monkeypatch, capsys, to):
    monkeypatch.chdir(tmp_path)
    receipt = loadlab.export.openmetrics(run, to, dry_run="out.txt")
    assert str(receipt).endswith("samples written to out.txt. Nothing was sent.")
    assert Path("out.txt").read_bytes() == body_of(run, to)
    assert [each.name for each in Path().iterdir()] == ["out.txt"]
    assert capsys.readouterr().out == ""


def test_a_dry_run_without_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    receipt = loadlab.export.openmetrics(SampleRun(tmp_path), dry_run=True)
    assert receipt.file == Path("openmetrics-dry-run.txt")
    assert receipt.file.read_text() == "# EOF\n"
