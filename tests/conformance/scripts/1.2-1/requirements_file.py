import os
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
with open("/tmp/requirements.txt", "w") as requirements:
    requirements.write("xmltodict>=0.12  # to read XML\n")
subprocess.check_call([sys.executable, "-m", "pip", "install", "-r", "/tmp/requirements.txt"])
subprocess.check_call(["pip3", "install", "-q", "--no-cache-dir", "--target", "/tmp/more", "toolz"])
sys.path.insert(0, "/tmp/more")

import toolz
import xmltodict

print(here, toolz.__file__, xmltodict.__file__)
