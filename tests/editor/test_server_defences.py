"""The editor's server obeys only the person who started it."""

from __future__ import annotations

import shutil
import socket
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving import MODELS, serving

from sdtheory.editor.admission import Admission
from sdtheory.editor.defences import HEADERS
from sdtheory.editor.server import Routes

GETS = ("/", "/static/editor.css", "/scene?view=0", "/export/view.svg")
POSTS = ("/op", "/save")
SAFE = {"op": "history", "args": {}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    path = tmp_path_factory.mktemp("served") / "m0.mdl"
    shutil.copy(MODELS / "m0_seed.mdl", path)
    with serving(path) as made:
        yield made


@pytest.fixture(autouse=True)
def file_unchanged(server):
    """Nothing in this module can change the model."""
    yield
    assert server.session.state.revision == 0
    assert server.path.read_bytes() == (MODELS / "m0_seed.mdl").read_bytes()


def test_every_route_is_swept_here(server):
    known = {route.path.partition("{")[0] for route in Routes(server.session).routes()}
    assert known == {"/", "/static/", "/scene", "/events", "/export/", "/op", "/save"}


# where it listens


def test_it_listens_on_this_machine_alone(server):
    others = {found[4][0] for found in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    others = {address for address in others if not address.startswith("127.")} | {"127.0.0.2"}
    for address in others:
        with pytest.raises(OSError), socket.create_connection((address, server.port), timeout=2):
            pass


# Host


@pytest.mark.parametrize("target", [*GETS, "/events", *POSTS, "/nowhere", "/?t=1"])
@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost:1", "user@127.0.0.1:{port}",
     "127.0.0.1:{port}.", "127.0.0.1:0{port}", "127.1:{port}", "[::1]:{port}", "127.0.0.1:{port},evil.example", ""],
)  # fmt: skip
def test_no_other_host_is_answered(server, target, host):
    method = "POST" if target in POSTS else "GET"
    answer = server.send(method, target, server.head(Host=host.format(port=server.port)), b"{}")
    assert answer.status in (400, 421)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_its_own_names_are_answered(server, name):
    head = server.head(Host=f"{name}:{server.port}", Origin=f"http://{name}:{server.port}")
    assert server.send("POST", "/op", head, b'{"op": "history"}').status == 200


def test_a_host_that_is_missing_or_doubled_is_refused(server):
    own = ("Host", f"127.0.0.1:{server.port}")
    cookie = ("Cookie", server.cookie)
    assert server.send("GET", "/scene", [cookie]).status in (400, 421)
    assert server.send("GET", "/scene", [own, own, cookie]).status in (400, 421)
    assert server.raw(f"GET /scene HTTP/1.0\r\nCookie: {server.cookie}\r\n\r\n".encode()).status == 421
    evil = f"GET http://evil.example/scene HTTP/1.1\r\nHost: evil.example\r\nCookie: {server.cookie}\r\n\r\n"
    assert server.raw(evil.encode()).status == 421


# who is let in


@pytest.mark.parametrize("target", [*GETS, "/events", *POSTS, "/nowhere"])
@pytest.mark.parametrize(
    "cookie", [None, "", "{name}=", "{name}=wrong", "other={secret}", "{name}={secret}; {name}=x"]
)
def test_without_the_cookie_nothing_is_answered(server, target, cookie):
    given = cookie and cookie.format(name=server.admission.cookie, secret=server.admission.secret)
    method = "POST" if target in POSTS else "GET"
    answer = server.send(method, target, server.head(Cookie=given), b"{}")
    assert answer.status == 401
    assert server.admission.secret.encode() not in answer.body


def test_the_token_lets_in_once(server):
    token = server.admission.new_address().partition("?t=")[2]
    first = server.send("GET", f"/?t={token}", server.head(Cookie=None))
    cookie = first.header("set-cookie")
    assert first.status == 200
    name, *rest = cookie.lower().split("; ")
    assert name.startswith(f"sdtheory-{server.port}=")
    assert set(rest) == {"httponly", "path=/", "samesite=strict"}
    assert b'content="0; url=/"' in first.body and token.encode() not in first.body
    assert server.get("/scene", Cookie=cookie.partition(";")[0]).status == 200
    assert server.send("GET", f"/?t={token}", server.head(Cookie=None)).status == 401
    assert server.get(f"/?t={token}").status == 401


def test_a_new_address_ends_the_old_one(server):
    old = server.admission.new_address().partition("?t=")[2]
    new = server.admission.new_address().partition("?t=")[2]
    assert server.send("GET", f"/?t={old}", server.head(Cookie=None)).status == 401
    assert server.send("GET", f"/?t={new}&t={new}", server.head(Cookie=None)).status == 401
    assert server.send("GET", f"/?t={new}", server.head(Cookie=None)).status == 200


@pytest.mark.parametrize("token", ["", "x", "%00", "%ff", "None", "é"])
def test_no_other_token_lets_in(server, token):
    assert server.send("GET", f"/?t={token}", server.head(Cookie=None)).status in (400, 401)


def test_secrets_have_256_bits_and_do_not_repeat():
    made = [Admission(1) for _ in range(50)]
    texts = {one.secret for one in made} | {one.new_address().partition("?t=")[2] for one in made}
    assert len(texts) == 100
    assert min(map(len, texts)) >= 43  # letters of 6 bits each


def test_the_file_with_the_address_is_for_the_user_alone_and_goes():
    admission = Admission(1)
    address = admission.new_address()
    path = admission.address_file(address)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert address in path.read_text()
    assert admission.enter(address.partition("?t=")[2])
    assert not path.parent.exists()


def test_no_page_has_a_browser_look_for_an_icon_that_is_not_there(server):
    first = server.get(server.admission.new_address().removeprefix(server.admission.origin)).body
    for page in (first, server.get("/").body, server.get("/export/page.html").body):
        assert b'<link rel="icon" href="data:,">' in page


def test_secrets_are_not_in_the_page_or_in_what_a_session_shows(server):
    for target in (*GETS, "/export/page.html"):
        assert server.admission.secret.encode() not in server.get(target).body
    assert server.admission.secret not in repr(server.admission)
    assert server.admission.secret not in repr(server.session)


# methods, origins, kinds of content


@pytest.mark.parametrize(
    "method", ["OPTIONS", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "BREW", "get"]
)
@pytest.mark.parametrize("target", ["/", "/op", "/nowhere"])
def test_other_methods_are_not_known(server, method, target):
    answer = server.send(method, target, server.head())
    assert answer.status == 405 or (answer.status == 400 and method == "CONNECT")
    assert not [key for key, _ in answer.headers if key.startswith("access-control")]


@pytest.mark.parametrize("target", GETS[:3])
def test_what_is_got_cannot_be_posted_and_the_other_way(server, target):
    assert server.post(target, {}).status == 405
    assert all(server.get(one).status == 405 for one in POSTS)


@pytest.mark.parametrize("target", POSTS)
@pytest.mark.parametrize(
    "origin",
    [None, "", "null", "http://evil.example", "https://127.0.0.1:{port}", "http://127.0.0.1", "http://127.0.0.1:1",
     "http://localhost:{port}", "http://127.0.0.1:{port}/", "HTTP://127.0.0.1:{port}", "http://127.0.0.1:{port}.evil"],
)  # fmt: skip
def test_other_pages_can_change_nothing(server, target, origin):
    given = origin and origin.format(port=server.port)
    assert server.post(target, SAFE, Origin=given).status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "", "same-origin, cross-site"])
def test_what_a_browser_says_of_the_sender_is_believed(server, site):
    assert server.post("/op", SAFE, Sec_Fetch_Site=site).status == 403


def test_a_browser_that_says_nothing_of_the_sender_may_go_on(server):
    assert server.post("/op", SAFE, Sec_Fetch_Site=None).status == 200


def test_two_origins_are_none(server):
    head = [*server.head().items(), ("Origin", server.admission.origin)]
    assert server.send("POST", "/op", head, b'{"op": "history"}').status == 403


@pytest.mark.parametrize("target", POSTS)
@pytest.mark.parametrize(
    "kind",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/json; charset=utf-7", "text/plain, application/json", "application/jsonx"],
)  # fmt: skip
def test_forms_and_texts_are_refused(server, target, kind):
    assert server.post(target, SAFE, Content_Type=kind).status == 415


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"]
)
def test_json_is_taken(server, kind):
    assert server.post("/op", SAFE, Content_Type=kind).status == 200


# headers of answers


def requests(server):
    """One request for every way in which an answer comes about."""
    yield server.get("/")
    yield server.get("/static/editor.css")
    yield server.get("/scene")
    yield server.get("/export/view.svg")
    yield server.get("/nowhere")
    yield server.get("/static/nothing.js")
    yield server.get("/scene", Cookie=None)
    yield server.get("/scene", Host="evil.example")
    yield server.get("/%2e%2e/x")
    yield server.send("PUT", "/", server.head())
    yield server.post("/op", SAFE)
    yield server.post("/op", {"op": "no such thing"})
    yield server.post("/op", b"\xff")
    yield server.post("/op", SAFE, Origin="null")
    yield server.save("0" * 64)
    yield server.raw(b"nonsense\r\n\r\n")
    yield server.raw(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n")
    yield server.send(
        "GET", f"/?t={server.admission.new_address().partition('?t=')[2]}", server.head(Cookie=None)
    )


def test_every_answer_carries_the_headers(server):
    for answer in requests(server):
        assert {name: answer.header(name) for name in HEADERS} == HEADERS
        assert not [key for key, _ in answer.headers if key.startswith("access-control") or key == "server"]


def test_the_content_policy_lets_nothing_in_from_elsewhere():
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' data: blob:",
        "connect-src": "'self'", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
    }  # fmt: skip


# paths


@pytest.mark.parametrize(
    "name",
    ["..", "../server.py", "%2e%2e%2fserver.py", "..%2fserver.py", "%2e%2e/server.py", "....//server.py",
     "/etc/passwd", "//etc/passwd", "%2fetc%2fpasswd", "..\\server.py", "..%5cserver.py", "%00", "editor.css%00.js",
     "C:%5cwindows", "C:/windows", "CON", "nul", "editor.css.", "editor.css/", "~/x", "%c0%ae%c0%ae/x", "$HOME"],
)  # fmt: skip
@pytest.mark.parametrize("folder", ["/static/", "/export/", "/"])
def test_no_path_leads_anywhere(server, folder, name):
    answer = server.get(f"{folder}{name}")
    assert answer.status in (400, 404)
    assert b"import" not in answer.body and b"root:" not in answer.body


@pytest.mark.parametrize(
    "view", ["-1", "x", "", "1e3", "0x0", "999999999999", "..", "%00", "0&view=1", "0&path=x", "%D9%A3"]
)
def test_the_number_of_a_view_is_a_number(server, view):
    for target in ("/scene", "/export/view.svg"):
        assert server.get(f"{target}?view={view}").status == 400


@pytest.mark.parametrize("id", ["../m0", "/etc/passwd", "m0\\..", "CON", "%2e%2e", "no such experiment"])
def test_experiments_have_ids_of_the_servers_own_list(server, id):
    for op in ("experiment", "compare"):
        answer = server.op(op, id=id)
        assert answer.status == 400 and b"root:" not in answer.body


def test_a_view_that_does_not_exist_is_refused(server):
    assert server.get("/scene?view=7").status == 400
    assert server.get("/export/view.svg?view=7").status == 400


# bodies


def test_a_body_has_a_size(server):
    assert server.post("/op", b" " * 17_000_000).status == 413
    assert server.post("/op", b" " * 15_000_000 + b'{"op": "history"}').status == 200


def test_a_body_sent_in_chunks_has_a_size_too(server):
    head = "\r\n".join(f"{key}: {value}" for key, value in server.head(Transfer_Encoding="chunked").items())
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    data = f"POST /op HTTP/1.1\r\n{head}\r\n\r\n".encode() + chunk * 17 + b"0\r\n\r\n"
    try:
        assert server.raw(data).status == 413
    except (ConnectionError, IndexError):  # it hung up while we were still sending
        assert server.get("/scene").status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'"op"', b"\xff", b'{"op": "history"} x', b"'op'", b'{"op": history}',
        b'{"op": "history", "args": ' + b'{"a":' * 60 + b"1" + b"}" * 61, b"[" * 10_000, b'{"a":' * 10_000,
        b'{"op": "history", "revision": NaN}', b'{"op": "move", "args": {"x": 1e999}}', b'{"op": "history", "x": 1}',
        b'{"op": "history", "args": []}', b'{"op": 3}', b'{"op": "history", "revision": true}',
        b'{"op": "history", "revision": 1.5}', b'{"op": "find", "args": {"text": "\\ud800"}}',
        b'{"op": "find", "args": {"text": "a\\u0000b"}}', b'{"op": "history", "revision": ' + b"9" * 5000 + b"}",
        b'{"op": "no such operation"}', b'{"op": "export"}', b'{"op": "history", "args": {"path": "/etc/passwd"}}',
        b'{"args": {}}', b'{"op": "move", "args": {"elements": "all"}, "revision": 0}',
        b'{"op": "take", "args": {"text": "x"}, "revision": 0}', b'{"op": "__class__"}',
        b'{"op": "simulate", "args": {"changes": {"a": "b"}}}', b'{"op": "simulate", "args": {"path": "x"}}',
    ],
)  # fmt: skip
def test_a_body_that_is_no_known_message_is_refused(server, body):
    answer = server.post("/op", body)
    assert answer.status == 400
    assert set(answer.json) >= {"code", "message"} and "Traceback" not in answer.json["message"]


@pytest.mark.parametrize(
    "known", [None, "", "x", '"0"', "*", f'W/"{"0" * 64}"', f'"{"0" * 64}", "{"1" * 64}"']
)
def test_a_save_says_which_file_it_knows(server, known):
    assert server.post("/save", {}, If_Match=known).status == 428


@pytest.mark.parametrize("body", [{"path": "/x"}, {"force": 1}, {"force": "yes"}, {"revision": "0"}])
def test_a_save_takes_no_path_and_nothing_else(server, body):
    assert server.post("/save", body, If_Match=f'"{server.hash}"').status == 400


# anything at all

HEADER = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
QUIET = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture],
    "derandomize": True,
}


@settings(max_examples=100, **QUIET)
@given(
    name=st.sampled_from(
        ["Host", "Origin", "Cookie", "Content-Type", "Sec-Fetch-Site", "If-Match", "Content-Length", "X"]
    ),
    value=HEADER,
    target=st.sampled_from([*GETS, *POSTS]),
)
def test_no_header_makes_the_server_stumble(server, name, value, target):
    method = "POST" if target in POSTS else "GET"
    assert (
        server.send(
            method, target, server.head(**{name.replace("-", "_"): value}), b'{"op": "history"}'
        ).status
        < 500
    )


@settings(max_examples=100, **QUIET)
@given(
    op=st.sampled_from(["history", "find", "check", "causes", "rename_preview", "diff", "open"]), args=JSON
)
def test_no_message_makes_the_server_stumble(server, op, args):
    assert server.post("/op", {"op": op, "args": args}).status < 500


@settings(max_examples=60, **QUIET)
@given(data=st.binary(min_size=1, max_size=200))
def test_no_bytes_make_the_server_stumble(server, data):
    assert server.raw(data + b"\r\n\r\n").status < 500


@settings(max_examples=60, **QUIET)
@given(path=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30))
def test_no_path_makes_the_server_stumble(server, path):
    assert server.get(f"/{path}").status < 500
