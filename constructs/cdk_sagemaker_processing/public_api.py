"""The mark of the public names: each says that it is defined in ``cdk_sagemaker_processing``."""

from __future__ import annotations

from typing import TypeVar

_T = TypeVar("_T")


def public(definition: _T) -> _T:
    """Set the module of a class or function to ``cdk_sagemaker_processing``, where users import it from.

    Reprs, tracebacks, pickles and documentation then show the public name, whatever module was imported first. It is
    the outermost decorator, because a dataclass with slots is a new class.

    ``typing.get_type_hints`` looks the names in a class's annotations up in this module, so the module of a public
    dataclass does without ``from __future__ import annotations``. ``inspect.getsource`` does not find the source of a
    public class, as it does not for those of httpx and attrs.

    Args:
        definition: the class or function; its name is in ``cdk_sagemaker_processing.__all__``.
    """
    definition.__module__ = __package__
    return definition
