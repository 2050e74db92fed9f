"""Requests of other names, other pages and other browsers get nothing; the console's own forms work."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from werkzeug.test import Client, TestResponse

from smproc.console import tickets
from smproc.console.app import _ACTIONS, _PAGES, ConsoleApp
from smproc.console.tickets import derive, new_ticket
from smproc.local import LocalAws

PORT = 40_001
SECRET = "a secret of the test"  # noqa: S105 - of the test alone
HOST = f"127.0.0.1:{PORT}"
COOKIE = f"smproc-console-{PORT}"


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """Return a browser's connection to a console whose local AWS does not run."""
    app = ConsoleApp(LocalAws(4999, state_dir=tmp_path), SECRET)
    app.serve_at(PORT)
    return Client(app)


def get(client: Client, path: str, **headers: str) -> TestResponse:
    return client.get(path, headers={"Host": HOST} | {name.replace("_", "-"): text for name, text in headers.items()})


def post(client: Client, path: str, data: dict[str, str] | None = None, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return client.post(path, data=data or {}, headers={"Host": HOST} | named)


def sign_in(client: Client) -> None:
    client.set_cookie(COOKIE, derive(SECRET, "session"), domain="127.0.0.1")


def paths() -> list[str]:
    return [path.replace("<path:", "<").replace("<name>", "x").replace("<arn>", "x") for path in _PAGES]


def test_a_ticket_lets_one_browser_in_once(client: Client) -> None:
    ticket = new_ticket(SECRET)
    first = get(client, f"/open?ticket={ticket}")
    assert first.status_code == 200
    cookie = first.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert 'http-equiv="refresh" content="0;url=/"' in first.text
    second = get(client, f"/open?ticket={ticket}")
    assert (second.status_code, "Set-Cookie" in second.headers) == (403, False)
    assert "This link was used or is too old" in second.text


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: f"9{text}", lambda _: "", lambda _: "a.b.ü"])
def test_another_ticket_does_not(client: Client, change: object) -> None:
    assert callable(change)
    assert get(client, f"/open?ticket={change(new_ticket(SECRET))}").status_code == 403


def test_a_ticket_ends_after_ten_minutes(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = new_ticket(SECRET)
    later = time.time() + tickets.LIFETIME_IN_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert get(client, f"/open?ticket={ticket}").status_code == 403


@pytest.mark.parametrize("path", [*paths(), "/open?ticket=x", "/static/console.css"])
@pytest.mark.parametrize("host", ["attacker.example", f"attacker.example:{PORT}", "127.0.0.1:1", f"127.0.0.1.x:{PORT}"])
def test_another_name_that_leads_here_gets_nothing(client: Client, path: str, host: str) -> None:
    client.set_cookie(COOKIE, derive(SECRET, "session"), domain="attacker.example")
    assert client.get(path, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("path", paths())
def test_every_page_needs_a_session(client: Client, path: str) -> None:
    answer = get(client, path)
    assert answer.status_code == 403
    assert "smproc local open --port 4999" in answer.text or "smproc local start --port 4999" in answer.text
    client.set_cookie(COOKIE, derive("another secret", "session"), domain="127.0.0.1")
    assert get(client, path).status_code == 403
    sign_in(client)
    assert get(client, path).status_code != 403


@pytest.mark.parametrize("path", [*paths(), *_ACTIONS])
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pages_of_other_sites_and_ports_get_nothing(client: Client, path: str, site: str) -> None:
    sign_in(client)
    assert get(client, path, Sec_Fetch_Site=site).status_code in (403, 405)
    token = {"csrf": derive(SECRET, "csrf")}
    assert post(client, path, token, Sec_Fetch_Site=site).status_code in (403, 405)


@pytest.mark.parametrize("path", _ACTIONS)
def test_every_change_needs_the_token_of_a_form(client: Client, path: str) -> None:
    sign_in(client)
    assert post(client, path).status_code == 403
    assert post(client, path, {"csrf": "x"}).status_code == 403
    assert post(client, path, {"csrf": derive(SECRET, "session")}).status_code == 403
    assert post(client, path, X_CSRF_Token="x").status_code == 403  # noqa: S106 - a wrong one
    assert post(client, path, {"csrf": derive(SECRET, "csrf")}).status_code in (400, 404, 503)
    assert post(client, path, X_CSRF_Token=derive(SECRET, "csrf")).status_code in (400, 404, 503)


@pytest.mark.parametrize("origin", ["http://attacker.example", "null", "http://127.0.0.1:1", f"https://{HOST}"])
def test_a_change_of_another_origin(client: Client, origin: str) -> None:
    sign_in(client)
    token = {"csrf": derive(SECRET, "csrf")}
    assert post(client, "/faults/clear", token, Origin=origin).status_code == 403
    assert post(client, "/faults/clear", token, Origin=f"http://{HOST}").status_code == 503


@pytest.mark.parametrize("path", ["/", "/no-such-page", "/static/console.js", "/static/graph.css", "/static/nothing"])
def test_every_answer_confines_the_browser(client: Client, path: str) -> None:
    sign_in(client)
    headers = get(client, path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["..%2fapp.py", "%2e%2e/app.py", "..", ".", "%00", "%2fetc%2fpasswd"])
def test_static_files_are_those_of_the_console(client: Client, name: str) -> None:
    assert get(client, f"/static/{name}").status_code in (404, 403)


def test_the_pages_contain_no_script_and_no_style_of_their_own() -> None:
    templates = list((Path(tickets.__file__).parent / "templates").glob("*.html"))
    assert len(templates) > 9
    for template in templates:
        text = template.read_text(encoding="utf-8")
        assert "<style" not in text, template
        assert "style=" not in text, template
        assert " on" not in {f" {word[:2]}" for word in text.split() if "=" in word and word.startswith("on")}, template
        assert text.count("<script") == text.count("<script src="), template
        assert "| safe" not in text, template


def test_without_a_local_aws_the_pages_say_how_to_start_it(client: Client) -> None:
    sign_in(client)
    answer = get(client, "/")
    assert answer.status_code == 503
    assert "smproc local start --port 4999" in answer.text
    assert 'data-poll="3000"' in answer.text
