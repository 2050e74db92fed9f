"""Validate SBOMs by CycloneDX's own schema, with the interpreter of `.tools/cyclonedx-bom`, which has the schema.

.tools/cyclonedx-bom/bin/python tools/validate_sbom.py lambda/vendored.cdx.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def main(paths: list[str]) -> int:
    """Print what is wrong with each file; the exit status is 0 when nothing is."""
    status = 0
    for path in paths:
        text = Path(path).read_text(encoding="utf-8")
        version = SchemaVersion.from_version(json.loads(text)["specVersion"])
        if error := JsonStrictValidator(version).validate_str(text):
            sys.stderr.write(f"{path}: {error}\n")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
