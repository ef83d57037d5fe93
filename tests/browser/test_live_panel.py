"""The live panel in a real JupyterLab: watched, steered, closed and opened again, left without its kernel, taken over.

One story in two sessions, told in steps that follow each other; what the page showed on the way is compared with the
archive.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_lab import IDLE, JupyterLab, jupyter_lab
from playwright.sync_api import Browser, BrowserContext, Page
from targets import storefront
from watched_page import Watch, open_offline, watch

import loadlab
from loadlab.analyse import Histogram
from loadlab.plot import format_count, format_ms, format_number, format_percent
from loadlab.report import export_html

HOSTILE = """<img src=x onerror="window.obeyed = 'img'"></td><svg onload="window.obeyed = 'svg'"> $x$ {{7*7}}"""
LOCUSTFILE = f"""
from locust import FastHttpUser, constant_pacing, task


class Visitor(FastHttpUser):
    wait_time = constant_pacing(0.1)

    @task(3)
    def health(self):
        self.client.get("/health")

    @task
    def missing(self):
        self.client.get("/nowhere", name={HOSTILE!r})
"""
START = """import loadlab, os
print("kernel", os.getpid())
test = loadlab.LoadTest(locustfile="visitor.py", host={host!r}, users=10, spawn_rate=20, run_time="5m", workers=0,
                        lease="3m", criteria=["error_ratio < 1%"])
live = loadlab.start(test)
live"""
ATTACH = """import loadlab
live = loadlab.attach()
live"""
AWAIT = """run = await live
run"""
PICTURE = """panel => ({
    run: panel.querySelector("header b").textContent,
    state: panel.querySelector(".state").textContent,
    as_of: panel.querySelector(".as-of").textContent,
    numbers: Object.fromEntries([...panel.querySelectorAll("[data-number]")].map(e => [e.dataset.number, e.innerText])),
    rows: [...panel.querySelectorAll("tbody tr")].map(row => [...row.children].map(cell => cell.textContent)),
    lines: [...panel.querySelectorAll("svg path:not(.grid)")].map(path => path.getAttribute("d")),
    criteria: [...panel.querySelectorAll(".criteria li")].map(item => item.textContent),
})"""


@dataclass
class Story:
    """What the steps share: the notebooks' folder, the page that is open, and what it showed."""

    lab: JupyterLab
    context: BrowserContext
    runs: Path
    page: Page = field(init=False)
    seen: list[Watch] = field(default_factory=list)
    pictures: list[dict[str, Any]] = field(default_factory=list)

    def open(self, notebook: str) -> Page:
        """Open the notebook in a new page, as somebody who comes back; each in a workspace of its own."""
        self.page = self.context.new_page()
        self.seen.append(watch(self.context, self.page, self.lab.url))
        address = f"{self.lab.url}/lab/workspaces/w{len(self.seen)}/tree/{notebook}"
        self.page.goto(f"{address}?token={self.lab.token}")
        self.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        return self.page

    def menu(self, menu: str, entry: str) -> None:
        self.page.click(f'.lm-MenuBar-itemLabel:text-is("{menu}")')
        self.page.click(f'.lm-Menu-itemLabel:text-is("{entry}")')

    def save(self) -> None:
        self.page.keyboard.press("Control+s")
        self.page.wait_for_selector("#jp-main-dock-panel .jp-mod-dirty", state="detached")

    def picture(self, kind: str = "live") -> dict[str, Any]:
        picture: dict[str, Any] = self.page.locator(f".loadlab-{kind}").evaluate(PICTURE)
        return picture

    def until(self, condition: Any, kind: str = "live") -> dict[str, Any]:
        """The first picture of which `condition` holds."""
        deadline = time.monotonic() + 90
        while not self.page.is_visible(f".loadlab-{kind}"):
            assert time.monotonic() < deadline, self.page.inner_text(".jp-Notebook")
            self.page.wait_for_timeout(150)
        while not condition(picture := self.picture(kind)):
            assert time.monotonic() < deadline, picture
            self.page.wait_for_timeout(150)
        return picture

    def kernel_pid(self) -> int:
        found = re.findall(r"kernel (\d+)", self.page.inner_text(".jp-Notebook"))
        return int(found[-1])


@contextmanager
def notebooks(root: Path, host: str) -> Iterator[None]:
    (root / "visitor.py").write_text(LOCUSTFILE)
    for name, cells in (("run", [START.format(host=host), AWAIT]), ("attach", [ATTACH, AWAIT])):
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(book, root / f"{name}.ipynb")
    yield


@pytest.fixture(scope="module")
def story(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    base = tmp_path_factory.mktemp("live")
    root, home = base / "project", base / "home"
    root.mkdir()
    home.mkdir()
    with storefront() as shop, notebooks(root, shop.url), jupyter_lab(root, home) as lab:
        context = browser.new_context(viewport={"width": 1280, "height": 1400})
        context.set_default_timeout(90_000)
        yield Story(lab, context, root / "runs")
        context.close()


def requests_shown(picture: dict[str, Any]) -> int:
    return int(picture["numbers"].get("requests", "0").replace(",", ""))


def test_it_shows_the_run_from_the_first_moment_and_moves(story: Story) -> None:
    story.open("run.ipynb").wait_for_selector(IDLE)
    story.menu("Run", "Run All Cells")
    first = story.until(lambda seen: seen["state"] == "steady" and requests_shown(seen) > 50)
    broken = "✕ broken error_ratio < 1%"
    second = story.until(
        lambda seen: requests_shown(seen) > requests_shown(first) and seen["criteria"][0].startswith(broken)
    )
    assert second["as_of"] > first["as_of"]
    assert second["lines"] != first["lines"]
    assert second["numbers"]["users"] == "10 of 10"
    assert second["numbers"]["workers"] == "1 of 1"
    assert not story.page.is_visible(".loadlab-snapshot")
    story.pictures += [first, second]


def test_the_buttons_reach_the_kernel(story: Story) -> None:
    page = story.page
    page.get_by_role("button", name="+1 users").click()
    story.until(lambda seen: seen["numbers"]["users"] == "11 of 11")
    page.get_by_placeholder("what happens now").fill(f"deployed {HOSTILE}")
    page.get_by_role("button", name="Note").click()
    page.wait_for_selector("text=Noted.")
    story.pictures.append(story.until(lambda seen: requests_shown(seen) > requests_shown(story.pictures[-1])))


def test_a_page_that_is_opened_again_goes_on_and_stops_the_run(story: Story) -> None:
    story.save()
    story.page.close()
    story.open("run.ipynb")
    again = story.until(lambda seen: requests_shown(seen) > requests_shown(story.pictures[-1]))
    story.pictures.append(again)
    assert again["numbers"]["users"] == "11 of 11"
    story.page.get_by_role("button", name="Stop").click()
    story.pictures.append(story.until(lambda seen: seen["state"] == "stopped"))
    assert not story.page.get_by_role("button", name="Stop").is_visible()


def test_what_the_page_showed_was_so(story: Story) -> None:
    """By the archive, counted anew: everything up to the moment the page named, and the ten seconds before it."""
    run = loadlab.open_run("latest", story.runs)
    requests = run.requests.assign(second=(run.requests["time"].astype("int64") // 1_000_000).to_numpy())
    began = run.events.loc[run.events["kind"] == "test_start", "time"].iloc[0].timestamp()
    *live, final = story.pictures
    assert requests_shown(final) == requests["count"].sum()
    assert final["numbers"]["p95"] == format_ms(Histogram.from_column(requests["histogram"]).quantile(0.95))
    assert len(live) == 4
    for picture in live:
        moment = next(
            second + 1
            for second in sorted(set(requests["second"]))
            if f"as of {time.strftime('%H:%M:%S', time.gmtime(second + 1))} UTC" == picture["as_of"]
        )
        so_far = requests[requests["second"] < moment]
        window = so_far[so_far["second"] >= max(moment - 10, int(began))]
        seconds = moment - max(moment - 10, int(began))
        count, failures = int(window["count"].sum()), int(window["failures"].sum())
        assert requests_shown(picture) == so_far["count"].sum()
        numbers = picture["numbers"]
        assert numbers["errors"] == format_percent(failures / count)
        assert numbers["rps"] == format_number((count - failures) / seconds)
        p50, p95, p99 = Histogram.from_column(window["histogram"]).quantile([0.5, 0.95, 0.99])
        assert [numbers[name] for name in ("p50", "p95", "p99")] == [format_ms(each) for each in (p50, p95, p99)]
        assert [row[0] for row in picture["rows"]] == [f"GET {HOSTILE}"[:59] + "…", "GET /health"], "the worst first"
        by_name = {name: int(rows["count"].sum()) for name, rows in so_far.groupby("name", observed=True)}
        assert [row[1] for row in picture["rows"]] == [format_count(by_name[HOSTILE]), format_count(by_name["/health"])]
    notes = run.events.loc[run.events["kind"] == "note", "text"].tolist()
    assert notes == [f"deployed {HOSTILE}"]
    assert run.info["end_reason"] == "stopped"


def test_after_restart_and_run_all_it_is_the_new_run(story: Story) -> None:
    (before,) = loadlab.runs(story.runs)["id"]
    story.menu("Kernel", "Restart Kernel and Run All Cells…")
    story.page.click('.jp-Dialog button:has-text("Restart")')
    story.until(lambda seen: seen["state"] == "steady" and seen["run"] != before)
    new = loadlab.runs(story.runs)["id"].iloc[-1]
    assert story.picture()["run"] == new
    story.page.wait_for_selector(f'.loadlab-snapshot header b:text-is("{new}")', state="attached")
    story.until(lambda seen: story.picture("snapshot")["run"] == new and requests_shown(story.picture("snapshot")) > 0)
    story.save()


def test_without_its_kernel_it_says_that_it_is_not_live(story: Story) -> None:
    os.kill(story.kernel_pid(), signal.SIGKILL)
    story.page.wait_for_selector(".loadlab-live .stale:visible")
    last = story.picture()
    controls = story.page.locator("[class*=loadlab-controls]")
    assert float(controls.evaluate("each => getComputedStyle(each).opacity")) < 0.5
    assert controls.evaluate("each => getComputedStyle(each).pointerEvents") == "none"
    story.page.close()
    story.open("run.ipynb")
    story.page.wait_for_selector(".loadlab-snapshot .stale:visible")
    saved = story.picture("snapshot")
    assert 0 < requests_shown(saved) <= requests_shown(last)
    mark = story.page.inner_text(".loadlab-snapshot .stale")
    assert re.fullmatch(r"Picture of \d\d:\d\d:\d\d UTC, while it ran", mark)
    assert not story.page.get_by_text("model not found").is_visible()
    story.page.close()


def test_another_notebook_takes_the_run_over_and_keeps_a_static_picture(story: Story, browser: Browser) -> None:
    story.open("attach.ipynb").wait_for_selector(IDLE)
    story.menu("Run", "Run All Cells")
    story.until(lambda seen: seen["state"] == "steady")
    story.page.get_by_role("button", name="Stop").click()
    story.page.wait_for_selector('.jp-CodeCell .jp-InputPrompt:text-is("[2]:")')
    final = story.until(lambda seen: seen["state"] == "stopped", "final")
    run = loadlab.open_run("latest", story.runs)
    assert run.info["status"] == "finished"
    assert run.conservation["lost"] == 0
    assert requests_shown(final) == run.requests["count"].sum() == run.conservation["sent"]
    assert story.page.locator(".loadlab-live, .jupyter-widgets").count() == 0
    story.save()
    saved = nbformat.read(story.runs.parent / "attach.ipynb", as_version=4)
    kinds = {kind for cell in saved.cells for output in cell.outputs for kind in output.get("data", {})}
    assert kinds == {"text/html", "text/plain"}
    with open_offline(browser, export_html(story.runs.parent / "attach.ipynb")) as (page, seen):
        assert page.locator(".loadlab-final").evaluate(PICTURE)["numbers"] == final["numbers"]
        assert page.locator(".loadlab-final svg").count() == 3
        assert page.evaluate("window.obeyed") is None
        assert seen.misdeeds == []


def test_nothing_hostile_was_obeyed_and_nobody_else_asked(story: Story) -> None:
    assert story.page.evaluate("window.obeyed") is None
    assert story.page.locator("img[src=x], svg[onload]").count() == 0
    for seen in story.seen:
        assert seen.errors + seen.requests == []
        assert [text for text in seen.dialogs if text] == []
    assert json.loads((story.runs.parent / "attach.ipynb").read_text())["nbformat"] == 4
