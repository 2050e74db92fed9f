"""The values of a notebook as expressions of the app, with constants for what cannot be told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from smproc.adoption.code import Call, Code, Reference, Text, Value
from smproc.adoption.names import unique, variable_name
from smproc.adoption.notebooks.values import Argument, Instance, Name, Unknown, is_text

REGION: Final = Code("stack.region")
ACCOUNT: Final = Code("stack.account")
DEFAULT_BUCKET: Final = Code("DEFAULT_BUCKET")
EXECUTION_NAME: Final = Code("sfn.JsonPath.execution_name")
ROLE: Final = Instance("role")
_DATASET_DEFAULTS: Final = {"data_distribution_type": "ShardedByS3Key", "input_mode": "File"}
S3: Final = "s3://"
CONTAINER: Final = "/opt/ml/processing/"
_TO_REPLACE: Final = "replace-me"


class Expressions:
    """The expressions of the app, the constants in them, and what has to be said about them."""

    def __init__(self) -> None:
        self.constants: dict[str, Any] = {}
        self.to_fill_in: dict[str, str] = {}
        self.notes: list[str] = []
        self._holes: dict[tuple[str, str], str] = {}
        self._where = ""

    @contextmanager
    def at(self, where: str) -> Iterator[None]:
        """Name the location of a call, for what is to be filled in of its arguments and has no location of its own."""
        before, self._where = self._where, where
        try:
            yield
        finally:
            self._where = before

    def note(self, text: str) -> None:
        """Keep a note."""
        if text not in self.notes:
            self.notes.append(text)

    def text(self, value: Any) -> Any:  # noqa: ANN401, PLR0911
        """Return a value as text or as an expression of text; None if it is neither."""
        match value:
            case str() | Text() | Reference():
                return value
            case Code("DEFAULT_BUCKET"):
                self.constants["DEFAULT_BUCKET"] = Text(("sagemaker-", REGION, "-", ACCOUNT))
                return value
            case Code():
                return value
            case bool() | int() | float():
                return str(value)
            case Instance("pathlib.Path", arguments):
                return arguments["path"]
            case Instance("time"):
                return EXECUTION_NAME
            case Unknown():
                return self.hole(value)
            case _:
                return None

    def hole(self, value: Unknown, *, prefix: str = "") -> Code:
        """Return the constant for a value that nobody but the reader knows.

        Args:
            value: the value.
            prefix: the beginning of what it is until then, such as ``s3://``. Default: none.
        """
        key = (value.source, value.where)
        if key not in self._holes:
            name = unique(variable_name(value.name or "value", "value").upper(), self.constants, "_")
            self._holes[key] = name
            self.constants[name] = _TO_REPLACE
            reason = value.reason or f"`{value.source}` can only be told by running it."
            self.to_fill_in[name] = f"{value.where}: {reason}"
        name = self._holes[key]
        if prefix and self.constants[name] == _TO_REPLACE:
            self.constants[name] = f"{prefix}{_TO_REPLACE}/{name.lower().replace('_', '-')}"
        return Code(name)

    def is_known(self, value: Any) -> bool:  # noqa: ANN401
        """Return whether nothing of a value is to be filled in."""
        parts = value.parts if isinstance(value, Text) else [value]
        return not any(isinstance(part, Unknown) or getattr(part, "text", "") in self.to_fill_in for part in parts)

    def location(self, value: Any, name: str, *, prefix: str = S3) -> Value:  # noqa: ANN401
        """Return a location; what is not known of it begins like one.

        Args:
            value: the value.
            name: the argument's name.
            prefix: the beginning of a location. Default: that in S3.
        """
        if isinstance(value, Unknown):
            return self.hole(value, prefix=prefix)
        text = self.named_text(value, name)
        first = text.parts[0] if isinstance(text, Text) else text
        if isinstance(first, Code) and first.text in self.to_fill_in and self.constants[first.text] == _TO_REPLACE:
            self.constants[first.text] = f"{prefix}{_TO_REPLACE}"
        return text

    def named_text(self, value: Any, name: str) -> Value:  # noqa: ANN401
        """Return a value as text; what is none is to be filled in."""
        found = self.text(value)
        return self.hole(Unknown(_source_of(value), self._where, name)) if found is None else found

    def plain(self, value: Any, name: str) -> Any:  # noqa: ANN401, PLR0911
        """Return a value as an expression of the app."""
        match value:
            case bool() | int() | float() | None:
                return value
            case _ if is_text(value):
                return self.text(value)
            case Argument():
                return self.value(value)
            case dict():
                return {str(key): self.plain(one, str(key)) for key, one in value.items()}
            case list() | tuple():
                return [self.plain(one, name) for one in value]
            case Unknown():
                return self.hole(Unknown(value.source, value.where, value.name or name))
            case _:
                return self.named_text(value, name)

    def value(self, argument: Argument) -> Call:
        """Return a structure of the SDK as an expression."""
        kind = "FeatureStoreOutput" if argument.kind == "ProcessingFeatureStoreOutput" else argument.kind
        arguments = {
            name: self.plain(value, name)
            for name, value in argument.arguments.items()
            if value is not None and not (name in _DATASET_DEFAULTS and value == _DATASET_DEFAULTS[name])
        }
        return Call(kind, arguments)


def _source_of(value: Any) -> str:  # noqa: ANN401
    """Return the expression of a value that is no text, as people write it in the notebook."""
    match value:
        case Name(path):
            return path
        case Instance(kind) | Argument(kind):
            return f"{kind}(...)"
        case None | bool() | int() | float() | list() | tuple() | dict():
            return str(value)
        case _:
            return type(value).__name__
