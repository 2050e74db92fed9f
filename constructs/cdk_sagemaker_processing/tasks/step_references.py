"""References to what a step of a workflow returned, in the requests and conditions of later steps.

Each step has a variable of Step Functions. Its name follows from the state's, so that a reference can be written before
the workflow exists; the workflow replaces it where another variable contains the step's result: AWS allows no variable
in a ``Parallel`` or ``Map`` state with the name of one outside of it.

See: https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from aws_cdk import aws_stepfunctions as sfn
from constructs import IConstruct

from cdk_sagemaker_processing._internal.construct_tree import path_of, root_of
from cdk_sagemaker_processing._internal.digests import short_digest
from cdk_sagemaker_processing.model.service_limits import maximum
from cdk_sagemaker_processing.model.tokens import STRING_TOKEN
from cdk_sagemaker_processing.tasks.query_languages import jsonata_path
from cdk_sagemaker_processing.tasks.run_time_values import path_token

_PREFIX = "step_"
_ROOM_FOR_SUFFIX = 4
_PATH: Final = rf"\${_PREFIX}\w+(?:[.\[]\S*)?"
_QUOTED: Final = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_VARIABLE: Final = rf"\$({_PREFIX}\w+)"


def variable_of(state_name: str) -> str:
    """Return the variable of a step, which contains what the step returned.

    Args:
        state_name: the name of the step's state. Characters that are no letters and digits of English become an
            underscore; two in a row occur only where a workflow adds a suffix. Names with letters of other scripts, and
            long names, get a digest.
    """
    name = _PREFIX + re.sub(r"[\W_]+", "_", state_name, flags=re.ASCII).strip("_")
    room = maximum("VariableNameCharacters") - _ROOM_FOR_SUFFIX
    if state_name.isascii() and len(name) <= room:
        return name
    digest = short_digest(state_name)
    return f"{name[: room - len(digest) - 1].rstrip('_')}_{digest}"


class StepReference(NamedTuple):
    """A part of what a step returned.

    Attributes:
        step: the step's construct.
        variable: the step's variable.
        parts: the names and indexes of the part in the variable.
        as_text: whether the part, such as a number, is inserted as text.
    """

    step: IConstruct
    variable: str
    parts: tuple[str | int, ...]
    as_text: bool = False

    @property
    def name(self) -> str:
        """The name of the step's construct."""
        return path_of(self.step).rpartition("/")[2]

    def token(self, variable: str | None = None) -> str:
        """Return the token to write into a request.

        Args:
            variable: the variable to read. Default: the step's.
        """
        known = _KNOWN.setdefault(root_of(self.step), _Tokens({}, {}))
        key = (path_of(self.step), variable or self.variable, self.parts, self.as_text)
        if key not in known.tokens:
            value = path_token(f"${variable or self.variable}{json_path(self.parts)}")
            known.tokens[key] = token = sfn.JsonPath.format("{}", value) if self.as_text else value
            known.references[token] = self._replace(variable=key[1])
        return known.tokens[key]

    def jsonata(self, variable: str | None = None) -> str:
        """Return the part as an expression of JSONata, without its delimiters.

        Args:
            variable: the variable to read. Default: the step's.
        """
        return jsonata_path(f"${variable or self.variable}{json_path(self.parts)}")


def references_in(scope: IConstruct, value: Any) -> dict[str, StepReference]:  # noqa: ANN401 - any part of a request
    """Return the references in a part of a request, by their tokens.

    Args:
        scope: a construct of the app.
        value: text, or lists and objects with text.
    """
    known = _KNOWN.get(root_of(scope))
    if known is None:
        return {}
    tokens = (token for text in _texts(value) for token in STRING_TOKEN.findall(text))
    return {token: known.references[token] for token in tokens if token in known.references}


def variables_in(value: Any) -> set[str]:  # noqa: ANN401 - any part of a definition
    """Return the variables of steps that the expressions and paths of rendered states refer to."""
    return {name for text in _expressions(value) for name in re.findall(_VARIABLE, re.sub(_QUOTED, "", text))}


def variables_assigned_in(value: Any) -> set[str]:  # noqa: ANN401 - any part of a definition
    """Return the variables that rendered states assign."""
    match value:
        case Mapping():
            assigned = value.get("Assign")
            own = {str(key).removesuffix(".$") for key in assigned} if isinstance(assigned, Mapping) else set()
            return own.union(*(variables_assigned_in(item) for item in value.values()))
        case list() | tuple():
            return set().union(*(variables_assigned_in(item) for item in value))
        case _:
            return set()


def replace_tokens(value: Any, tokens: Mapping[str, str]) -> Any:  # noqa: ANN401 - any part of a request
    """Return a part of a request with other tokens in place of some."""
    match value:
        case str():
            return STRING_TOKEN.sub(lambda matched: tokens.get(matched[0], matched[0]), value)
        case Mapping():
            return {key: replace_tokens(item, tokens) for key, item in value.items()}
        case list() | tuple():
            return [replace_tokens(item, tokens) for item in value]
        case _:
            return value


class _Tokens(NamedTuple):
    """The references of an app: the token of each, and the reference of each token."""

    tokens: dict[tuple[Any, ...], str]
    references: dict[str, StepReference]


_KNOWN: WeakKeyDictionary[IConstruct, _Tokens] = WeakKeyDictionary()


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a request
    match value:
        case str():
            yield value
        case Mapping():
            for item in value.values():
                yield from _texts(item)
        case list() | tuple():
            for item in value:
                yield from _texts(item)


def _expressions(value: Any, name: str = "") -> Iterator[str]:  # noqa: ANN401 - any part of a definition
    match value:
        case str():
            if name.endswith(".$") or value.startswith("{%") or re.fullmatch(_PATH, value):
                yield value
        case Mapping():
            for key, item in value.items():
                yield from _expressions(item, str(key))
        case list() | tuple():
            for item in value:
                yield from _expressions(item)


def json_path(parts: Sequence[str | int]) -> str:
    """Return names and indexes in JSONPath, in the form that is also translated to JSONata."""
    return "".join(map(_json_path_part, parts))


def _json_path_part(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if part.isidentifier() and part.isascii() else f"['{part}']"
