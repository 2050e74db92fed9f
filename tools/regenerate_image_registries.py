"""Regenerate constructs/cdk_sagemaker_processing/model/image_registries.json from an installed SageMaker SDK.

The file contains facts (accounts by region, repositories, versions of frameworks and of Python) of the images that
processing jobs use, and the version of the SDK that they come from. Run it with a Python that has the SDK:
`python tools/regenerate_image_registries.py` after `pip install sagemaker==2.257.7`.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

# The scope whose images processing jobs use, by framework.
SCOPES = {
    "sklearn": "training",
    "spark": "processing",
    "xgboost": "training",
    "pytorch": "training",
    "tensorflow": "training",
    "mxnet": "training",
    "huggingface": "training",
}
OUTPUT = (
    Path(__file__).resolve().parents[1] / "constructs" / "cdk_sagemaker_processing" / "model" / "image_registries.json"
)


def read() -> dict[str, Any]:
    """Return the facts of the installed SDK, with each map from region to account only once."""
    spec = importlib.util.find_spec("sagemaker")
    if spec is None or spec.origin is None:
        raise SystemExit("the SageMaker SDK is not installed: pip install sagemaker==2.257.7")
    directory = Path(spec.origin).parent / "image_uri_config"
    frameworks = {}
    for framework, scope in SCOPES.items():
        config = json.loads((directory / f"{framework}.json").read_text(encoding="utf-8"))[scope]
        registries: list[dict[str, str]] = []
        frameworks[framework] = {
            "aliases": config.get("version_aliases", {}),
            "versions": {
                version: _compact(facts, config.get("processors"), registries)
                for version, facts in config["versions"].items()
            },
            "registries": registries,
        }
    version = importlib.metadata.version("sagemaker")
    return {"source": f"sagemaker {version}, image_uri_config", "frameworks": frameworks}


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
