"""New projects from templates."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from smproc.projects.files import check_empty, write_project
from smproc.projects.kinds import KINDS, Kind

_LIBRARY = ("EventDrivenProcessing", "ProcessingOutput", "uploaded_objects")


def new_project(directory: Path, kind: Kind) -> list[Path]:
    """Create a project: the app, its program, a test, and what the CDK needs.

    Args:
        directory: the project's directory, which is created if it does not exist.
        kind: the processor.

    Returns:
        The paths of the files, sorted.

    Raises:
        ProjectExistsError: the directory is not empty.
    """
    check_empty(directory)
    return write_project(directory, project_files(directory.absolute().name, kind))


def project_files(name: str, kind: Kind) -> dict[str, str]:
    """Return the files of a project, by their paths.

    Args:
        name: the project's name, of which that of the stack follows.
        kind: the processor.
    """
    project = KINDS[kind]
    imports = {*_LIBRARY, project.processor} | ({"ProcessingBucket"} if kind is Kind.SPARK_JAR else set())
    values = {
        "kind": str(kind),
        "title": " ".join("".join(one if one.isprintable() else " " for one in name).split()) or "Processing",
        "stack_name": _stack_name(name),
        "processor": project.processor,
        "imports": sorted(imports, key=lambda one: (one[0].islower(), one.lower())),
        "options": project.options,
        "code": project.code,
        "arguments": project.arguments,
        "script": project.script,
        "image": project.image,
        # The module for tests; that of Spark needs a session.
        "module": ".".join(PurePosixPath(project.script).with_suffix("").parts)
        if project.template == "process.py.j2"
        else "",
        "is_spark": kind in (Kind.PYSPARK, Kind.SPARK_JAR),
    }
    templates = {
        "app.py": "app.py.j2",
        project.script: project.template,
        "tests/test_app.py": "test_app.py.j2",
        "README.md": "README.md.j2",
    }
    if project.image:
        templates[f"{project.image}/Dockerfile"] = "Dockerfile.j2"
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - slow to load

    environment = Environment(  # noqa: S701 - the files are no HTML
        loader=PackageLoader("smproc.projects"), undefined=StrictUndefined, keep_trailing_newline=True
    )
    files = {path: environment.get_template(template).render(values) for path, template in templates.items()}
    return files | {"requirements-dev.txt": "-r requirements.txt\npytest>=8\n"}


def _stack_name(name: str) -> str:
    """Return a stack's name: letters and digits, the first of them a letter."""
    words = re.findall(r"[A-Za-z0-9]+", name)
    found = "".join(word[0].upper() + word[1:] for word in words)[:100]
    return found if found[:1].isalpha() else f"Processing{found}"
