"""What we use of gunicorn beyond its documentation.  If one of these fails after an update, read the file it names first."""

from __future__ import annotations

import inspect

import gunicorn
import pytest
from gunicorn.app.base import BaseApplication
from gunicorn.config import KNOWN_SETTINGS
from gunicorn.http import errors, wsgi
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.workers.base import Worker

VERSION = tuple(int(part) for part in gunicorn.__version__.split(".")[:2])


def uses(module: str, what: str) -> str:
    return f"gunicorn {gunicorn.__version__} has changed {what}, which provisioner/services/{module} relies on"


def test_the_version_is_one_we_were_tested_with() -> None:
    assert (25, 3) <= VERSION < (28, 0)


def test_the_worker_has_the_hooks_and_fields_that_ours_overrides_and_reads() -> None:
    source = inspect.getsource(Worker)
    for name in ("load_wsgi", "run", "notify", "init_process", "handle_exit", "handle_quit", "init_signals"):
        assert callable(getattr(Worker, name, None)), uses("http_worker.py", f"Worker.{name}")
    for field in ("self.sockets", "self.PIPE", "self.alive", "self.ppid", "self.app", "self.cfg", "self.log", "set_wakeup_fd"):
        assert field in source, uses("http_worker.py", field)
    order = inspect.getsource(Worker.init_process)
    assert order.index("self.init_signals()") < order.index("self.load_wsgi()") < order.index("self.run()")


def test_the_parser_takes_an_iterable_of_bytes_and_gives_requests() -> None:
    assert list(inspect.signature(RequestParser.__init__).parameters)[:4] == ["self", "cfg", "source", "source_addr"]
    assert "IterUnreader" in inspect.getsource(RequestParser.__mro__[1]), uses("http_ordinary.py", "Parser over an iterator")
    assert "_expected_100_continue" in inspect.getsource(Request.__mro__[1]) + inspect.getsource(wsgi.create)


@pytest.mark.parametrize("name", ["LimitRequestLine", "LimitRequestHeaders", "ExpectationFailed", "UnsupportedTransferCoding"])
def test_the_errors_that_have_a_status_of_their_own_exist(name: str) -> None:
    assert issubclass(getattr(errors, name), Exception), uses("http_ordinary.py", f"errors.{name}")


def test_the_response_writer_has_the_methods_and_fields_that_the_ordinary_path_uses() -> None:
    assert list(inspect.signature(wsgi.create).parameters)[:5] == ["req", "sock", "client", "server", "cfg"]
    for name in ("force_close", "should_close", "start_response", "send_headers"):
        assert callable(getattr(wsgi.Response, name, None)), uses("http_ordinary.py", f"Response.{name}")
    assert "self.version" in inspect.getsource(wsgi.Response.default_headers), uses("http_ordinary.py", "the Server header")


def test_the_settings_we_set_exist_under_these_names() -> None:
    names = {setting.name for setting in KNOWN_SETTINGS}
    wanted = {"bind", "workers", "worker_class", "logger_class", "loglevel", "proc_name", "timeout", "graceful_timeout"}
    wanted |= {"limit_request_line", "limit_request_fields", "forwarded_allow_ips", "secure_scheme_headers", "forwarder_headers"}
    wanted |= {"control_socket_disable", "http_parser"}
    assert wanted <= names, uses("http_server.py", f"the settings {sorted(wanted - names)}")


def test_an_application_without_gunicorns_files_and_variables_is_still_possible() -> None:
    assert "GUNICORN_CMD_ARGS" not in inspect.getsource(BaseApplication), uses("http_server.py", "BaseApplication")
