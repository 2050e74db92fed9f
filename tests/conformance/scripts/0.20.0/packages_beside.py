import jinja2
import psutil
import requests
import yaml

options = yaml.safe_load(jinja2.Template("columns: [{{ first }}, income]").render(first="age"))
assert options == {"columns": ["age", "income"]}
assert requests.Request("GET", "http://localhost").prepare().url == "http://localhost/"
assert psutil.cpu_count() >= 1
