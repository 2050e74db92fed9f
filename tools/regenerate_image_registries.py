"""Regenerate constructs/cdk_sagemaker_processing/model/image_registries.json from the SageMaker SDKs in .tools.

The file contains facts (accounts by region, repositories, versions of frameworks and of Python) of the images that
processing jobs use, and the versions of the SDKs that they come from. SDK 3 knows newer versions and regions; what only
SDK 2 knows stays. Run it after `make .tools/sagemaker/.installed .tools/sagemaker3/.installed`, with any Python.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "constructs" / "cdk_sagemaker_processing" / "model" / "image_registries.json"
# The SDKs from the oldest to the newest: the tool, the distribution, and the package with the facts.
SDKS = (("sagemaker", "sagemaker", "sagemaker"), ("sagemaker3", "sagemaker-core", "sagemaker/core"))
# The files with the images that processing jobs use, and their scope, by framework.
FILES = {
    "sklearn": (("sklearn", "training"),),
    "spark": (("spark", "processing"),),
    "xgboost": (("xgboost", "training"),),
    # SDK 3 keeps the images that are based on Amazon Linux 2023, PyTorch 2.11 and later, in a file of their own.
    "pytorch": (("pytorch", "training"), ("pytorch-amzn2023", "training")),
    "tensorflow": (("tensorflow", "training"),),
    "mxnet": (("mxnet", "training"),),
    "huggingface": (("huggingface", "training"),),
}
# The aliases that name another version after an update of the SDK, and with it would change what an app deploys.
MOVING_ALIASES = {"pytorch": ("latest",)}


def installed_sdks() -> Iterator[tuple[str, Path]]:
    """Yield the name with the version, and the directory of the facts, of each SDK."""
    for tool, distribution, package in SDKS:
        libraries = sorted((ROOT / ".tools" / tool).glob("lib/python*/site-packages"))
        if not libraries:
            raise SystemExit(f"{distribution} is not installed: make .tools/{tool}/.installed")
        (found,) = importlib.metadata.distributions(name=distribution, path=[str(libraries[-1])])
        yield f"{distribution} {found.version}", libraries[-1] / package / "image_uri_config"


def read() -> dict[str, Any]:
    """Return the facts of the installed SDKs, with each map from region to account only once."""
    sdks = list(installed_sdks())
    frameworks = {}
    for framework, files in FILES.items():
        config: dict[str, Any] = {}
        for file, scope in files:
            for _, directory in sdks:
                if (path := directory / f"{file}.json").exists():
                    config = _merged(config, json.loads(path.read_text(encoding="utf-8"))[scope])
        registries: list[dict[str, str]] = []
        frameworks[framework] = {
            "aliases": {
                alias: version
                for alias, version in config.get("version_aliases", {}).items()
                if alias not in MOVING_ALIASES.get(framework, ())
            },
            "versions": {
                version: _compact(facts, config.get("processors"), registries)
                for version, facts in config["versions"].items()
            },
            "registries": registries,
        }
    return {"source": f"image_uri_config of {' and '.join(name for name, _ in sdks)}", "frameworks": frameworks}


def _merged(older: Any, newer: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the newer facts, with what only the older ones know first."""
    if not isinstance(older, dict) or not isinstance(newer, dict):
        return newer
    return older | {name: _merged(older.get(name), value) for name, value in newer.items()}


def _compact(facts: dict[str, Any], processors: list[str] | None, registries: list[dict[str, str]]) -> dict[str, Any]:
    """Return the facts of one version, nested where they differ by Python version or by the base framework."""
    if "repository" not in facts:
        nested: dict[str, Any] = {"aliases": facts["version_aliases"]} if "version_aliases" in facts else {}
        return nested | {
            name: _compact(variant, processors, registries)
            for name, variant in facts.items()
            if name not in ("version_aliases", "py_versions", "processors")
        }
    accounts = dict(sorted(facts["registries"].items()))
    if accounts not in registries:
        registries.append(accounts)
    compact = {
        "repository": facts["repository"],
        "registry": registries.index(accounts),
        "py_versions": facts.get("py_versions"),
        "processors": processors or facts.get("processors"),
        "processor_in_tag": facts.get("processor_in_tag"),
        "container_version": facts.get("container_version"),
        "tag_prefix": facts.get("tag_prefix"),
    }
    return {name: value for name, value in compact.items() if value is not None}


def render() -> str:
    """Return the file's text, with one version or registry per line so that diffs are readable."""
    facts = read()
    parts = []
    for framework, content in facts["frameworks"].items():
        versions = ",\n".join(
            f"    {json.dumps(name)}: {json.dumps(item)}" for name, item in content["versions"].items()
        )
        registries = ",\n".join(f"    {json.dumps(item)}" for item in content["registries"])
        parts.append(
            f'  {json.dumps(framework)}: {{\n   "aliases": {json.dumps(content["aliases"])},\n'
            f'   "versions": {{\n{versions}\n   }},\n   "registries": [\n{registries}\n   ]\n  }}'
        )
    body = ",\n".join(parts)
    return f'{{\n "source": {json.dumps(facts["source"])},\n "frameworks": {{\n{body}\n }}\n}}\n'


if __name__ == "__main__":
    OUTPUT.write_text(render(), encoding="utf-8")
    sys.stdout.write(f"wrote {OUTPUT.name} from {read()['source']}\n")
