"""The documentation as a site: built strictly, each link in it leads somewhere, and its pages fit narrow and wide.

``SITE_SCREENSHOTS=directory`` writes pictures of some pages, narrow and wide, light and dark.
"""

from __future__ import annotations

import html.parser
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.helpers.chromium import Browser
from tests.helpers.stacks import ROOT

# The elements of the text that are wider than the column, and that nothing around them lets scroll.
_OVERFLOWING = """() => [...document.querySelectorAll(".md-content table, .md-content img, .md-content pre")].filter(
  (found) => {
    const column = document.querySelector(".md-content__inner").getBoundingClientRect().right + 20;
    for (let around = found; around && around.closest(".md-content__inner"); around = around.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(around).overflowX)) return false;
    return found.getBoundingClientRect().right > column;
  })"""
MKDOCS = ROOT / ".tools" / "site" / "bin" / "mkdocs"
pytestmark = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not MKDOCS.exists():
        pytest.skip("needs MkDocs (make .tools/site/.installed)")
    out = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [MKDOCS, "build", "--strict", "--site-dir", out],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return out


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


class _Targets(html.parser.HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := found.get(name))}
        if tag == "a" and (href := found.get("href")):
            self.links.append(href)
        source = found.get("src") or (found.get("href") if tag == "link" and found.get("rel") == "stylesheet" else None)
        if source:
            self.loaded.append(source)


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, _Targets]:
    found = {}
    for path in sorted(site.rglob("*.html")):
        found[path] = _Targets()
        found[path].feed(path.read_text(encoding="utf-8"))
    return found


def local(links: list[str]) -> Iterator[tuple[str, str]]:
    """Yield path and anchor of the links within the site."""
    for link in links:
        parts = urlsplit(link)
        if not parts.scheme and not parts.netloc:
            yield unquote(parts.path), unquote(parts.fragment)


def test_each_link_leads_to_a_page_and_an_anchor(site: Path, pages: dict[Path, _Targets]) -> None:
    broken = []
    for path, page in pages.items():
        if path.name == "404.html":  # its links start at the root of a server
            continue
        for target, anchor in local(page.links):
            file = (path.parent / target).resolve() if target else path
            file = file / "index.html" if file.is_dir() else file
            if not file.exists() or (anchor and file in pages and anchor not in pages[file].anchors):
                broken.append(f"{path.relative_to(site)}: {target}#{anchor}")
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[Path, _Targets]) -> None:
    loaded = {source for page in pages.values() for source in page.loaded}
    assert [source for source in sorted(loaded) if urlsplit(source).netloc] == []
    for path, page in pages.items():
        for target, _ in local(page.loaded):
            assert path.name == "404.html" or (path.parent / target).resolve().exists(), f"{path}: {target}"
    styles = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"@import|url\(\s*['\"]?https?:", styles) == []


def test_external_links_are_well_formed(pages: dict[Path, _Targets]) -> None:
    external = {link for page in pages.values() for link in page.links if urlsplit(link).netloc}
    assert external
    assert [
        link for link in sorted(external) if not re.fullmatch(r"https://[\w.-]+\.\w+(:\d+)?(/[^\s<>\"]*)?", link)
    ] == []


def test_the_search_finds_constructs_and_their_parameters(site: Path) -> None:
    index = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    for word in ("max_concurrent_jobs", "volume_kms_key", "retry_on_capacity", "smproc backfill start"):
        assert word in index


def test_each_parameter_of_a_construct_is_on_its_page(site: Path) -> None:
    page = (site / "constructs" / "event-driven-processing.html").read_text(encoding="utf-8")
    for parameter in ("steps", "prefixes", "batch_size", "reconcile", "failure_topic", "encryption_key"):
        assert re.search(rf"<code>{parameter}</code>", page), parameter


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1440])
def test_a_page_fits_a_phone_and_a_desk(site: Path, browser: Browser, width: int, scheme: str) -> None:
    pictures = os.environ.get("SITE_SCREENSHOTS")
    for page in ("index", "first-pipeline", "constructs/s3-trigger", "trigger"):
        browser.emulate(width=width, height=1400, media={"prefers-color-scheme": scheme})
        browser.open((site / f"{page}.html").as_uri())
        over = browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over == 0, f"{page} is {over} pixels too wide"
        # The last table or picture that is wider than the column is in something that scrolls.
        assert browser.evaluate(f"({_OVERFLOWING})().length") == 0, page
        background = browser.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 384) == (scheme == "dark"), background
        if pictures:
            browser.screenshot(Path(pictures) / f"{page.replace('/', '-')}-{width}-{scheme}.png")
