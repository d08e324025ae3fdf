"""The Flask application of the people listener."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import flask

Check = Callable[[], str | None]
"Returns None when all is well, else what is wrong."


@dataclass(frozen=True, slots=True)
class PeopleParts:
    """What the application shows, given by the composition root."""

    checks: Mapping[str, Check]
    "By name, for /readyz: snapshot, sockets, journal."

    metrics: Callable[[], str]
    "The text of /metrics."


def make_app(parts: PeopleParts) -> flask.Flask:
    """Return the application: /healthz (alive), /readyz (each check by name), /metrics (Prometheus text)."""
    app = flask.Flask("provisioner", static_folder=None)

    @app.get("/healthz")
    def healthz() -> flask.typing.ResponseReturnValue:
        return {"ok": True}

    @app.get("/readyz")
    def readyz() -> flask.typing.ResponseReturnValue:
        found = {name: check() for name, check in parts.checks.items()}
        is_ok = all(text is None for text in found.values())
        shown = {name: "ok" if text is None else text for name, text in found.items()}
        return {"ok": is_ok, "checks": shown}, 200 if is_ok else 503

    @app.get("/metrics")
    def metrics() -> flask.typing.ResponseReturnValue:
        return flask.Response(parts.metrics(), content_type="text/plain; version=0.0.4; charset=utf-8")

    @app.errorhandler(404)
    def missing(_error: Exception) -> flask.typing.ResponseReturnValue:
        return {"ok": False, "code": "not-found", "message": "there is no such page", "hint": "/healthz, /readyz, /metrics"}, 404

    @app.errorhandler(405)
    def not_allowed(_error: Exception) -> flask.typing.ResponseReturnValue:
        return {"ok": False, "code": "method-not-allowed", "message": "this page is read with GET", "hint": ""}, 405

    @app.errorhandler(500)
    def failed(_error: Exception) -> flask.typing.ResponseReturnValue:
        return {"ok": False, "code": "error", "message": "the server failed to answer", "hint": "see the server's log"}, 500

    @app.after_request
    def safe(response: flask.Response) -> flask.Response:
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
        response.headers["Cache-Control"] = "no-store"
        return response

    return app
