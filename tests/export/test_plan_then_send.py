"""The seam of all exporters: a plan, a ledger, and a place that accepts, refuses or loses its answer."""

import gzip
import subprocess
import sys
import textwrap

import pytest

from loadlab.errors import ExportError
from loadlab.export import NotDelivered, Parcel, Plan, sending


class Shelf:
    """A place in memory. `faults` are met in turn, one an attempt: None accepts, an exception is raised before the
    parcel is kept, ("after", exception) when it was kept already."""

    name, unit = "shelf", "boxes"

    def __init__(self, identity="shelf 1"):
        self.identity = identity
        self.kept = []
        self.faults = []

    def connect(self):
        return self

    def remaining(self, parcels, accepted):
        return [parcel for parcel in parcels if parcel.body not in accepted]

    def deliver(self, parcel):
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, tuple):
            self.kept.append(parcel.body)
            raise fault[1]
        if fault is not None:
            raise fault
        self.kept.append(parcel.body)


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """Waits take no time, and are counted."""
    waited = []
    monkeypatch.setattr(sending.time, "sleep", waited.append)
    return waited


def plan(shelf, folder, count=4, **changes):
    parcels = tuple(Parcel(f"box {i}\n".encode(), i + 1, f"minute {i}") for i in range(count))
    numbers = {"boxes": 10, "dollars": 0.25}
    return Plan("boxes to a shelf", numbers, ("<b> is folded",), parcels, shelf, folder, **changes)


def test_a_plan_tells_itself(shelf, tmp_path):
    made = plan(shelf, tmp_path)
    assert str(made) == repr(made) == "boxes to a shelf\n    10  boxes\n  0.25  dollars\n  - <b> is folded"
    assert "&lt;b&gt; is folded" in made._repr_html_()
    assert "<b>" not in made._repr_html_()


def test_a_plan_writes_its_exact_bodies(shelf, tmp_path):
    made = plan(shelf, tmp_path)
    assert made.write(tmp_path / "new" / "out.txt").read_bytes() == b"box 0\nbox 1\nbox 2\nbox 3\n"
    assert gzip.decompress(made.write(tmp_path / "out.gz").read_bytes()) == b"box 0\nbox 1\nbox 2\nbox 3\n"
    assert shelf.kept == []
    with pytest.raises(ExportError, match="cannot be written"):
        made.write(tmp_path / "out.gz" / "below")


def test_sent_once(shelf, tmp_path):
    receipt = plan(shelf, tmp_path).send()
    assert (receipt.sent, receipt.requests, receipt.before, receipt.left, receipt.in_doubt) == (10, 4, 0, 0, ())
    again = plan(shelf, tmp_path).send()
    assert (again.sent, again.before) == (0, 10)
    assert len(shelf.kept) == 4
    assert str(again) == "boxes to a shelf: nothing is left to send, 10 had been sent before."
    assert receipt.ledger.parent == tmp_path / "exports"


def test_another_place_has_another_ledger(tmp_path):
    first, second = Shelf("eu"), Shelf("us")
    assert plan(first, tmp_path).send().ledger != plan(second, tmp_path).send().ledger
    assert len(second.kept) == 4


def test_throttled_and_tried_again(shelf, tmp_path, waits):
    shelf.faults = [None, *[NotDelivered("slow down", again=True)] * 8]
    receipt = plan(shelf, tmp_path).send()
    assert (receipt.sent, receipt.in_doubt) == (10, ())
    assert all(low <= wait <= 2 * low for low, wait in zip([0.25, 0.5, 1, 2, 4, 8, 10, 10], waits, strict=True))


def test_patience_ends(shelf, tmp_path):
    shelf.faults = [None, NotDelivered("slow down", again=True)]
    with pytest.raises(ExportError, match=r"slow down\. Not sent: 3 requests, minute 1 first\. To") as raised:
        plan(shelf, tmp_path).send(timeout_s=0)
    receipt = raised.value.receipt
    assert (receipt.sent, receipt.left, receipt.in_doubt) == (1, 9, ())
    assert plan(shelf, tmp_path).send().before == 1
    assert shelf.kept == [b"box 0\n", b"box 1\n", b"box 2\n", b"box 3\n"]


def test_a_refusal_is_not_tried_again(shelf, tmp_path, waits):
    shelf.faults = [None, None, NotDelivered("access denied")]
    with pytest.raises(ExportError, match="access denied"):
        plan(shelf, tmp_path).send()
    assert waits == []
    assert plan(shelf, tmp_path).send().in_doubt == ()


def test_a_lost_answer_is_told(shelf, tmp_path):
    shelf.faults = [None, ("after", NotDelivered("cut", again=True, in_doubt=True))]
    receipt = plan(shelf, tmp_path).send()
    assert receipt.in_doubt == ("minute 1",)
    assert "May have been counted twice, because an answer was lost: minute 1." in str(receipt)
    assert shelf.kept.count(b"box 1\n") == 2  # the window that the documentation names
    assert plan(shelf, tmp_path).send().in_doubt == ("minute 1",)


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("kept", [True, False], ids=["after", "before"])
def test_a_crash_at_every_parcel(shelf, tmp_path, place, kept):
    shelf.faults = [None] * place + [("after", MemoryError()) if kept else MemoryError()]
    with pytest.raises(MemoryError):
        plan(shelf, tmp_path).send()
    receipt = plan(shelf, tmp_path).send()
    assert set(shelf.kept) == {parcel.body for parcel in plan(shelf, tmp_path).parcels}
    assert len(shelf.kept) == 4 + kept
    assert receipt.in_doubt == (f"minute {place}",)


def test_a_torn_ledger(shelf, tmp_path):
    whole = plan(shelf, tmp_path, 2).send().ledger.read_bytes()
    newlines = [i for i, byte in enumerate(whole) if byte == ord("\n")]
    for end in sorted({*range(0, len(whole), 29), *newlines, *(i + 1 for i in newlines)}):
        place = Shelf()
        ledger = tmp_path / "torn.jsonl"
        ledger.write_bytes(whole[:end])
        receipt = plan(place, tmp_path, 2, ledger=ledger).send()
        lines = whole[:end].splitlines(keepends=True)
        known = sum(line.startswith(b'{"accepted"') and line.endswith(b"\n") for line in lines)
        assert len(place.kept) == 2 - known
        assert receipt.left == 0
        assert plan(place, tmp_path, 2, ledger=ledger).send().sent == 0


def test_two_exports_at_a_time(shelf, tmp_path):
    made = plan(shelf, tmp_path)
    with sending.find_ledger(shelf, tmp_path, None, "shelf 1"), pytest.raises(ExportError, match="Another process"):
        made.send()
    assert shelf.kept == []
    assert made.send().sent == 10


@pytest.mark.parametrize(
    "text", ["no json\n", '{"ledger": 9, "place": "shelf 1"}\n', '{"ledger": 1, "place": "x"}\n', "[]\n"]
)
def test_a_foreign_ledger(shelf, tmp_path, text):
    (tmp_path / "ledger").write_text(text)
    with pytest.raises(ExportError, match="nothing was sent"):
        plan(shelf, tmp_path, ledger=tmp_path / "ledger").send()
    assert shelf.kept == []
    assert (tmp_path / "ledger").read_text() == text


def test_no_room_for_a_ledger(shelf, tmp_path):
    (tmp_path / "exports").write_text("")
    with pytest.raises(ExportError, match="Give another file as ledger"):
        plan(shelf, tmp_path).send()
    assert shelf.kept == []


def test_a_killed_process_leaves_a_ledger_that_can_be_resumed(tmp_path):
    script = textwrap.dedent(f"""
        import os, pathlib, sys
        sys.path.insert(0, {str(__file__).rpartition("/")[0]!r})
        from test_plan_then_send import Shelf, plan
        shelf = Shelf()
        deliver = shelf.deliver
        def die(parcel):
            deliver(parcel)
            if len(shelf.kept) == 3:
                os.kill(os.getpid(), 9)
        shelf.deliver = die
        plan(shelf, pathlib.Path({str(tmp_path)!r})).send()
    """)
    assert subprocess.run([sys.executable, "-c", script], timeout=120).returncode == -9
    shelf = Shelf()
    receipt = plan(shelf, tmp_path).send()
    assert shelf.kept == [b"box 2\n", b"box 3\n"]  # the third was accepted, and nobody could write that down
    assert receipt.in_doubt == ("minute 2",)
