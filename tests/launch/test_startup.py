"""What is wrong with a locustfile or a target is said in the person's own terms, and nothing is left running."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from ports import reserve_ports

import loadlab
from loadlab.errors import LaunchError, LaunchTimeout, LoadlabError, LocustfileError, SpecError, TargetUnreachable
from loadlab.launch import LocalLauncher
from loadlab.launch.diagnosis import explain, user_classes
from loadlab.launch.local import LocalSwarm

GOOD = (
    "from locust import HttpUser, task\nclass U(HttpUser):\n    @task\n    def t(self):\n        self.client.get('/')\n"
)

BROKEN = {
    "syntax error": (
        "from locust import HttpUser\n\nclass U(HttpUser)\n    pass\n",
        LocustfileError,
        ["line 3", "SyntaxError: expected ':'", "3 | class U(HttpUser)"],
    ),
    "missing module": (
        "import nothing_of_that_name\n",
        LocustfileError,
        ["line 1", "No module named 'nothing_of_that_name'", "1 | import nothing_of_that_name", "Install it"],
    ),
    "no user class": ("x = 1\n", LocustfileError, ["no User class found", "HttpUser"]),
    "exception on import": (
        "from locust import HttpUser\n\ndef price():\n    return {}['EUR']\n\nPRICE = price()\n",
        LocustfileError,
        ["line 4", "KeyError: 'EUR'", "4 | return {}['EUR']"],
    ),
    "own load shape and stages": (
        GOOD
        + "from locust import LoadTestShape\nclass S(LoadTestShape):\n    def tick(self):\n        return (1, 1)\n",
        SpecError,
        ["stages: shop.py has a load shape of its own, S, which decides on the users: leave the stages out"],
    ),
    "an error whose line speaks of load stages": (
        "text = 'loadlab: the test has load stages'; 1 / 0\n",
        LocustfileError,
        ["line 1", "ZeroDivisionError"],
    ),
    "an exit": (
        "import sys\n\nsys.exit(0)\n",
        LocustfileError,
        ["line 3: this ended Locust", "code 0", "3 | sys.exit(0)"],
    ),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_locustfile_is_named_with_its_line(case: str, workers: int, tmp_path: Path) -> None:
    source, kind, words = BROKEN[case]
    locustfile = tmp_path / "shop.py"
    locustfile.write_text(source)
    test = loadlab.LoadTest(locustfile=locustfile, workers=workers, host="http://127.0.0.1:9", check_host=False)
    if "stages" in case:
        test = test.replace(stages="1/1/5s")
    with pytest.raises(kind) as raised:
        loadlab.run(test, runs=tmp_path / "runs")
    for word in words:
        assert word in str(raised.value)
    assert_nothing_is_left(tmp_path)


def test_an_error_in_a_helper_module_is_found_there(tmp_path: Path) -> None:
    (tmp_path / "prices.py").write_text("RATE = 1 / 0\n")
    (tmp_path / "shop.py").write_text("import prices\n" + GOOD)
    with pytest.raises(LocustfileError, match=r"prices.py, line 1: ZeroDivisionError"):
        loadlab.run(loadlab.LoadTest(locustfile=tmp_path / "shop.py"), runs=tmp_path / "runs")
    assert_nothing_is_left(tmp_path)


def test_options_that_nobody_knows(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(GOOD)
    test = loadlab.LoadTest(locustfile=tmp_path / "shop.py", locust_options=["--no-such-option", "5"])
    with pytest.raises(SpecError, match="no-such-option"):
        loadlab.run(test, runs=tmp_path / "runs")
    assert_nothing_is_left(tmp_path)


def test_a_user_class_that_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(GOOD)
    test = loadlab.LoadTest(locustfile=tmp_path / "shop.py", user_classes=["Nobody"])
    with pytest.raises(SpecError, match=r"got 'Nobody'; allowed: the user classes in .*shop\.py: U\.$"):
        loadlab.run(test, runs=tmp_path / "runs")


@pytest.mark.parametrize(
    ("source", "exit_code"),
    [
        ("environment.runner.quit()\n", 1),
        ("self.exit()\n", 1),
        ("cursor.sys.exit()\n", 1),
        ("import sys\nif broken:\n    sys.exit(3)\n", -9),
        ("import sys\nif broken:\n    sys.exit(3)\n", 137),
        ("import sys\nif broken:\n    sys.exit(3)\n", None),
    ],
)
def test_an_end_that_was_not_the_locustfiles_is_not_put_down_to_it(
    source: str, exit_code: int | None, tmp_path: Path
) -> None:
    (tmp_path / "shop.py").write_text(GOOD + source)
    error = explain("worker-1", "Connection to master lost", exit_code, tmp_path / "shop.py")
    assert not isinstance(error, LocustfileError)
    assert f"worker-1 ended with exit code {exit_code} before the test began" in str(error)


def test_the_user_classes_of_a_locustfile(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "import locust\nclass Base(locust.FastHttpUser):\n    abstract = True\nclass Visitor(Base): ...\n"
        "class Browse(locust.TaskSet): ...\nclass Buyer(Visitor): ...\n"
    )
    assert user_classes(tmp_path / "shop.py") == ["Visitor", "Buyer"]


def test_a_target_that_nobody_serves(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(GOOD)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(TargetUnreachable, match="Connection refused") as raised:
            loadlab.run(loadlab.LoadTest(locustfile=tmp_path / "shop.py", host=host), runs=tmp_path / "runs")
    assert host in str(raised.value)
    assert_nothing_is_left(tmp_path)


def test_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(GOOD)
    test = loadlab.LoadTest(locustfile=tmp_path / "shop.py", host="http://no-such-host.invalid")
    with pytest.raises(TargetUnreachable, match="cannot be resolved"):
        loadlab.run(test, runs=tmp_path / "runs")


def test_a_locustfile_that_never_finishes_loading(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "import time\nprint('waiting for the moon', flush=True)\ntime.sleep(600)\n" + GOOD
    )
    log = tmp_path / "run" / "logs" / "master.log"
    with pytest.raises(LaunchTimeout, match="waiting for the moon"):
        LocalLauncher(timeout_s=1).launch(
            loadlab.LoadTest(locustfile=tmp_path / "shop.py"),
            run_id="r1",
            folder=tmp_path / "run",
            meanwhile=lambda: wait_for_text(log, "waiting for the moon"),
        )
    assert_nothing_is_left(tmp_path)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_port_that_another_program_took_first_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer_with: Callable[[bytes], int], workers: int
) -> None:
    (tmp_path / "shop.py").write_text(GOOD)
    taken = answer_with(b'{"state": "ready"}')
    choices = [[taken, reserve_ports(1)[0]], reserve_ports(2)]
    monkeypatch.setattr("loadlab.launch.local.free_ports", lambda _: choices.pop(0))
    swarm = LocalLauncher().launch(
        loadlab.LoadTest(locustfile=tmp_path / "shop.py", host="http://127.0.0.1:9", check_host=False, workers=workers),
        run_id="r1",
        folder=tmp_path / "run",
    )
    try:
        assert not choices
        assert str(taken) not in swarm.url
    finally:
        swarm.close()
    assert_nothing_is_left(tmp_path)


def wait_for_text(file: Path, text: str) -> None:
    """Wait until a process has written `text` to `file`; the time only guards against hanging."""
    deadline = time.monotonic() + 90
    while text not in file.read_text():
        assert time.monotonic() < deadline, f"never came: {text}"
        time.sleep(0.05)


def test_a_locustfile_that_is_misspelt(tmp_path: Path) -> None:
    (tmp_path / "storefront.py").write_text(GOOD)
    with pytest.raises(LoadlabError, match=r"storefront\.py"):
        loadlab.run(loadlab.LoadTest(locustfile=tmp_path / "storefornt.py"), runs=tmp_path / "runs")


def assert_nothing_is_left(tmp_path: Path) -> None:
    assert not list(tmp_path.glob("runs/*"))
    for process in psutil.process_iter(["cmdline", "status"]):
        words = " ".join(process.info["cmdline"] or [])
        assert str(tmp_path) not in words or process.info["status"] == psutil.STATUS_ZOMBIE


def test_a_path_that_locust_would_cut_in_two(tmp_path: Path) -> None:
    folder = tmp_path / "a,b"
    folder.mkdir()
    (folder / "shop.py").write_text(GOOD)
    with pytest.raises(SpecError, match="comma"):
        loadlab.run(loadlab.LoadTest(locustfile=folder / "shop.py"), runs=tmp_path / "runs")


@pytest.mark.parametrize("attempt", range(3))
def test_a_refusal_is_one_message_and_a_clean_exit(tmp_path: Path, attempt: int) -> None:
    (tmp_path / "shop.py").write_text("import nothing_of_that_name\n")
    command = [sys.executable, "-m", "loadlab", "run", "--locustfile", "shop.py", "--host", "http://127.0.0.1:9"]
    command += ["--no-check-host", "--env", "SECRET=hunter2"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 4, ended.stderr
    assert "No module named 'nothing_of_that_name'" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Fatal" not in ended.stderr


def test_stages_cannot_be_steered(tmp_path: Path) -> None:
    class Api:
        def status(self) -> dict[str, object]:
            return {"ended": False, "shape": "StagesShape"}

    (tmp_path / "shop.py").write_text(GOOD)
    swarm = LocalSwarm(loadlab.LoadTest(locustfile=tmp_path / "shop.py", stages="1/1/5s"), "r1", tmp_path)
    swarm._api = Api()
    with pytest.raises(LaunchError, match=r"cannot be changed: the test's stages decide on it$"):
        swarm.set_users(5, spawn_rate=1)
