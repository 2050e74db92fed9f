"""Follow the instruction in the file: `exit N`, `show the beginnings` of its credentials, or copy it to the output."""

from __future__ import annotations

import json
import os
import shutil
import sys
import urllib.request
from pathlib import Path

BASE = Path("/opt/ml/processing")
(path,) = (BASE / "input" / "data").iterdir()
order = path.read_text(encoding="utf-8").split()
sys.stdout.write(f"the order is {order}\n")
if order[:1] == ["exit"]:
    for number in range(30):
        sys.stdout.write(f"line {number}\n")
    Path("/opt/ml/output").mkdir(parents=True, exist_ok=True)
    Path("/opt/ml/output/message").write_text(" ".join(["told to fail", *order[2:]]), encoding="utf-8")
    sys.exit(int(order[1]))
if order == ["show", "the", "beginnings"]:
    token, address = (os.environ[f"AWS_CONTAINER_{name}"] for name in ("AUTHORIZATION_TOKEN", "CREDENTIALS_FULL_URI"))
    request = urllib.request.Request(address, headers={"Authorization": token})  # noqa: S310 - the local AWS
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - the same
        credentials = json.load(answer)
    sys.stdout.write(
        f"beginnings {[secret[:8] for secret in (token, credentials['SecretAccessKey'], credentials['Token'])]}\n"
    )
shutil.copy(path, BASE / "done" / path.name)
