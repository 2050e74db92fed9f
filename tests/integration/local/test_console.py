"""The console on a running local AWS: whatever names, lines and contents are, they are text in its pages."""

from __future__ import annotations

import html
import io
import json
import struct
import zlib
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pandas as pd
import pytest
from werkzeug.test import Client, TestResponse

from cdk_sagemaker_processing.model import names
from smproc.console import Console, uploads
from smproc.console.app import ConsoleApp
from smproc.console.reader import LOG_LINES_MAX
from smproc.console.rendering import execution_url
from smproc.console.tickets import derive
from smproc.installation import install_command
from smproc.terminal_text import printable
from tests.helpers.hostile_names import NAMES

if TYPE_CHECKING:
    from tests.helpers.local_aws import RunningLocalAws

PORT = 40_001
SECRET = "a secret of the test"  # noqa: S105 - of the test alone
HOST = {"Host": f"127.0.0.1:{PORT}"}
TOKEN = {"csrf": derive(SECRET, "csrf")}
MARKUP = '<script>alert(1)</script><img src=x onerror="alert(1)">'
HOSTILE_KEYS = [*NAMES, "../../up", "a%2fb", MARKUP, '"><b>', "=cmd|' /C calc'!A0"]


@pytest.fixture
def client(local_aws: RunningLocalAws) -> Client:
    app = ConsoleApp(local_aws.aws, SECRET)
    app.serve_at(PORT)
    client = Client(app)
    client.set_cookie(f"smproc-console-{PORT}", derive(SECRET, "session"), domain="127.0.0.1")
    return client


def get(client: Client, path: str, status: int = 200, **headers: str) -> TestResponse:
    answer = client.get(path, headers=HOST | {name.replace("_", "-"): text for name, text in headers.items()})
    assert answer.status_code == status, answer.text
    return answer


def output(client: Client, uri: str, status: int = 200) -> str:
    return get(client, f"/outputs?{urlencode({'uri': uri})}", status).text


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=range(len(HOSTILE_KEYS)))
def test_a_key_is_text_and_leads_to_its_object(local_aws: RunningLocalAws, client: Client, key: str) -> None:
    uri = local_aws.put(f"console/{key}", f"content of {key}")
    page = output(client, uri)
    assert "<script>" not in page
    assert 'onerror="' not in page
    assert "\x1b" not in page
    assert printable(uri) in html.unescape(page)
    answer = get(client, f"/outputs/object?{urlencode({'uri': uri})}")
    assert answer.data == f"content of {key}".encode()
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    listing = output(client, "s3://data/console/")
    assert f'href="/outputs?{html.escape(urlencode({"uri": uri}))}"' in listing


@pytest.mark.parametrize("name", ["page.html", "page.htm", "page.xhtml", "page.js", "page.pdf", "page"])
def test_an_object_is_never_a_page(local_aws: RunningLocalAws, client: Client, name: str) -> None:
    uri = local_aws.put(f"pages/{name}", f"<html>{MARKUP}")
    assert html.escape(MARKUP).replace("&#39;", "'").split("onerror")[0] in output(client, uri).replace(
        "&#34;", "&quot;"
    )
    answer = get(client, f"/outputs/object?{urlencode({'uri': uri})}")
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Security-Policy"].endswith("; sandbox")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_pictures(local_aws: RunningLocalAws, client: Client) -> None:
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\0")),
        (b"IEND", b""),
    ]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    for name, content, kind in (
        ("p.png", png, "image/png"),
        ("p.svg", f"<svg>{MARKUP}</svg>".encode(), "image/svg+xml"),
    ):
        uri = local_aws.put(f"pictures/{name}", content)
        assert f'<img src="/outputs/object?{urlencode({"uri": uri})}"' in output(client, uri)
        answer = get(client, f"/outputs/object?{urlencode({'uri': uri})}")
        assert (answer.mimetype, answer.data) == (kind, content)
        assert answer.headers["Content-Security-Policy"].endswith("; sandbox")


def test_tables(local_aws: RunningLocalAws, client: Client) -> None:
    frame = pd.DataFrame({"name": [f"=HYPERLINK({n})" for n in range(300)], MARKUP: range(300)})
    for name, content in (("t.csv", frame.to_csv(index=False)), ("t.tsv", frame.to_csv(index=False, sep="\t"))):
        page = output(client, local_aws.put(f"tables/{name}", content))
        assert "<td>=HYPERLINK(199)</td>" in page
        assert "<td>=HYPERLINK(200)</td>" not in page
        assert "These are the first 200 rows." in page
        assert MARKUP not in page
    assert "The object is empty." in output(client, local_aws.put("tables/empty.csv"))


def test_parquet(local_aws: RunningLocalAws, client: Client) -> None:
    pytest.importorskip("pyarrow", reason="needs PyArrow (make .venv/.spark)")
    body = io.BytesIO()
    pd.DataFrame({"number": range(300), "text": [MARKUP] * 300}).to_parquet(body)
    page = output(client, local_aws.put("tables/t.parquet", body.getvalue()))
    assert '<th scope="col">number (int64)</th>' in page
    assert "<td>199</td>" in page
    assert "These are the first 200 rows." in page
    assert MARKUP not in page
    assert "The object is no Parquet" in output(client, local_aws.put("tables/no.parquet", "text"))


def test_texts(local_aws: RunningLocalAws, client: Client) -> None:
    page = output(client, local_aws.put("texts/t.txt", f"{MARKUP}\r\n\x1b[2Jsecond\n"))
    assert MARKUP not in page
    assert "\\x1b[2Jsecond" in page
    assert "download it" in output(client, local_aws.put("texts/t.bin", b"\0\1\2"))
    large = output(client, local_aws.put("texts/large.txt", b"x" * 600_000))
    assert "These are the first 512 KiB." in large
    assert "x" * 600_000 not in large


@pytest.mark.parametrize(
    ("uri", "status"), [("s3://data/none", 404), ("s3://no-such-bucket-1/x", 404), ("no uri", 400), ("s3://", 400)]
)
def test_what_is_not_there_is_told(client: Client, uri: str, status: int) -> None:
    page = output(client, uri, status)
    assert "Traceback" not in page
    assert "defect" not in page


def test_a_job_with_its_log_and_its_outputs(local_aws: RunningLocalAws, client: Client) -> None:
    lines = LOG_LINES_MAX + 10
    script = f"""
print({MARKUP!r}, flush=True)
for number in range({lines}):
    print("line", number)
print("\\x1b[31mred")
open("/opt/ml/processing/output/o.csv", "w").write("a,b\\n1,2\\n")
"""
    name = local_aws.run(script)["ProcessingJobName"]
    local_aws.until(
        lambda: local_aws.all_lines(name),
        lambda found: any("red" in line for line in found[-5:]) or len(found) >= lines,
    )
    page = get(client, f"/jobs/{name}").text
    assert "\\x1b[31mred" in page
    assert page.count("<li><time") == LOG_LINES_MAX
    assert f"s3://data/{name}" in page.replace("%3A%2F%2F", "://").replace("%2F", "/")
    answer = get(client, f"/jobs/{name}/log?after={int(lines) - 5}")
    count = int(answer.headers["X-Log-Lines"])
    assert answer.text.count("<li>") == count - (lines - 5)
    assert get(client, f"/jobs/{name}/log?after={count}").text.strip() == ""
    etag = get(client, f"/jobs/{name}").headers["ETag"]
    get(client, f"/jobs/{name}", 304, If_None_Match=etag)
    get(client, "/jobs/none", 404)


def test_a_job_leads_back_to_its_execution(local_aws: RunningLocalAws, client: Client) -> None:
    arn = "arn:aws:states:us-east-1:000000000000:execution:machine:a.name"
    name = local_aws.run("print(1)", Tags=[{"Key": names.EXECUTION_TAG, "Value": arn}])["ProcessingJobName"]
    page = get(client, f"/jobs/{name}").text
    assert f'href="{execution_url(arn)}"' in page
    assert "Execution a.name" in page
    other = local_aws.run("print(1)")["ProcessingJobName"]
    assert "/executions/" not in get(client, f"/jobs/{other}").text


def test_lines_of_a_log_are_text(local_aws: RunningLocalAws, client: Client) -> None:
    name = local_aws.run(f"print({MARKUP!r})")["ProcessingJobName"]
    local_aws.wait_for_log(name, MARKUP)
    page = get(client, f"/jobs/{name}").text
    assert MARKUP not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_failed_execution_and_its_actions(local_aws: RunningLocalAws, client: Client) -> None:
    states = {
        "Fails": {"Type": "Fail", "Error": MARKUP, "Cause": f"{MARKUP} \x1b[2J"},
    }
    arn = local_aws.execute(states)
    local_aws.until(
        lambda: local_aws.states.describe_execution(executionArn=arn)["status"], lambda one: one == "FAILED"
    )
    page = get(client, f"/executions/{quote(arn, safe=':')}").text
    assert MARKUP not in page
    assert "\x1b" not in page
    assert 'action="/executions/redrive"' in page
    assert "<svg" in page
    assert "<style" not in page
    answer = client.post("/executions/redrive", data=TOKEN | {"arn": arn}, headers=HOST)
    assert answer.status_code == 303
    assert "The execution continues" in get(client, answer.headers["Location"]).text
    assert "The execution continues" not in get(client, answer.headers["Location"]).text
    no_pipeline = client.post("/executions/retry", data=TOKEN | {"arn": arn}, headers=HOST)
    assert (no_pipeline.status_code, "no pipeline of this account" in no_pipeline.text.lower()) == (404, True)
    get(client, "/executions/none", 404)


def test_without_graphviz_there_is_an_outline(
    local_aws: RunningLocalAws, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = local_aws.execute({"Only": {"Type": "Succeed"}})
    monkeypatch.setattr("smproc.console.graph.importlib.util.find_spec", lambda _: None)
    page = get(client, f"/executions/{quote(arn, safe=':')}").text
    assert "<svg" not in page
    assert install_command("graph") in html.unescape(page)
    assert "Only" in page


def test_faults(local_aws: RunningLocalAws, client: Client) -> None:
    form = TOKEN | {"kind": "quota", "times": "2", "share": "0.5", "name_contains": MARKUP}
    assert client.post("/faults", data=form, headers=HOST).status_code == 303
    expected = {"kind": "quota", "times": 2, "share": 0.5, "seconds": 0.0, "name_contains": MARKUP}
    expected["instance_type"] = ""
    assert local_aws.aws.faults() == [expected]
    page = get(client, "/faults").text
    assert MARKUP not in page
    assert "50%" in page
    wrong = client.post("/faults", data=TOKEN | {"kind": "quota", "times": "x"}, headers=HOST)
    assert (wrong.status_code, "times must be a number" in wrong.text) == (400, True)
    wrong = client.post("/faults", data=TOKEN | {"kind": "none"}, headers=HOST)
    assert (wrong.status_code, "Kind must be one of" in wrong.text) == (400, True)
    assert client.post("/faults/clear", data=TOKEN, headers=HOST).status_code == 303
    assert local_aws.aws.faults() == []


def test_without_a_pipeline_the_first_page_says_what_to_do(client: Client) -> None:
    page = get(client, "/").text
    assert "cdk deploy" in page
    get(client, "/pipelines/none", 404)
    assert "cdk deploy" in get(client, "/dead-letters").text
    answer = client.post(
        "/uploads?pipeline=none&name=x",
        data=b"x",
        headers=HOST | {"Accept": "application/json", "X-CSRF-Token": TOKEN["csrf"]},
    )
    assert answer.status_code == 404
    assert "have no pipeline" in json.loads(answer.text)["error"]


def test_an_upload_has_a_limit(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smproc.console.actions.UPLOAD_MAX_BYTES", 10)
    monkeypatch.setattr("smproc.console.reader.Reader.pipeline_named", lambda *_: None)
    headers = HOST | {"Accept": "application/json", "X-CSRF-Token": TOKEN["csrf"]}
    answer = client.post("/uploads?pipeline=p&name=x", data=b"x" * 11, headers=headers)
    assert answer.status_code == 413
    assert uploads.UPLOAD_MAX_BYTES == 1024**3


def test_the_process_starts_once_and_ends(local_aws: RunningLocalAws) -> None:
    console = Console(local_aws.aws)
    assert not console.stop()
    try:
        first, second = console.open(), console.open()
        assert first.partition("/open")[0] == second.partition("/open")[0]
        assert first != second
        assert first.startswith("http://127.0.0.1:")
    finally:
        assert console.stop()
    assert not console.running
