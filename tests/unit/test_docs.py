"""The names, paths and link targets in the documentation exist, and its examples synthesize."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]
# The packages with which a dotted name may start, and their directories.
PACKAGES = {
    "cdk_sagemaker_processing": ROOT / "constructs",
    "s3_trigger": ROOT / "lambda",
    "smproc": ROOT,
    "tests": ROOT,
    "unpack_code": ROOT / "lambda",
}
CODE_SPAN = re.compile(r"`([^`\n]+)`")
DOTTED_NAME = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+")
# Without the directories that the set-up creates, such as .venv and .tools.
PATH = re.compile(r"(?!\.)[\w.-]+(?:/[\w.-]+)+/?|[\w-]+\.(?:py|sh|toml)")
LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
ERRORS = re.compile(r"^ *```text\n( *\w+Error: .*?)^ *```", re.MULTILINE | re.DOTALL)


def without_fences(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)


def spans(page: str) -> set[str]:
    return set(CODE_SPAN.findall(without_fences((ROOT / page).read_text(encoding="utf-8"))))


def members(body: list[ast.stmt]) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Yield each name that a module or a class defines or imports, with its own body."""
    for node in body:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name, node.body
            case ast.ImportFrom() | ast.Import():
                yield from ((alias.asname or alias.name, []) for alias in node.names)
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name, []
            case ast.Assign():
                yield from ((target.id, []) for target in node.targets if isinstance(target, ast.Name))
            case ast.If():
                yield from members(node.body)


def exists(dotted: str) -> bool:
    """Return whether a name exists, by the source alone: nothing is imported, and Node is not started."""
    first, *rest = dotted.split(".")
    module = PACKAGES[first] / first
    while rest and ((module / rest[0]).is_dir() or (module / f"{rest[0]}.py").is_file()):
        module /= rest.pop(0)
    if not rest:
        return True
    file = module.with_suffix(".py") if module.with_suffix(".py").is_file() else module / "__init__.py"
    body = ast.parse(file.read_text(encoding="utf-8")).body
    for name in rest:
        found = dict(members(body))
        if name not in found:
            return False
        body = found[name]
    return True


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_name_exists(page: str) -> None:
    names = {span for span in spans(page) if DOTTED_NAME.fullmatch(span)}

    assert [name for name in sorted(names) if not exists(name)] == []
    assert not exists("smproc.operations.watch.no_such_name")


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_path_exists(page: str) -> None:
    paths = {span for span in spans(page) if PATH.fullmatch(span) and not span.startswith("build/")}  # not yet built

    assert paths
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page, and those that it has itself."""
    if page.suffix != ".md":
        return set()
    text = without_fences(page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    own = re.findall(r'<a id="([^"]+)"></a>', text)
    return {*own, *(re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings)}


@pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])
def test_every_link_has_a_target(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


# Pages whose blocks of Python are one app, each continuing those before. True: it synthesizes without warnings of ours.
APPS = {"README.md": True, "docs/workflows.md": True, "docs/from-hand-written-cdk.md": False}


@pytest.mark.parametrize("page", APPS)
def test_the_examples_of_a_page_synthesize(page: str, tmp_path: Path) -> None:
    examples = PYTHON.findall((ROOT / page).read_text(encoding="utf-8"))
    # An app ends where the next one begins.
    source = "\n".join([*examples, "app.synth()"])
    source = source.replace("\n\napp = cdk.App()", "\n\n'app' in globals() and app.synth()\napp = cdk.App()")
    (tmp_path / "app.py").write_text(source)
    for script in re.findall(r'code="([^"]+)"', source):
        (tmp_path / script).touch()

    process = subprocess.run(
        [sys.executable, "app.py"],
        cwd=tmp_path,
        env={**os.environ, "CDK_OUTDIR": str(tmp_path / "cdk.out")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert examples
    assert process.returncode == 0, process.stderr
    manifest = (tmp_path / "cdk.out" / "manifest.json").read_text()
    assert not APPS[page] or "cdk-sagemaker-processing:" not in manifest


def test_the_errors_of_the_overview_match_those_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import aws_cdk as cdk  # noqa: PLC0415 - it starts Node, which the other tests do not need
    from aws_cdk import aws_s3 as s3  # noqa: PLC0415

    import cdk_sagemaker_processing as library  # noqa: PLC0415

    (tmp_path / "preprocess.py").touch()
    monkeypatch.chdir(tmp_path)
    stack = cdk.Stack(cdk.App(), "Stack")
    wrong = library.SKLearnProcessor(stack, "Wrong", framework_version="1.2-1", instance_type="ml.m5.xlage")
    processor = library.SKLearnProcessor(stack, "Right", framework_version="1.2-1", instance_type="ml.m5.xlarge")
    bucket = s3.Bucket(stack, "Bucket")
    output = library.ProcessingOutput(
        source="/opt/ml/processing/out", destination=f"s3://{bucket.bucket_name}/incoming/out/"
    )
    step = processor.run("Split", code="preprocess.py", outputs=[output])

    with pytest.raises(library.InvalidValueError) as value:
        wrong.run("Split", code="preprocess.py")
    with pytest.raises(library.ConflictingValuesError) as conflict:
        library.EventDrivenProcessing(stack, "P", steps=[step], input_bucket=bucket, prefixes=["incoming/"])

    (printed,) = ERRORS.findall((ROOT / "docs" / "overview.md").read_text(encoding="utf-8"))
    raised = f"InvalidValueError: {value.value} ConflictingValuesError: {conflict.value}"
    assert " ".join(printed.split()) == raised


def test_the_measured_table_is_that_of_its_command() -> None:
    from benchmarks import sharding  # noqa: PLC0415 - it imports the local AWS, which the other tests do not need

    _, _, rest = sharding.PAGE.read_text(encoding="utf-8").partition(sharding.BEGIN)
    about, _, header, _, *rows = rest.partition(sharding.END)[0].splitlines()
    assert about.startswith(f"{sharding.FILES} files of {sharding.ROWS:,} rows and {sharding.COLUMNS} columns")
    assert header == sharding.HEADER
    assert [int(row.split("|")[1]) for row in rows] == list(sharding.HOSTS)


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in PAGES if page.is_relative_to(ROOT / "docs")}
    # The decisions are listed by their directory.
    listed = {page for page in pages if f" {page}\n" in navigation} | {
        page for page in pages if page.startswith("adr/")
    }
    assert pages == listed, "add the page to `nav` of mkdocs.yml"


def test_no_page_repeats_another() -> None:
    """Compare runs of twenty words of the prose; generated pages may share their headers."""
    found: dict[tuple[str, ...], set[str]] = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if page.parent == ROOT / "docs" / "constructs" or "enerated by `python" in text:
            continue
        words = re.findall(r"[\w.-]+", LINK.sub("", without_fences(text)).lower())
        for start in range(len(words) - 20):
            found.setdefault(tuple(words[start : start + 20]), set()).add(page.name)
    repeated = {" ".join(words): pages for words, pages in found.items() if len(pages) > 1}
    assert repeated == {}
