"""The texts that a job's program receives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def program_texts(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the environment variables, arguments and strings of the entry point, each with its parameter's name.

    Args:
        request: the request. Lists and mappings that are known only later are skipped.
    """
    program, env = request["AppSpecification"], request.get("Environment")
    if isinstance(env, Mapping):
        yield from ((f"env[{name!r}]", value) for name, value in env.items() if isinstance(value, str))
    for parameter in ("Arguments", "Entrypoint"):
        values = program.get(f"Container{parameter}")
        if isinstance(values, list | tuple):
            yield from (
                (f"{parameter.lower()}[{index}]", value) for index, value in enumerate(values) if isinstance(value, str)
            )
