r"""Intrinsic functions: literals, text that is not ASCII, States.Format, and failures.

AWS: strings of a call are in apostrophes, in which ``\'``, ``\\``, ``\{`` and ``\}`` are escapes; numbers may have a
fraction, and null is a value. Text is encoded as UTF-8. A call that fails is a States.IntrinsicFailure.
See: https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html

moto: a call is read from the text of the definition, with its JSON escapes; ``\'`` and ``\\`` stay as they are, a
number with a fraction fails, null does not parse, and States.Format is Python's `str.format`, for which braces mean
more. Base64 is that of ASCII alone, States.JsonToString escapes all other characters, and a failed call is a
States.Runtime.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringIntrinsicFunction
from moto.stepfunctions.parser.asl.component.intrinsic.argument.argument import ArgumentLiteral
from moto.stepfunctions.parser.asl.component.intrinsic.function.statesfunction.encoding_decoding.base_64_decode import (
    Base64Decode,
)
from moto.stepfunctions.parser.asl.component.intrinsic.function.statesfunction.encoding_decoding.base_64_encode import (
    Base64Encode,
)
from moto.stepfunctions.parser.asl.component.intrinsic.function.statesfunction.generic.string_format import StringFormat
from moto.stepfunctions.parser.asl.component.intrinsic.function.statesfunction.json_manipulation.json_to_string import (
    JsonToString,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.parse.intrinsic.intrinsic_parser import IntrinsicParser
from moto.stepfunctions.parser.asl.parse.intrinsic.preprocessor import Preprocessor
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor as DefinitionPreprocessor
from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

from smproc.local.server.step_functions import failures, moto_package

_STRING_OR_NULL = re.compile(r"('(?:\\.|[^'\\])*')|\bnull\b(?=\s*[,)])", re.DOTALL)
_ESCAPE = re.compile(r"\\(['\\{}])")
_PLACE = re.compile(r"\\(['\\{}])|\{\}")


class Literal(str):
    """A string literal of a call, without its escapes.

    Attributes:
        source: the literal with its escapes, which States.Format distinguishes from its places.
    """

    __slots__ = ("source",)

    source: str


def apply() -> None:
    """Replace the reading of literals, and States.Format."""
    moto_package.replace(DefinitionPreprocessor, "visitString_intrinsic_function", _visit_call)
    moto_package.replace(Preprocessor, "_text_of_str", staticmethod(_literal))
    moto_package.replace(Preprocessor, "visitFunc_arg_float", _visit_float)
    moto_package.replace(StringFormat, "_eval_body", _format)
    moto_package.replace(Base64Encode, "_eval_body", _encode)
    moto_package.replace(Base64Decode, "_eval_body", _decode)
    moto_package.replace(JsonToString, "_eval_body", _json_to_string)
    moto_package.replace(StringIntrinsicFunction, "_eval_body", _evaluate)


def _evaluate(self: StringIntrinsicFunction, env: Environment) -> None:
    try:
        self.function.eval(env=env)
    except (FailureEventException, NoSuchJsonPathError):
        raise
    except Exception as error:
        raise failures.standard(
            env,
            "States.IntrinsicFailure",
            f"The function '{self.intrinsic_function_derivation}' had the following error: {error}",
            "ExecutionFailed",
            "executionFailedEventDetails",
        ) from error


def _text_argument(self: Base64Encode | Base64Decode, env: Environment) -> str:
    self.argument_list.eval(env=env)
    text = env.stack.pop()[-1]
    if not isinstance(text, str) or len(text) > self.MAX_INPUT_CHAR_LEN:
        raise ValueError(f"The argument must be a string of at most {self.MAX_INPUT_CHAR_LEN} characters")
    return text


def _encode(self: Base64Encode, env: Environment) -> None:
    env.stack.append(base64.b64encode(_text_argument(self, env).encode()).decode())


def _decode(self: Base64Decode, env: Environment) -> None:
    text = _text_argument(self, env)
    padding = "=" * (-len(text) % 4)  # as Java's decoder, AWS does not need it
    env.stack.append(base64.b64decode(f"{text}{padding}", validate=True).decode())


def _json_to_string(self: JsonToString, env: Environment) -> None:
    self.argument_list.eval(env=env)
    env.stack.append(json.dumps(env.stack.pop()[-1], ensure_ascii=False, separators=(",", ":")))


def _visit_call(_self: object, ctx: Any) -> StringIntrinsicFunction:
    text = str(json.loads(ctx.STRINGINTRINSICFUNC().getText()))
    # moto's grammar has no null.
    function, _ = IntrinsicParser.parse(
        _STRING_OR_NULL.sub(lambda found: found[1] or "States.StringToJson('null')", text)
    )
    return StringIntrinsicFunction(intrinsic_function_derivation=text, function=function)


def _literal(parse_tree: Any) -> Literal:
    source = parse_tree.getText()[1:-1]
    literal = Literal(_ESCAPE.sub(r"\1", source))
    literal.source = source
    return literal


def _visit_float(_self: object, ctx: Any) -> ArgumentLiteral:
    return ArgumentLiteral(definition_value=float(ctx.NUMBER().getText()))


def _format(self: StringFormat, env: Environment) -> None:
    self.argument_list.eval(env=env)
    template, *values = env.stack.pop()
    template = template.source if isinstance(template, Literal) else template
    texts = iter([self._to_str_repr(value) for value in values])

    def place(found: re.Match[str]) -> str:
        if found[1]:
            return found[1]
        try:
            return str(next(texts))
        except StopIteration:
            raise ValueError("States.Format has fewer arguments than its template has places") from None

    env.stack.append(_PLACE.sub(place, template))
