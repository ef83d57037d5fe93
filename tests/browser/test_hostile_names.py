"""Hostile request names and error texts, from Locust to the page: counted, told, never obeyed, and without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from targets import storefront
from watched_page import open_offline, requests_by_endpoint, wait_for_figures

import loadlab
from loadlab.plot import format_count
from loadlab.report import export_html, run_notebook

MEGABYTE = 1_000_000
LOCUSTFILE = f'''
from locust import FastHttpUser, constant_pacing, task

HOSTILE = [
    """<img src=x onerror="window.obeyed = 'img'; fetch('http://127.0.0.1:9/img'); alert(1)">""",
    """</script><script>window.obeyed = 'script'; alert(2)</script>""",
    """</style></td></table><svg onload="window.obeyed = 'svg'">""",
    """"'><a href="javascript:window.obeyed = 'link'">'quotes' "both" `and` &amp; {{{{7*7}}}} $HOME %s \\\\""",
    "<b>" + "A" * {MEGABYTE},
    "nul \\0 bell \\a escape \\x1b[31m line\\nbreak",
    "\\U0001f9e8 emoji \\u202eright to left\\u202c",
    "lone \\ud83d surrogate",
    "Authorization: Bearer hunter2 for /login?token=hunter2",
]


class Attacker(FastHttpUser):
    wait_time = constant_pacing(0.4)

    @task
    def attack(self):
        for hostile in HOSTILE:
            self.client.get("/health", name=hostile)
            with self.client.get("/health", name="/health", catch_response=True) as response:
                response.failure(hostile)
'''
NAMES = 9


@dataclass
class Attack:
    """The executed notebook, the run, and the target's own count."""

    notebook: Path
    run: loadlab.Run
    served: int


@pytest.fixture(scope="module")
def attack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attack]:
    base = tmp_path_factory.mktemp("hostile")
    locustfile = base / "hostile.py"
    locustfile.write_text(LOCUSTFILE)
    with storefront() as shop:
        result = run_notebook(
            "load_test",
            {
                "host": shop.url,
                "locustfile": str(locustfile),
                "users": 2,
                "run_time": "3s",
                "runs": str(base / "runs"),
            },
            output_dir=base / "executed",
        )
        assert result.run_id is not None
        yield Attack(result.path, loadlab.open_run(result.run_id, base / "runs"), shop.count())


def test_everything_is_counted(attack: Attack) -> None:
    requests = attack.run.requests
    assert requests["count"].sum() == attack.served == attack.run.conservation["sent"]
    by_name = requests.groupby("name", observed=True)[["count", "failures"]].sum()
    assert len(by_name) == NAMES + 1
    failed = by_name.loc["/health", "failures"]
    assert (
        failed
        == by_name.loc["/health", "count"]
        == attack.run.errors["count"].sum()
        == attack.run.failures()["count"].sum()
    )
    assert by_name["count"].sum() == 2 * failed
    assert max(len(name) for name in by_name.index) < MEGABYTE


def test_the_notebook_shows_and_does_not_obey_it(attack: Attack, browser: Browser) -> None:
    page_path = export_html(attack.notebook)
    with open_offline(browser, page_path) as (page, seen):
        wait_for_figures(page, 6)
        shown = requests_by_endpoint(page)
        text = page.inner_text("body")
        assert page.evaluate("window.obeyed") is None
        assert page.locator("img[src=x], svg[onload], a[href^=javascript]").count() == 0
        assert seen.misdeeds == []
    assert shown["", "Aggregated"] == attack.served
    assert sum(shown.values()) == 2 * attack.served
    assert '<img src=x onerror="window.obeyed' in text
    assert "</script><script>window.obeyed" in text


def test_secrets_reach_neither_notebook_nor_page_nor_folder(attack: Attack) -> None:
    export_html(attack.notebook)
    kept = [
        path for folder in (attack.notebook.parent, attack.run.path) for path in folder.rglob("*") if path.is_file()
    ]
    assert {".ipynb", ".html", ".json", ".parquet"} <= {path.suffix for path in kept}
    assert not [path for path in kept if b"hunter2" in path.read_bytes()]
    assert "Authorization: ... for /login?token=..." in set(attack.run.requests["name"]) & set(
        attack.run.errors["sample"]
    )
    assert "hunter2" not in attack.run.requests["name"].to_csv() + attack.run.errors.to_csv()


def test_the_report_shows_and_does_not_obey_it(attack: Attack, browser: Browser) -> None:
    report = attack.run.path / "report.html"
    assert report.stat().st_size < 4 * MEGABYTE
    with open_offline(browser, report) as (page, seen):
        wait_for_figures(page, 6)
        for details in page.locator("details").all():
            details.evaluate("element => element.open = true")
        text = page.inner_text("body")
        assert page.evaluate("window.obeyed") is None
        assert page.locator("img[src=x], svg[onload], a[href^=javascript]").count() == 0
        assert seen.misdeeds == []
        headline = page.locator(".headlines > div", has_text="failed").inner_text().splitlines()
    assert headline[:2] == ["Requests", format_count(attack.served)]
    assert '<img src=x onerror="window.obeyed' in text
    assert "</script><script>window.obeyed" in text
