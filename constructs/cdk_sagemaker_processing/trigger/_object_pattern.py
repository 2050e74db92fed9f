"""Which objects start the pipeline, as an EventBridge pattern, so that what does not match costs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smproc.job import InvalidValue, is_unresolved


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPattern:
    """Objects by the start and the end of their keys; any of the prefixes with any of the suffixes.

    Args:
        prefixes: what a key may start with. Default: anything.
        suffixes: what a key may end in. Default: anything.

    Raises:
        InvalidValue: an empty text, or a prefix that starts with ``/``: keys in S3 do not.
    """

    prefixes: Sequence[str] = ()
    suffixes: Sequence[str] = ()

    def __post_init__(self) -> None:
        for parameter, values in (("prefixes", self.prefixes), ("suffixes", self.suffixes)):
            if isinstance(values, str):
                raise InvalidValue(parameter, values, "be a list of texts", f"write [{values!r}]")
            for value in values:
                if not value:
                    raise InvalidValue(
                        parameter, value, "hold texts of at least one character", "leave it out for any key"
                    )
        for prefix in self.prefixes:
            if prefix.startswith(("/", "s3://")):
                raise InvalidValue(
                    "prefixes", prefix, "be the start of a key", "keys in S3 start without '/' and without the bucket"
                )

    def to_key_pattern(self) -> list[dict[str, str]] | None:
        """The pattern for the key; None for any key.

        See: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
        """
        if self.prefixes and self.suffixes:
            return [
                {"wildcard": f"{_literal(prefix)}*{_literal(suffix)}"}
                for prefix in self.prefixes
                for suffix in self.suffixes
            ]
        if self.prefixes:
            return [{"prefix": prefix} for prefix in self.prefixes]
        return [{"suffix": suffix} for suffix in self.suffixes] or None

    def may_match_below(self, prefix: str) -> bool:
        """Whether some object below a prefix could match; yes where that is only known later."""
        if not self.prefixes:
            return True
        return any(
            is_unresolved(own) or is_unresolved(prefix) or own.startswith(prefix) or prefix.startswith(own)
            for own in self.prefixes
        )


def _literal(text: str) -> str:
    """Text that stands for itself in a wildcard pattern."""
    return text.replace("\\", "\\\\").replace("*", "\\*")
