"""Write the pages about constructs, with their pictures, and the reference, from the templates of the examples.

    python -m tools.regenerate_construct_pages

A test uses this module to check that the pages are those of the examples.
"""

from __future__ import annotations

from pathlib import Path

from tools.construct_pages.commands import command_pages
from tools.construct_pages.overview import overview
from tools.construct_pages.pages import PAGES
from tools.construct_pages.reference import command_reference, reference
from tools.construct_pages.rendering import render
from tools.construct_pages.templates import ROOT, synthesize

DOCS = ROOT / "docs"
DIRECTORY = DOCS / "constructs"
PICTURES = DOCS / "images" / "constructs"


def files() -> dict[Path, str]:
    """Return the texts of all pages and pictures by their paths."""
    found = {}
    shown: set[str] = set()
    for page in PAGES:
        text, pictures = render(page, synthesize(page.app, page.stack), whole=page.example not in shown)
        shown.add(page.example)
        found[DIRECTORY / f"{page.file}.md"] = text
        found.update({PICTURES / name: picture for name, picture in pictures.items()})
    found[DOCS / "images" / "overview.svg"] = overview(synthesize("app.py"))
    found[DOCS / "reference.md"] = reference()
    found[DOCS / "reference-of-commands.md"] = command_pages()
    found[DOCS / "reference-of-smproc.md"] = command_reference()
    return found


if __name__ == "__main__":
    written = files()
    for directory in (DIRECTORY, PICTURES):
        directory.mkdir(parents=True, exist_ok=True)
        for path in directory.iterdir():
            if path not in written:
                path.unlink()
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")
