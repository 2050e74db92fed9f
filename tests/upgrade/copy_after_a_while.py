"""Copy every file to the output, each after the seconds that it has for its text."""

import pathlib
import shutil
import time

source = pathlib.Path("/opt/ml/processing/input/data")
target = pathlib.Path("/opt/ml/processing/copies")
for path in sorted(path for path in source.rglob("*") if path.is_file()):
    time.sleep(int(path.read_text()))
    copy = target / path.relative_to(source)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, copy)
