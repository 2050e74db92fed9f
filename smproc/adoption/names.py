"""Ids of constructs and names of variables, from the names of what is adopted."""

from __future__ import annotations

import keyword
import re
from collections.abc import Container
from typing import Final

# The end that the SageMaker SDK gives a job's name, or this library.
_GENERATED_END: Final = re.compile(
    r"-(?:\d{4}(?:-\d{2}){5}-\d{3}|\d{10}-[0-9a-f]{4}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$"
)
_PIPELINES: Final = re.compile(r"pipelines-[a-z0-9]+-(?P<step>.*)-[A-Za-z0-9]{10}")
_LONGEST_ID: Final = 60


def base_name(job_name: str) -> str:
    """Return a job's name without the part that makes it unique.

    Example:
        >>> base_name("sagemaker-scikit-learn-2026-01-02-03-04-05-678")
        'sagemaker-scikit-learn'
    """
    if matched := _PIPELINES.fullmatch(job_name):
        return matched["step"]
    return _GENERATED_END.sub("", job_name) or job_name


def construct_id(text: str, default: str = "Run") -> str:
    """Return an id in PascalCase.

    Example:
        >>> construct_id("pre-process_data v2")
        'PreProcessDataV2'
    """
    words = re.findall(r"[A-Za-z0-9]+", text)
    found = "".join(word[0].upper() + word[1:] for word in words)[:_LONGEST_ID]
    return found if found[:1].isalpha() else f"{default}{found}"


def variable_name(text: str, default: str = "run") -> str:
    """Return a variable's name in snake_case.

    Example:
        >>> variable_name("SKLearnProcessor"), variable_name("PreProcessData")
        ('sk_learn_processor', 'pre_process_data')
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
    name = "_".join(re.findall(r"[A-Za-z0-9]+", spaced)).lower()
    if not name[:1].isalpha():
        name = f"{default}_{name}".strip("_")
    return f"{name}_" if keyword.iskeyword(name) or keyword.issoftkeyword(name) else name


def unique(name: str, taken: Container[str], separator: str = "") -> str:
    """Return the name, with a number at its end if it is taken."""
    if name not in taken:
        return name
    number = 2
    while f"{name}{separator}{number}" in taken:
        number += 1
    return f"{name}{separator}{number}"
