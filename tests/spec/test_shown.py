"""What a load test shows of itself: what differs from its defaults, with units, and nothing that is obeyed."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from loadlab.spec import GuardRails, KubernetesOptions, LoadTest, Stage

HOSTILE = """<img src=x onerror="alert(1)"></td><script>alert(2)</script>"""


class Reader(HTMLParser):
    """The cells of a table, and every element there is."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def test_a_load_test_tells_what_differs_from_its_defaults() -> None:
    test = LoadTest(
        locustfile="shop.py", host="http://shop.example", users=1500, spawn_rate=7.5, run_time="90s", lease=None,
        criteria="p99 < 300ms; error_ratio < 1%", labels={"build": "7"}, trace_headers=False,
    )  # fmt: skip
    assert repr(test) == (
        "LoadTest(locustfile='shop.py', host='http://shop.example', users=1500, spawn_rate=7.5, run_time='1m30s', "
        "labels={'build': '7'}, criteria=['p99 < 300ms', 'error_ratio < 1%'], lease=None, trace_headers=False)"
    )
    assert eval(repr(test)) == test
    rows = read(test._repr_html_()).rows
    assert [row[:2] for row in rows[1:]] == [
        ["locustfile", "shop.py"],
        ["host", "http://shop.example"],
        ["users", "1,500"],
        ["spawn_rate", "7.5 users/s"],
        ["run_time", "1m30s"],
        ["labels", "build=7"],
        ["criteria", "p99 < 300ms; error_ratio < 1%"],
        ["lease", "none"],
        ["trace_headers", "no"],
    ]


def test_stages_and_other_specifications_can_be_read_too() -> None:
    test = LoadTest(locustfile="shop.py", stages=["50/10/30s/peak", Stage(users=5, spawn_rate=10, duration=60)])
    assert eval(repr(test)) == test
    assert ["stages", "50/10/30s/peak, 5/10/1m"] in [row[:2] for row in read(test._repr_html_()).rows]
    assert repr(test.stages[0]) == "Stage(users=50, spawn_rate=10.0, duration='30s', name='peak')"
    assert "context=['kind']" in repr(KubernetesOptions(context="kind"))
    assert "max_users=10" in repr(GuardRails(contexts=["a"], namespaces=["b"], targets=["c"], max_users=10))


def test_nothing_in_it_is_obeyed_and_no_secret_is_shown() -> None:
    test = LoadTest(
        locustfile="shop.py",
        host="http://bob:hunter2@shop.example",
        description=HOSTILE + " password=hunter2",
        labels={"note": HOSTILE},
        environment={"SHOP_KEY": "hunter2"},
    )
    reader = read(test._repr_html_())
    assert reader.elements == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert any(HOSTILE in cell for row in reader.rows for cell in row)
    assert "hunter2" not in test._repr_html_() + repr(test)
