import os
import subprocess
import sys

subprocess.check_call([sys.executable, "-m", "pip", "install", "--user", "xmltodict", "tqdm==4.64.1"])

import site

import tqdm
import xmltodict

assert xmltodict.parse("<a>1</a>") == {"a": "1"}
assert tqdm.__version__ == "4.64.1", "what the user has comes before what the image has"
assert site.getsitepackages() and os.environ["SM_MODEL_DIR"] == "/opt/ml/model"
subprocess.check_call(["/miniconda3/bin/python", "-c", "import pandas, xmltodict"])
