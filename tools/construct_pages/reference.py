"""The list of the public interface, and the names that no page about a construct documents."""

from __future__ import annotations

import cdk_sagemaker_processing as library
import smproc
from smproc import testing
from tools.construct_pages.pages import ERRORS, PAGES, VALUES
from tools.construct_pages.rendering import GENERATED, summary, table

_ABOUT = """\
Everything that `cdk_sagemaker_processing` exports. Names that are not listed here, and modules below the package, may
change without notice."""
_COMMAND_ABOUT = """\
What `smproc` exports, for [operating pipelines from Python](python-operations.md), and `smproc.testing`, for the
annotations of tests with the [fixtures for pytest](testing.md#tests-of-your-own-pipelines). The
[commands](reference-of-commands.md) have a page of their own."""


def reference() -> str:
    """Return the text of the page about the constructs and their values."""
    pages = {name: page.file for page in PAGES for name in (page.name, *page.others)}
    rows = [
        (_link(name, pages.get(name)), summary(name).replace("\n", " ").replace("|", "\\|")) for name in library.__all__
    ]
    parts = [GENERATED, "# Reference", _ABOUT, table(["name", "is"], rows)]
    parts += ["## Inputs, outputs and values", *(f"::: {library.__name__}.{name}" for name in VALUES)]
    parts += ["## Errors", *(f"::: {library.__name__}.{name}" for name in ERRORS)]
    return "\n\n".join(parts) + "\n"


def command_reference() -> str:
    """Return the text of the page about the Python interface of the command."""
    parts = [GENERATED, "# Reference of smproc", _COMMAND_ABOUT]
    parts += ["## smproc", *(f"::: smproc.{name}" for name in smproc.__all__)]
    parts += ["## smproc.testing", *(f"::: smproc.testing.{name}" for name in testing.__all__)]
    return "\n\n".join(parts) + "\n"


def _link(name: str, page: str | None) -> str:
    return f"[`{name}`](constructs/{page}.md)" if page else f"[`{name}`][{library.__name__}.{name}]"
