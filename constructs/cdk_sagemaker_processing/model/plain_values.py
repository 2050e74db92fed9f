"""Arguments of equivalent kinds as the plain Python values that jsii and JSON take.

jsii takes ``list`` and ``tuple`` but no other sequence, and no enumerations but its own. ``json`` takes ``dict`` but no
other mapping. A format string renders a member of a ``str`` enumeration by its name. A caller may pass all of them
where an annotation says ``Sequence``, ``Mapping``, ``str`` or ``int``.
"""

from __future__ import annotations

import enum
import operator
from collections.abc import Mapping, Sequence
from typing import Any


def plain(value: Any) -> Any:  # noqa: ANN401 - any argument
    """Return a value, and the parts of lists and mappings, in plain Python kinds; the value itself if it is plain.

    Members of ``str`` and ``int`` enumerations become their values, integers of other libraries such as ``numpy.int64``
    become ``int``, sequences ``list``, and mappings ``dict``. Every other value stays as it is.
    """
    if isinstance(value, enum.Enum):
        return value.value if isinstance(value, str | int) and isinstance(value.value, str | int) else value
    if value is None or isinstance(value, str | bytes | int | float):
        return value
    if isinstance(value, Mapping):
        parts = {plain(key): plain(part) for key, part in value.items()}
        same = isinstance(value, dict) and all(
            old is new and value[old] is parts[new] for old, new in zip(value, parts, strict=True)
        )
        return value if same else parts
    if isinstance(value, Sequence):
        items = [plain(item) for item in value]
        same = isinstance(value, list | tuple) and all(map(operator.is_, value, items))
        return value if same else items
    return _integer(value)


def _integer(value: Any) -> Any:  # noqa: ANN401
    if not hasattr(type(value), "__index__"):
        return value
    try:
        return operator.index(value)
    except TypeError:  # an array of numpy with several elements
        return value
