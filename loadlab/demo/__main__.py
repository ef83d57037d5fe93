"""The storefront on the command line: ``python -m loadlab.demo --help``."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence

from loadlab.demo.faults import Faults
from loadlab.demo.routes import ENDPOINTS
from loadlab.demo.server import serve
from loadlab.demo.settings import DISTRIBUTIONS, Settings, check_integer
from loadlab.errors import SpecError

DESCRIPTION = """\
A small shop to load: its capacity is known, because service times are simulated, not computed.

  maximum throughput = concurrency / mean service time       (8 / 0.02 s = 400 requests a second)

Prints one JSON line, {"url": ..., "pid": ...}, when it accepts connections.
"""

EPILOG = f"""\
endpoints:
  {", ".join(ENDPOINTS)}

control plane (not counted, never queued):
  GET  /_demo/counts   exact counts by method and route: received, answered by status, aborted, dropped, in service
  GET  /_demo/config   settings, faults and capacity
  POST /_demo/faults   replaces all faults with those of the JSON body; {{}} switches everything off

faults (JSON, each one optional):
  {{"errors": {{"POST /checkout": {{"rate": 0.05, "status": 503}}}}, "drops": {{"*": 0.001}},
   "pause_s": 1, "pause_every_s": 10, "slow_start_factor": 5, "slow_start_s": 30}}

examples:
  python -m loadlab.demo --port 8000
  python -m loadlab.demo --port 8000 --concurrency 4 --service-time 0.05 --distribution exponential --seed 1
  python -m loadlab.demo --port 8000 --factor "GET /search=3" --queue-limit 100
  curl -X POST http://127.0.0.1:8000/_demo/faults -d '{{"errors": {{"GET /cart": {{"rate": 0.1}}}}}}'
"""


def build_parser() -> argparse.ArgumentParser:
    """The options; their defaults are those of `Settings`."""
    defaults = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m loadlab.demo",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = parser.add_argument
    option("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    option("--port", type=int, default=0, help="port to listen on, 0 takes a free one (default: %(default)s)")
    option("--concurrency", type=int, default=defaults.concurrency, help="requests in service at once (%(default)s)")
    option(
        "--service-time", type=float, default=defaults.service_time, metavar="S", help="mean in seconds (%(default)s)"
    )
    option("--distribution", default=defaults.distribution, help=f"{', '.join(DISTRIBUTIONS)} (%(default)s)")
    option("--sigma", type=float, default=defaults.sigma, help="shape of lognormal: deviation of its log (%(default)s)")
    option(
        "--factor",
        action="append",
        default=[],
        metavar='"GET /search=2"',
        help="service time of an endpoint, repeatable",
    )
    option("--queue-limit", type=int, metavar="N", help="waiting requests before a 503 (default: no limit)")
    option("--seed", type=int, metavar="N", help="the same service times and faults each time")
    option("--faults", default="{}", metavar="JSON", help="faults from the start, see below")
    option("--exit-with-stdin", action="store_true", help="end when standard input is closed: no parent, no storefront")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped; the exit code is 0, 2 for a wrong option, 4 when the port cannot be had."""
    given = build_parser().parse_args(arguments)
    try:
        settings = Settings(
            given.concurrency,
            given.service_time,
            given.distribution,
            given.sigma,
            dict(_factor(text) for text in given.factor),
            given.queue_limit,
            given.seed,
        )
        faults = Faults.from_dict(_json_object("faults", given.faults))
        check_integer("port", given.port, 0, 65535)
    except SpecError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    try:
        asyncio.run(
            serve(
                settings,
                faults,
                host=given.host,
                port=given.port,
                exit_with_stdin=given.exit_with_stdin,
                ready=_announce,
            )
        )
    except OSError as error:
        sys.stderr.write(f"error: cannot listen on {given.host}:{given.port}: {error}\n")
        return 4
    return 0


def _announce(url: str) -> None:
    sys.stdout.write(json.dumps({"url": url, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()


def _factor(text: str) -> tuple[str, float]:
    name, _, number = text.rpartition("=")
    try:
        return name.strip(), float(number)
    except ValueError:
        raise SpecError("factor", text, 'ENDPOINT=NUMBER, such as "GET /search=2"') from None


def _json_object(field: str, text: str) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise SpecError(field, text, f"a JSON object ({error})") from error
    if not isinstance(value, dict):
        raise SpecError(field, text, "a JSON object")
    return value


if __name__ == "__main__":
    sys.exit(main())
