import os
import site
import subprocess
import sys
import sysconfig

# A module beside the packages, and a program on the PATH.
for directory in (site.getsitepackages()[0], sysconfig.get_paths()["purelib"]):
    with open(os.path.join(directory, "settings_of_the_team.py"), "w") as module:
        module.write("COLUMNS = ['age', 'income']\n")
import settings_of_the_team

assert settings_of_the_team.COLUMNS
with open("/usr/local/bin/count-rows", "w") as program:
    program.write("#!/bin/sh\nwc -l\n")
os.chmod("/usr/local/bin/count-rows", 0o755)
assert subprocess.check_output(["count-rows"], input=b"1\n2\n").split() == [b"2"]
for directory in ("/usr/local/lib/nltk_data/corpora", "/usr/local/share/nltk_data", "/usr/local/nltk_data", "/data", "/opt/program", "/var/tmp/x", "/home/user", "/etc/app"):
    os.makedirs(directory, exist_ok=True)
    open(os.path.join(directory, "file"), "w").write("text")
print(sys.prefix, os.getcwd(), os.path.expanduser("~"))
