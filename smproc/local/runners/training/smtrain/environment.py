"""The variables ``SM_*`` of a script, and its arguments: those of the SageMaker training toolkit.

See: https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

OPT_ML = Path("/opt/ml")
CODE = OPT_ML / "code"
_CONFIG = OPT_ML / "input" / "config"
# Hyperparameters of the toolkit itself; a script gets the others as arguments.
_OWN_PREFIX = "sagemaker_"


def hyperparameters() -> dict[str, Any]:
    """Return the hyperparameters; the SageMaker SDK encodes each value as JSON."""
    return {name: _decoded(value) for name, value in _read("hyperparameters.json").items()}


def of_script(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hyperparameters without those of the toolkit itself."""
    return {name: value for name, value in parameters.items() if not name.startswith(_OWN_PREFIX)}


def arguments(parameters: Mapping[str, Any]) -> list[str]:
    """Return the hyperparameters as arguments: ``--name value``, or ``-n value`` for a name of one letter."""
    found = []
    for name in sorted(parameters):
        value = parameters[name]
        text = value if isinstance(value, str) else json.dumps(value) if isinstance(value, list | dict) else str(value)
        found += [f"-{name}" if len(name) == 1 else f"--{name}", text]
    return found


def variables(program: str, own: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of a script.

    Args:
        program: the script's path below ``/opt/ml/code``.
        own: the hyperparameters of the toolkit itself.
        parameters: the hyperparameters of the script.
    """
    resources, channels = _read("resourceconfig.json"), _read("inputdataconfig.json")
    directories = {name: f"{OPT_ML}/input/data/{name}" for name in channels}
    values: dict[str, Any] = {
        "CHANNELS": sorted(channels),
        "CURRENT_HOST": resources["current_host"],
        "CURRENT_INSTANCE_TYPE": resources.get("current_instance_type", ""),
        "CURRENT_INSTANCE_GROUP": resources.get("current_group_name", ""),
        "FRAMEWORK_PARAMS": own,
        "HOSTS": resources["hosts"],
        "HPS": parameters,
        "INPUT_CONFIG_DIR": str(_CONFIG),
        "INPUT_DATA_CONFIG": channels,
        "INPUT_DIR": f"{OPT_ML}/input",
        "LOG_LEVEL": own.get("sagemaker_container_log_level", 20),
        "MODEL_DIR": f"{OPT_ML}/model",
        "MODULE_DIR": own.get("sagemaker_submit_directory", str(CODE)),
        "MODULE_NAME": program.removesuffix(".py"),
        "NETWORK_INTERFACE_NAME": resources.get("network_interface_name", ""),
        "NUM_CPUS": os.cpu_count() or 1,
        "NUM_GPUS": 0,
        "NUM_NEURONS": 0,
        "OUTPUT_DATA_DIR": f"{OPT_ML}/output/data",
        "OUTPUT_DIR": f"{OPT_ML}/output",
        "OUTPUT_INTERMEDIATE_DIR": f"{OPT_ML}/output/intermediate",
        "RESOURCE_CONFIG": resources,
        "USER_ARGS": arguments(parameters),
        "USER_ENTRY_POINT": program,
    }
    values["TRAINING_ENV"] = {
        "channel_input_dirs": directories,
        "current_host": values["CURRENT_HOST"],
        "hosts": values["HOSTS"],
        "hyperparameters": parameters,
        "input_config_dir": values["INPUT_CONFIG_DIR"],
        "input_data_config": channels,
        "input_dir": values["INPUT_DIR"],
        "job_name": os.environ.get("TRAINING_JOB_NAME", ""),
        "model_dir": values["MODEL_DIR"],
        "module_dir": values["MODULE_DIR"],
        "module_name": values["MODULE_NAME"],
        "network_interface_name": values["NETWORK_INTERFACE_NAME"],
        "num_cpus": values["NUM_CPUS"],
        "num_gpus": 0,
        "output_data_dir": values["OUTPUT_DATA_DIR"],
        "output_dir": values["OUTPUT_DIR"],
        "resource_config": resources,
        "user_entry_point": program,
    }
    values |= {f"CHANNEL_{_variable(name)}": directory for name, directory in directories.items()}
    values |= {f"HP_{_variable(name)}": value for name, value in parameters.items()}
    return {f"SM_{name}": _text(value) for name, value in values.items()}


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")


def _text(value: object) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    return "" if value is None else str(value)


def _decoded(value: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(value)
    except ValueError:
        return value


def _read(name: str) -> dict[str, Any]:
    path = _CONFIG / name
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return content
