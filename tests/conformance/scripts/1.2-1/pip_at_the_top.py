import os
import subprocess
import sys

subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", "xmltodict==0.13.0"])
subprocess.call(["pip", "install", "inflection"])
os.system("python3 -m pip install -U toolz")

import inflection
import toolz
import xmltodict

assert toolz.first(xmltodict.parse("<a>1</a>")) == "a"
assert inflection.pluralize("octopus") == "octopi"
# A program that the script starts has the packages, too.
assert subprocess.check_output("python3 -c 'import xmltodict; print(xmltodict.__version__)'", shell=True) == b"0.13.0\n"
