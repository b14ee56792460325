import email.utils
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from servers import free_port
from shelves import shelf

from srlr.collaboration.sources.web import Web
from srlr.core.errors import ConfigError, ResourceError
from srlr.core.retrieving import Source
from srlr.core.types import Task

TASK = Task("7", "Can I return it?", {"label": "secret answer"}, {"domain": "shop", "mean": 2.5})
RULE = {"id": "free", "text": "Returns are free."}


class Engine:
    """A rules engine that answers what `answers` has, the last again and again: (status, content
    type, body), or with a fourth part, headers; None: silence.
    """

    def __init__(self):
        self.answers, self.asked, self.headers = [], [], []
        self.gone = threading.Event()
        handler = type("Handler", (_Handler,), {"engine": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/rules"

    def says(self, *answers):
        self.answers = list(answers)
        return self


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        its = self.engine
        its.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        its.headers.append(dict(self.headers))
        answer = its.answers.pop(0) if len(its.answers) > 1 else its.answers[0]
        if answer is None:
            its.gone.wait(30)
            return
        status, kind, body, *more = answer
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(data))} | dict(*more)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        if headers.get("X-Slow"):
            for one in data:
                if its.gone.wait(0.05):
                    return
                self.wfile.write(bytes([one]))
        else:
            self.wfile.write(data)


@pytest.fixture
def engine():
    one = Engine()
    thread = threading.Thread(target=one.http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield one
    one.gone.set()
    one.http.shutdown()
    one.http.server_close()


def ok(body):
    return 200, "application/json", body


def web(engine, kind="rules", *, held_out=(), pauses=None, **said):
    settings = Source(kind=kind, url=engine if isinstance(engine, str) else engine.url, **said)
    return Web("mine", settings, shelf(held_out), (pauses if pauses is not None else []).append)


def failure(place, error):
    with pytest.raises(error) as caught:
        place.find(TASK)
    return caught.value


@pytest.mark.parametrize("body", [[RULE], {"rules": [RULE]}])
def test_a_rules_engine_is_asked_as_documented_and_never_told_the_answer(engine, body):
    place = web(engine.says(ok(body)), meta=("domain", "year"))
    (found,) = place.find(TASK)

    assert (found.text, found.citation) == ("Returns are free.", "mine: rule free")
    assert engine.asked == [
        {
            "kind": "rules",
            "role": "toy",
            "limit": 4,
            "task": {"id": "7", "prompt": "Can I return it?", "meta": {"domain": "shop"}},
        }
    ]
    assert place.facts() == {"kind": "rules", "asked": 1, "failed": 0, "held_out": 0}


def test_a_search_endpoint_is_cited_by_what_it_tells(engine):
    passages = [
        {"text": "One.", "document": "faq.md", "page": 3, "section": "Returns"},
        {"text": "Two.", "url": "https://x/y"},
        {"text": "Three.", "id": "r9"},
        {"text": "Four."},
    ]
    place = web(engine.says(ok({"passages": passages})), "knowledge")

    assert [one.citation for one in place.find(TASK)] == [
        "mine: faq.md, Returns, page 3",
        "mine: https://x/y",
        "mine: r9",
        "mine: text 4",
    ]


def test_examples_are_read_as_rows_are(engine):
    place = web(engine.says(ok([{"id": "e1", "text": "Is it?", "answer": "yes"}])), "examples")
    (found,) = place.find(TASK)

    assert (found.text, found.citation) == ("Is it?\n=> yes", "mine: e1")


def test_the_task_itself_its_own_example_and_held_out_texts_are_not_shown(engine):
    rows = [
        {"text": "can I return it", "answer": "x"},
        {"id": 7, "text": "Something else?", "answer": "x"},
        {"text": "This one is held out.", "answer": "x"},
        {"text": "Is it free?", "answer": "yes"},
        {"text": "Is it dear?", "answer": "no"},
    ]
    place = web(engine.says(ok(rows)), "examples", held_out=["this one is held out"], limit=1)

    assert [one.text for one in place.find(TASK)] == ["Is it free?\n=> yes"]
    assert place.facts()["held_out"] == 1


def test_the_key_is_sent_and_named_nowhere(engine, monkeypatch):
    monkeypatch.setenv("MY_KEY", "s3cret")
    place = web(engine.says(ok([]), (401, "text/plain", b"no")), api_key_env="MY_KEY")

    assert place.find(TASK) == []
    assert engine.headers[0]["Authorization"] == "Bearer s3cret"
    error = failure(place, ConfigError)
    assert "answers 401 Unauthorized" in error.what
    assert "MY_KEY" in error.hint
    assert "s3cret" not in f"{error}{place.facts()}{place.said}"


def test_a_key_that_is_not_there_is_told_before_anything_is_asked(engine, monkeypatch):
    monkeypatch.delenv("MY_KEY", raising=False)

    with pytest.raises(ConfigError, match="'MY_KEY' holds no key"):
        web(engine, api_key_env="MY_KEY")


def test_a_server_that_wants_a_key_is_told_at_once(engine):
    error = failure(web(engine.says((401, "text/html", b"<html>"))), ConfigError)

    assert len(engine.asked) == 1
    assert error.hint == "name a variable: generate.retriever.sources.mine.api_key_env"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, "text/html", b"<!DOCTYPE html>\n<title>Log in</title>"), "HTML, a page for people"),
        ((200, "application/json", b" <html>"), "HTML, a page for people: '<html>'"),
        ((200, "text/plain", b"rules!"), "what is not JSON: 'rules!'"),
        ((200, "application/json", b""), "what is not JSON: ''"),
        (ok({"error": "x"}), "JSON without a list of rules"),
        (ok(["x"]), "JSON without a list of rules"),
        (ok([{"id": "a"}]), "a text 1 that is empty or none"),
    ],
)
def test_what_is_no_answer_is_told_with_what_came(engine, answer, said):
    error = failure(web(engine.says(answer)), ConfigError)

    assert said in error.what
    assert engine.url in error.what
    assert "docs/retriever.md" in error.hint


def test_an_example_without_a_solution_is_told(engine):
    error = failure(web(engine.says(ok([{"text": "x"}])), "examples"), ConfigError)

    assert "an example 1 without a problem or a solution" in error.what


@pytest.mark.parametrize(
    ("status", "said", "hint"),
    [
        (404, "answers 404 Not Found", "sources.mine.url"),
        (405, "answers 405 Method Not Allowed", "take POST"),
        (302, "answers 302 Found, a redirect to 'https://else.where/'", "final address"),
    ],
)
def test_a_refusal_is_not_asked_again(engine, status, said, hint):
    engine.says((status, "text/html", b"<html>", {"Location": "https://else.where/"}))
    error = failure(web(engine), ConfigError)

    assert said in error.what
    assert hint in error.hint
    assert len(engine.asked) == 1


def test_a_busy_server_is_asked_again_after_longer_pauses(engine):
    pauses = []
    busy = (503, "text/html", b"<html>")
    place = web(engine.says(busy, (429, "text/plain", b"", {"Retry-After": "7"}), ok([RULE])),
                pauses=pauses)  # fmt: skip

    assert len(place.find(TASK)) == 1
    assert 0 <= pauses[0] <= 0.5
    assert pauses[1] == 7.0


def test_a_server_is_not_asked_before_the_time_that_it_names(engine):
    pauses = []
    soon = email.utils.formatdate(time.time() + 20)
    late = (429, "text/plain", b"", {"Retry-After": "90"})
    place = web(
        engine.says((503, "text/plain", b"", {"Retry-After": soon}), late), pauses=pauses, retries=5
    )
    error = failure(place, ResourceError)

    assert 15 < pauses.pop() <= 20
    assert pauses == []
    assert "429 Too Many Requests and wants to be asked in 90 s again, asked 2 times" in error.what


def test_a_server_that_stays_broken_is_told(engine):
    pauses = []
    error = failure(
        web(engine.says((500, "text/plain", b"")), pauses=pauses, retries=2), ResourceError
    )

    assert "answers 500 Internal Server Error, asked 3 times" in error.what
    assert "optional=true" in error.hint
    assert len(pauses) == 2


def test_a_server_that_is_down_is_told():
    error = failure(web(f"http://127.0.0.1:{free_port()}/x?token=abc", retries=0), ResourceError)

    assert "cannot be reached: [Errno 111] Connection refused, asked 1 time" in error.what
    assert "abc" not in str(error)


@pytest.mark.parametrize(
    "answer", [None, (200, "application/json", b"[" + b" " * 60 + b"]", {"X-Slow": "1"})]
)
def test_a_server_that_is_silent_or_drips_is_given_its_time(engine, answer):
    began = time.monotonic()
    error = failure(web(engine.says(answer), timeout_s=0.3, retries=1), ResourceError)

    assert "has not answered within 0.3 s, asked 2 times" in error.what
    assert time.monotonic() - began < 5


def test_an_answer_that_breaks_off_is_asked_for_again(engine):
    cut = (200, "application/json", b'[{"id"', {"Content-Length": "100", "Connection": "close"})

    assert len(web(engine.says(cut, ok([RULE]))).find(TASK)) == 1


def test_an_answer_without_end_is_cut(engine):
    engine.says((200, "application/json", b" " * (9 << 20)))

    assert "more than 8 MB" in failure(web(engine), ConfigError).what


def test_a_server_that_hangs_up_is_told():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up():
            for _ in range(2):
                listener.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        port = listener.getsockname()[1]
        error = failure(web(f"http://127.0.0.1:{port}/x", retries=1), ResourceError)

    assert "cannot be reached" in error.what


def test_an_optional_source_that_fails_is_counted_and_given_up(engine):
    place = web(engine.says((500, "text/plain", b"")), optional=True, retries=0)

    assert [place.find(TASK) for _ in range(5)] == [[]] * 5
    assert len(engine.asked) == 3
    facts = place.facts()
    assert (facts["asked"], facts["failed"]) == (3, 5)
    assert "answers 500" in facts["why"]


def test_an_optional_source_that_comes_back_is_asked_on(engine):
    broken = (500, "text/plain", b"")
    place = web(engine.says(broken, broken, ok([RULE]), broken), optional=True, retries=0)

    assert [len(place.find(TASK)) for _ in range(5)] == [0, 0, 1, 0, 0]
    assert len(engine.asked) == 5
