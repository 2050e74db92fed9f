r"""String literals of a definition.

AWS: a definition is JSON, so ``"\""`` is a quotation mark.

moto: `Preprocessor._inner_string_of` returns the text between the quotation marks, escapes included, and other fields
are read with Python's rules.
"""

from __future__ import annotations

import json
from typing import Any

from moto.stepfunctions.parser.asl.parse import preprocessor
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

from smproc.local.server.step_functions import moto_package


def apply() -> None:
    """Read string literals as JSON."""
    moto_package.replace(Preprocessor, "_inner_string_of", staticmethod(_text))
    moto_package.replace(preprocessor, "from_string_literal", _text)


def _text(parser_rule_context: Any) -> str | None:
    text = str(parser_rule_context.getText())
    if text == "null":
        return None
    return str(json.loads(text)) if text.startswith('"') and text.endswith('"') else text
