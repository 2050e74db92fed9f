"""Copy every file to the output, and fail on a corrupt one."""

import pathlib
import shutil
import sys

source = pathlib.Path("/opt/ml/processing/input/data")
target = pathlib.Path("/opt/ml/processing/copies")
for path in sorted(path for path in source.rglob("*") if path.is_file()):
    if path.read_bytes() == b"corrupt":
        pathlib.Path("/opt/ml/output/message").write_text(f"{path.name} is corrupt")
        sys.exit(1)
    copy = target / path.relative_to(source)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, copy)
