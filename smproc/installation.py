"""The installation of this package, for the commands that install more of it."""

from __future__ import annotations

import json
import sys
from importlib.metadata import PackageNotFoundError, distribution
from urllib.parse import unquote, urlsplit

from smproc.terminal_text import shell_word

_DISTRIBUTION = "cdk-sagemaker-processing"


def install_command(extra: str) -> str:
    """Return the command that installs an extra from where this package comes, into its Python.

    Args:
        extra: the extra, such as ``local``.

    See: https://packaging.python.org/en/latest/specifications/direct-url/
    """
    try:
        record = json.loads(distribution(_DISTRIBUTION).read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        record = {}
    url = str(record.get("url", ""))
    if not url:
        requirement = f"{_DISTRIBUTION}[{extra}]"
    elif url.startswith("file:"):
        requirement = f"{unquote(urlsplit(url).path)}[{extra}]"
    else:
        revision = f"@{record['vcs_info']['commit_id']}" if "vcs_info" in record else ""
        scheme = f"{record['vcs_info']['vcs']}+" if "vcs_info" in record else ""
        requirement = f"{_DISTRIBUTION}[{extra}] @ {scheme}{url}{revision}"
    option = "--editable " if record.get("dir_info", {}).get("editable") else ""
    return f"{shell_word(sys.executable)} -m pip install {option}{shell_word(requirement)}"
