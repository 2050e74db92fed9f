"""Hooks of MkDocs: pages of the repository that lie outside of docs/, and the list of decisions.

The pages of docs/ link to files of the repository, as readers of the repository expect. On the site, a linked page such
as README.md is a page too, and a linked file or directory a page that shows it.

See: https://www.mkdocs.org/dev-guide/plugins/#events
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
# Pages of the repository with a name of their own on the site.
_PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
_DECISIONS = "adr/index.md"
_LINK = re.compile(r"(\[[^\]]*\]\()(?!https?:|#|mailto:)([^)\s#]+)((?:#[^)\s]*)?\))")
_LANGUAGES = {".py": "python", ".md": "markdown", ".toml": "toml", ".json": "json", ".sh": "bash"}
# The pages that show files, by the files.
_shown: set[str] = set()


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replace the entry `adr` of the navigation by the decisions, and name the project's own pages."""
    for section in config.nav or []:
        for entries in section.values():
            for entry in entries:
                if isinstance(entry, dict) and entry.get("Decisions") == "adr":
                    entry["Decisions"] = [_DECISIONS, *(f"adr/{path.name}" for path in _decisions())]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the repository, and a page for each other file that a page links to."""
    sources = {name: (ROOT / name).read_text(encoding="utf-8") for name in _PAGES}
    for file in files.documentation_pages():
        sources[f"docs/{file.src_uri}"] = file.content_string
    _shown.clear()
    for name, text in sources.items():
        _shown.update(filter(_is_shown, (_target(name, link) for _, link, _ in _LINK.findall(text))))
    for name, page in _PAGES.items():
        files.append(File.generated(config, page, content=sources[name]))
    for name in sorted(_shown):
        files.append(File.generated(config, _page_of(name), content=_view(name)))
    files.append(File.generated(config, _DECISIONS, content=_list_of_decisions()))
    return files


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:  # noqa: ANN401, ARG001 - MkDocs' types and names
    """Point links to files of the repository to their pages."""
    own = page.file.src_uri
    name = next((name for name, uri in _PAGES.items() if uri == own), f"docs/{own}")

    def rewritten(match: re.Match[str]) -> str:
        target = _target(name, match[2])
        if target in _PAGES or target in _shown:
            return f"{match[1]}{posixpath.relpath(_page_of(target), posixpath.dirname(own))}{match[3]}"
        if target == "docs/adr":
            return f"{match[1]}{posixpath.relpath(_DECISIONS, posixpath.dirname(own))}{match[3]}"
        if target.startswith("docs/") and name in _PAGES:
            return f"{match[1]}{target.removeprefix('docs/')}{match[3]}"
        return match[0]

    return _LINK.sub(rewritten, markdown)


def on_page_content(html: str, page: Any, config: MkDocsConfig, files: Files) -> str:  # noqa: ANN401, ARG001 - MkDocs' types and names
    """Keep the size of each drawing: one that is wider than the page scrolls."""
    return re.sub(r'<img [^>]*src="[^"]*\.svg"[^>]*>', r'<span class="picture">\g<0></span>', html)


def _decisions() -> list[Path]:
    return sorted((ROOT / "docs" / "adr").glob("*.md"))


def _list_of_decisions() -> str:
    titles = [path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for path in _decisions()]
    rows = [f"- [{title}]({path.name})" for title, path in zip(titles, _decisions(), strict=True)]
    about = "Choices that are hard to reverse, each with its evidence and what would reverse it."
    return f"# Decisions\n\n{about}\n\n" + "\n".join(rows) + "\n"


def _target(name: str, link: str) -> str:
    """Return the path in the repository that a link of a page leads to."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), link))


def _is_shown(name: str) -> bool:
    return name not in _PAGES and not name.startswith(("docs/", "..")) and (ROOT / name).exists()


def _page_of(name: str) -> str:
    return _PAGES.get(name, f"files/{name}.md")


def _view(name: str) -> str:
    """Return a page that shows a file, or the files of a directory."""
    path = ROOT / name
    front = "---\nsearch:\n  exclude: true\nhide: [navigation]\n---\n"
    if path.is_dir():
        shown = sorted(each for each in path.rglob("*") if each.is_file() and each.suffix in _LANGUAGES)
        parts = [f"## {each.relative_to(path)}\n\n{_fenced(each)}" for each in shown]
        return f"{front}# `{name}`\n\n" + "\n".join(parts)
    return f"{front}# `{name}`\n\n{_fenced(path)}"


def _fenced(path: Path) -> str:
    return f"````{_LANGUAGES.get(PurePosixPath(path.name).suffix, 'text')}\n{path.read_text(encoding='utf-8')}````\n"
