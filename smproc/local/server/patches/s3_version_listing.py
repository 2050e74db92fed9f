"""S3: a listing of versions encodes keys where the request asks for it, so that any key can be listed.

AWS: with ``encoding-type=url``, which the SDKs send, ListObjectVersions encodes the keys, prefixes and markers of its
answer, because XML 1.0 cannot contain some characters.
See: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html

ministack 1.5.33: `ministack.services.s3._list_object_versions` does not read the parameter, so no client can parse the
answer of `ministack.services.s3._xml_body` when a key has a control character.

Removable when: `_list_object_versions` encodes keys as `_list_objects_v2` does (not so in 1.5.33).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement

from smproc.local.server.patches.registry import Names, Wrappers, takes

NAMES: Names = {
    "ministack.services.s3": {
        "_list_object_versions": takes("bucket_name", "query_params"),
        "_xml_body": takes("root"),
    },
}
_ENCODED: Final = ("Key", "Prefix", "Delimiter", "KeyMarker", "NextKeyMarker")

_is_encoding: ContextVar[bool] = ContextVar("smproc_encodes_versions", default=False)


def _list_object_versions(original: Callable[..., Any], bucket_name: str, query_params: Mapping[str, Any]) -> Any:  # noqa: ANN401 - ministack's
    wanted = query_params.get("encoding-type")
    token = _is_encoding.set("url" in (wanted, *(wanted or ())))
    try:
        return original(bucket_name, query_params)
    finally:
        _is_encoding.reset(token)


def _xml_body(original: Callable[[Element], bytes], root: Element) -> bytes:
    if _is_encoding.get() and root.tag.endswith("ListVersionsResult"):
        for element in root.iter():
            if element.tag in _ENCODED and element.text:
                element.text = quote(element.text, safe="/")
        SubElement(root, "EncodingType").text = "url"
    return original(root)


WRAPPERS: Wrappers = {
    "ministack.services.s3": {"_list_object_versions": _list_object_versions, "_xml_body": _xml_body},
}
