"""Tables in a terminal that is narrower than they are."""

from loadlab.cli.tables import format_table

TITLES = ["RUN", "STATUS", "HOST", "LABELS", "EMPTY"]
ROWS = [["r1", "finished", "http://127.0.0.1:8080", "service=shop", ""], ["r2", "running", "", "", ""]]


def test_wide_enough():
    assert format_table(TITLES, ROWS, 80).splitlines() == [
        "RUN  STATUS    HOST                   LABELS",
        "r1   finished  http://127.0.0.1:8080  service=shop",
        "r2   running",
    ]


def test_what_finds_no_room_goes_on_in_the_next_line():
    lines = format_table(TITLES, ROWS, 40).splitlines()
    assert lines == [
        "RUN  STATUS    HOST",
        "    LABELS",
        "r1   finished  http://127.0.0.1:8080",
        "    service=shop",
        "r2   running",
    ]
    assert all(len(line) <= 25 for line in format_table(TITLES, ROWS, 25).splitlines())
