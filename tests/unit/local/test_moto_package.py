"""The interpreter of moto without what it imports and does not use here."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from smproc.local.server.step_functions import moto_package
moto_package.prepare()
import importlib
importlib.import_module(moto_package.PARSER + ".asl.eval.environment")
before = "requests.sessions" in sys.modules
import requests
session = requests.Session
print(before, "requests.sessions" in sys.modules, session.__module__, sys.modules["requests"].__version__ != "")
"""


def test_requests_is_loaded_when_its_first_name_is_used() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], check=False, capture_output=True, text=True)
    assert ran.stdout == "False True requests.sessions True\n", ran.stderr
