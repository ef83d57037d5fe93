"""The agent's routes on Locust's web port, and the token that guards all of them."""

from __future__ import annotations

import hmac
import json
import time
from typing import Any

import gevent
from flask import Response, request

from loadlab.agent.master import Master

MAX_WAIT_S = 10.0
MAX_RECORDS = 2000
MAX_NOTE = 2000


def serve(app: Any, master: Master, token: str) -> None:
    """Add the routes to Locust's Flask application and close every route to whoever does not know `token`.

    ========  ====================  ===================================================================
    GET       /loadlab/stream       records with seq > ``after`` as newline-delimited JSON; waits up to
                                    ``wait`` seconds for the first one; at most ``limit`` at a time. With
                                    ``guest`` the asker keeps the lease alive, but does not answer for the records:
                                    what only guests have read is spooled at the end
    GET       /loadlab/status       state, connected workers, last seq, the time of this clock; with ``glance`` the
                                    asker is no reader, and the lease goes on running out
    POST      /loadlab/note         writes an event: JSON with text, and optionally kind, object, data
    POST      /loadlab/quit         ends master and workers; JSON with ``after``: records with seq > ``after`` are left
                                    in the spool
    ========  ====================  ===================================================================
    """
    expected = f"Bearer {token}".encode()

    @app.before_request  # type: ignore[untyped-decorator]
    def guard() -> Response | None:
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, expected):
            return Response("this run's token is needed: Authorization: Bearer <token>\n", status=401)
        if "glance" not in request.args:
            master.feed.last_read = time.monotonic()
        if request.path.endswith("/stop") and request.method == "POST":
            master.stop_reason = master.stop_reason or "stopped"
        return None

    @app.get("/loadlab/stream")  # type: ignore[untyped-decorator]
    def stream() -> Response:
        try:
            after = max(0, int(request.args.get("after", 0)))
            wait_s = min(MAX_WAIT_S, float(request.args.get("wait", 0)))
            limit = min(MAX_RECORDS, max(1, int(request.args.get("limit", MAX_RECORDS))))
        except ValueError as error:
            return Response(f"after and limit are whole numbers, wait is seconds: {error}\n", status=400)
        confirmed = 0 if "guest" in request.args else after
        master.feed.touch(confirmed)
        master.feed.wait(after, wait_s)
        master.feed.touch(confirmed)
        return Response(master.feed.read(after, limit), mimetype="application/x-ndjson")

    @app.get("/loadlab/status")  # type: ignore[untyped-decorator]
    def status() -> Response:
        return _json(
            {
                "state": master.runner.state,
                "users": master.runner.user_count,
                "workers": sum(not (w.lost or w.left) for w in master.collector.workers.values()),
                "workers_expected": master.expected,
                "last_seq": master.feed.last_seq,
                "ended": master.ended,
                "shape": master.shape_name,
                "locustfile": master.locustfile,
                "time": master.clock.now(),
            }
        )

    @app.post("/loadlab/note")  # type: ignore[untyped-decorator]
    def note() -> Response:
        body = request.get_json(silent=True)
        if not isinstance(body, dict) or not isinstance(body.get("text"), str) or not body["text"].strip():
            return Response('a JSON object with "text" is needed\n', status=400)
        data = body.get("data")
        kind, about = str(body.get("kind") or "note"), str(body.get("object") or "")
        master.feed.event(kind, about[:MAX_NOTE], body["text"][:MAX_NOTE], data if isinstance(data, dict) else {})
        return _json({"seq": master.feed.last_seq})

    @app.post("/loadlab/quit")  # type: ignore[untyped-decorator]
    def leave() -> Response:
        body = request.get_json(silent=True)
        after = body.get("after") if isinstance(body, dict) else None
        if isinstance(after, int):
            master.feed.confirmed = min(after, master.feed.last_seq)
        gevent.spawn_later(0.05, master.quit)
        return _json({"quitting": True})


def _json(value: dict[str, Any]) -> Response:
    return Response(json.dumps(value), mimetype="application/json")
