"""Why Locust did not come up, told from its log in the words of the person who wrote the locustfile."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from loadlab.errors import LaunchError, LoadlabError, LocustfileError, SpecError, nearest_name
from loadlab.spec import LoadTest, hide_text

LAST_LINES = 15
_FRAME = re.compile(r'^  File "(?P<file>[^"]+)", line (?P<line>\d+)')
_EXCEPTION = re.compile(r"^(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Warning|Exit|Interrupt)?: ?.*|^\w*Error$")

_EXIT = re.compile(r"^[^#]*?(?<![.\w])(?:sys\.exit|exit|quit|os\._exit)\(|^\s*raise SystemExit\b")


def check_syntax(locustfile: Path) -> None:
    """Compile the locustfile without running it. Raises LocustfileError with the line."""
    try:
        compile(locustfile.read_bytes(), str(locustfile), "exec")
    except SyntaxError as error:
        line = (error.text or "").rstrip("\n")
        where = f"{locustfile}, line {error.lineno}"
        raise LocustfileError(f"{where}: SyntaxError: {error.msg}\n    {error.lineno} | {line}") from error
    except (OSError, ValueError) as error:
        raise LocustfileError(f"{locustfile}: {error}") from error


def port_is_taken(log: str) -> bool:
    """True if another process took a port between its choice and its use; another try with other ports will do."""
    return "Address already in use" in log or ("port (" in log and ") was busy" in log)


def explain(part: str, log: str, exit_code: int | None, locustfile: Path) -> LoadlabError:
    """The error that fits a Locust process that ended with `exit_code` after writing `log`; no secrets."""
    log = hide_text(log)
    if match := re.search(r"^locust: error: (?P<text>.*)$|error: (?P<other>unrecognized arguments: .*)$", log, re.M):
        text = match["text"] or match["other"]
        return SpecError("locust_options", text, "options that Locust or the locustfile itself defines")
    if "No User class found!" in log:
        return LocustfileError(
            f"{locustfile}: no User class found; a locustfile needs a class derived from HttpUser, "
            "FastHttpUser or User that is not abstract"
        )
    if match := re.search(r"Unknown User\(s\): (?P<names>.*)", log):
        given, known = match["names"].strip(), user_classes(locustfile)
        names = f": {', '.join(known)}" if known else ""
        nearest = nearest_name(given.partition(",")[0], known)
        return SpecError("user_classes", given, f"the user classes in {locustfile}{names}", nearest=nearest)
    if match := re.search(r"^ValueError: loadlab: the test has load stages, but .*: (?P<name>\w+)\r?$", log, re.M):
        error = SpecError("stages", None, "no stages beside a load shape")
        error.args = (
            f"stages: {locustfile.name} has a load shape of its own, {match['name']}, which decides on the users: "
            "leave the stages out, or take the shape out of the locustfile.",
        )
        return error
    if (found := _from_traceback(log, locustfile)) is not None:
        return found
    if (found := _from_exit(exit_code, locustfile)) is not None:
        return found
    return LaunchError(tell_end(part, log, exit_code))


def tell_end(part: str, log: str, exit_code: int | None) -> str:
    """How a process ended, with the last lines of what it wrote."""
    tail = "\n".join(log.rstrip().splitlines()[-LAST_LINES:]) or "(it wrote nothing)"
    return f"{part} ended with exit code {exit_code} before the test began; its last words:\n{tail}"


def check_locustfile_fits(test: LoadTest, found: dict[str, Any]) -> None:
    """Refuse a test that its locustfile cannot run, before any load: no host, unknown tags, users without tasks.

    `found` is the agent's view of the locustfile: "without_host", "with_tasks", "without_tasks" (user classes) and
    "tags". Raises SpecError or LocustfileError.
    """
    name = test.locustfile.name
    if found["without_host"]:
        classes = ", ".join(found["without_host"])
        raise SpecError(
            "host", test.host, f"a base URL such as http://127.0.0.1:8080, because {classes} in {name} has none"
        )
    for field, tags in (("tags", test.tags), ("exclude_tags", test.exclude_tags)):
        for tag in tags:
            if tag not in found["tags"]:
                known = ", ".join(found["tags"]) or f"none: no task in {name} has a tag"
                raise SpecError(field, tag, f"the tags in {name}: {known}", nearest=nearest_name(tag, found["tags"]))
    if found["without_tasks"] and not found["with_tasks"]:
        tagged = test.tags or test.exclude_tags
        why = "no task is left by these tags" if tagged else "a user class needs at least one @task"
        raise LocustfileError(f"{test.locustfile}: {', '.join(found['without_tasks'])} has nothing to do; {why}")


def user_classes(locustfile: Path) -> list[str]:
    """The user classes that the file itself defines, as far as their bases' names tell; abstract ones are left out."""
    found: dict[str, bool] = {}
    for node in ast.parse(locustfile.read_bytes()).body:
        if isinstance(node, ast.ClassDef):
            bases = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
            if any(base in found or base.endswith("User") for base in bases):
                body = [ast.unparse(line) for line in node.body if isinstance(line, ast.Assign)]
                found[node.name] = "abstract = True" not in body
    return [name for name, usable in found.items() if usable]


def _from_exit(exit_code: int | None, locustfile: Path) -> LocustfileError | None:
    """The error for a Locust process that the locustfile ended on purpose, which leaves no traceback.

    A process that a signal has killed, -9 here or 128 + 9 in a container, was not.
    """
    if exit_code is None or exit_code < 0 or 128 < exit_code < 160:
        return None
    lines = enumerate(locustfile.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
    place = next(((number, line.strip()) for number, line in lines if _EXIT.search(line)), None)
    if place is not None:
        return LocustfileError(
            f"{locustfile}, line {place[0]}: this ended Locust with exit code {exit_code} before the test began"
            f"\n    {place[0]} | {place[1]}"
        )
    if exit_code == 0:
        return LocustfileError(
            f"{locustfile}: Locust ended with exit code 0 before the test began: does a module that it imports call "
            "sys.exit()?"
        )
    return None


def _from_traceback(log: str, locustfile: Path) -> LocustfileError | None:
    """The last traceback of the log, reduced to the line of the user's code and Python's sentence."""
    start = log.rfind("Traceback (most recent call last):")
    if start < 0:
        return None
    lines = log[start:].splitlines()
    folder = str(locustfile.resolve().parent)
    where, code, sentence = str(locustfile), "", ""
    for number, line in enumerate(lines):
        frame = _FRAME.match(line)
        if frame and str(Path(frame["file"]).resolve()).startswith(folder):
            where = f"{frame['file']}, line {frame['line']}"
            code = lines[number + 1].strip() if number + 1 < len(lines) else ""
        elif not line.startswith(" ") and _EXCEPTION.match(line):
            sentence = line
            break
    if not sentence:
        return None
    shown = f"\n    {where.rsplit(' ', 1)[-1]} | {code}" if code else ""
    hint = ""
    if sentence.startswith("ModuleNotFoundError"):
        hint = "\nInstall it into the environment that runs Locust, or put the module beside the locustfile."
    return LocustfileError(f"{where}: {sentence}{shown}{hint}")
