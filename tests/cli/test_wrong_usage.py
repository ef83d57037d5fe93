"""What is wrong is told in one message, with the nearest valid name and the right exit code."""

import pytest

from loadlab import workbench
from loadlab.spec import LoadTest, option_name


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--user", "5"], "No such option '--user'. Did you mean '--users'?\n"),
        (["run", "--spwan-rate", "5"], "--spawn-rate"),
        (["rnu"], "No such command 'rnu'. Did you mean 'run'?"),
        (["run"], "name a TEST.yaml or --locustfile FILE; see loadlab run --help"),
        (["run", "visitor.py"], "visitor.py is a locustfile; give it as: --locustfile visitor.py"),
        (["run", "--locustfile", "visitor.py", "--report", "."], "--report: got '.'; allowed: the name of a file"),
        (["run", "--locustfile", "visitor.py", "--report", "out/a.html"], "there is no folder out"),
        (
            ["run", "--locustfile", "visitor.py", "--report", "/proc/a.html"],
            "--report: got '/proc/a.html'; allowed",
        ),
        (
            ["run", "--locustfile", "visitor.py", "--report", "out.xml", "--junit", "./out.xml"],
            "--report: got 'out.xml'; allowed: another file than that of --junit.",
        ),
        (["run", "--locustfile", "readme.md"], "locustfile: got 'readme.md'; allowed: a file that ends in .py."),
        (["run", "--locustfile", "visitor.py", "--run-time", "0"], "run_time: got 0; allowed"),
        (["run", "--locustfile", "visitor.py", "--workers", "1.5"], "a whole number of 0 or more.\n"),
        (["run", "--locustfile", "visitor.py", "--host", "htp://a:1"], "Did you mean 'http://a:1'?"),
        (["report", "-o", "."], "--output: got '.'; allowed: the name of a file; this is a folder"),
        (["report", "-o", "out/a.html"], "--output: got 'out/a.html'; allowed: a file in a folder that exists"),
        (["notebook", "load_test", "-o", "/proc/x"], "output_dir: got '/proc/x'; allowed: a folder that can be made"),
        (["notebook", "load_test", "-p", "users=x", "-p", "spwan_rate=5"], "2 problems:"),
        (["demo", "--run-time", "x"], "run_time: got 'x'"),
        (["demo", "--run-time", "0"], "run_time: got '0'"),
        (["demo", "--workers", "-1"], "workers: got -1; allowed: a whole number of 0 or more"),
        (["demo", "--runs", "/proc/x"], "runs: got '/proc/x'; allowed: a folder that can be made"),
        (["run", "--locustfile", "visitr.py"], "Did you mean 'visitor.py'?"),
        (["run", "visitor.yaml"], "test file: got 'visitor.yaml'"),
        (["run", "--locustfile", "visitor.py", "--users", "five"], "users: got 'five'; allowed: a whole number"),
        (["run", "--locustfile", "visitor.py", "--host", "localhost:80"], "Did you mean 'http://localhost:80'?"),
        (["run", "--locustfile", "visitor.py", "--label", "service"], "--label: got 'service'; allowed: NAME=VALUE"),
        (["run", "--locustfile", "visitor.py", "--stage", "50/10"], "stages[0]: got '50/10'"),
        (["run", "--locustfile", "visitor.py", "--locust-options", "--headless"], "locust_options[0]"),
        (["show"], "There are no runs in"),
        (["show", "--runs", "nowhere"], "nowhere"),
        (["runs", "--runs", "nowhere"], "There is no folder nowhere; name the one that keeps the runs."),
        (["runs", "--status", "done"], "'done' is not one of 'running', 'finished', 'recovered', 'unfinished'"),
        (["runs", "--since", "yesterday"], "since: got 'yesterday'"),
        (["notebook", "load_tset"], "Did you mean 'load_test'?"),
        (["notebook", "load_test", "-p", "spwan_rate=5"], "Did you mean 'spawn_rate'?"),
        (["notebook", "load_test", "-p", "users=many"], "parameter 'users': got 'many'; allowed: a whole number"),
        (["notebook", "load_test", "--timeout", "1 hour"], "--timeout: got '1 hour'"),
    ],
)
def test_wrong_usage(cli, folder, words, message):
    (folder / "readme.md").write_text("# Read me")
    answer = cli(*words)
    assert answer.exit_code == 2
    assert message in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "starting" not in answer.stderr
    assert not (folder / "runs").exists()
    assert not (folder / "executed").exists()


def test_all_problems_of_file_and_options_at_once(cli, folder):
    (folder / "test.yaml").write_text("{locustfile: visitr.py, usres: 5}")
    answer = cli("run", "test.yaml", "--run-time", "soon")
    assert answer.stderr.startswith("loadlab: 3 problems:\n")
    for part in ("'usres'", "run_time: got 'soon'", "Did you mean 'visitor.py'?"):
        assert part in answer.stderr


def test_options_beside_the_stages_of_a_file(cli, folder):
    (folder / "test.yaml").write_text("{locustfile: visitor.py, stages: [5/1/30s, 40/1/2m]}")
    answer = cli("run", "test.yaml", "--users", "5")
    assert answer.exit_code == 2
    assert "users: got 5; allowed: leave it out, because the stages make it 40, or give other" in answer.stderr
    assert "--stage USERS/RATE/TIME" in answer.stderr


def test_target_that_does_not_answer(cli, folder):
    (folder / "report.html").write_text("of an earlier run")
    answer = cli("run", "--locustfile", "visitor.py", "--host", "http://127.0.0.1:9", "--report", "report.html")
    assert answer.exit_code == 4
    assert not (folder / "report.html").exists()
    assert "nothing accepts connections at 127.0.0.1:9" in answer.stderr
    assert "--no-check-host (in Python check_host=False) starts anyway" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_unexpected_error_is_not_a_missed_criterion(cli, folder, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("not foreseen")

    monkeypatch.setattr(workbench, "runs", fail)
    answer = cli("runs")
    assert answer.exit_code == 4
    assert "ZeroDivisionError: not foreseen" in answer.stderr


def test_interrupt_before_anything_runs(cli, folder, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(workbench, "run", interrupt)
    answer = cli("run", "--locustfile", "visitor.py", "--quiet")
    assert (answer.exit_code, answer.stderr) == (130, "loadlab: interrupted\n")


def test_every_field_has_an_option(cli):
    text = cli("run", "--help").stdout
    for field in LoadTest.fields():
        assert f"  {option_name(field)} " in text


def test_options_reach_the_load_test(cli, folder, monkeypatch):
    def catch(test, *, runs, launcher, progress):
        caught.append((test, runs))
        raise KeyboardInterrupt

    caught = []
    monkeypatch.setattr(workbench, "run", catch)
    cli(
        *["run", "--locustfile", "visitor.py", "--stage", "5/1/30s", "--stage", "9/1/1m/peak", "--tags", "a,b"],
        *["--tags", "c", "--env", "A=b=c", "--env", "B=", "--lease", "none", "--no-check-host", "--runs", "elsewhere"],
        *[
            "--locust-options",
            "--loglevel DEBUG",
            "--locust-options",
            "--csv 'a b'",
            "--seed",
            "7",
            "--target-rps",
            "1e2",
        ],
    )
    ((test, runs),) = caught
    assert test == LoadTest(
        locustfile="visitor.py",
        stages="5/1/30s, 9/1/1m/peak",
        tags="a,b,c",
        environment={"A": "b=c", "B": ""},
        lease=None,
        check_host=False,
        locust_options=["--loglevel", "DEBUG", "--csv", "a b"],
        seed=7,
        target_rps=100,
    )
    assert runs == "elsewhere"
