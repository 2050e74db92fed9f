"""A request that is being answered, and its members that no handler has read: these are ignored."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from smproc.local.server.read_names import Reading, ReadNames
from smproc.local.server.read_values import Parameters, ReadBody, ReadElement, ReadList
from smproc.local.server.request_members import (
    has_json,
    has_payload,
    headers_of_members,
    member_of_element,
    member_of_form,
    member_of_place,
)

# A larger body is no configuration; it is not copied.
_XML_MAX_IN_BYTES = 4_000_000


class RequestHeaders(ReadNames):
    """The headers of a request, of which those for the metadata of an object are found by a look at all names."""

    def items(self) -> Any:  # noqa: ANN401 - the type of dict's is private
        """Return all names with their values; nothing counts as read for that."""
        return dict.items(self)


class RequestReading:
    """A request that is being answered: what to hand to the handler, and what it has read of it.

    Args:
        service: the name of the service, in the routing of requests.
        headers: the headers, with names in lower case.
        body: the body.
        query: the parameters of the query.

    Attributes:
        headers: the headers for the handler.
        body: the body for the handler.
        query: the parameters of the query for the handler.
    """

    def __init__(self, service: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, list[str]]) -> None:
        self._service = service
        self.headers = RequestHeaders(headers) if service == "s3" else ReadNames(headers)
        is_xml = len(body) <= _XML_MAX_IN_BYTES and body.lstrip().startswith(b"<")
        self.body = ReadBody(body) if is_xml else body
        self.query = Parameters(query)
        self._json: list[Reading] = []
        self._forms: list[dict[str, ReadList]] = []
        self._elements: list[ReadElement] = []

    def json(self, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a parsed body, which is recorded where it has the members of the request."""
        if not has_json(self._service):
            return content
        reading = Reading(content)
        self._json.append(reading)
        return reading.content()

    def form(self, content: Mapping[str, list[str]]) -> dict[str, list[str]]:
        """Return a parsed form that is recorded."""
        form = {name: ReadList(values) for name, values in content.items()}
        self._forms.append(form)
        return {**form}

    def element(self, root: Element) -> Element:
        """Return a parsed body of XML that is recorded."""
        element = ReadElement(root)
        self._elements.append(element)
        return element

    def is_its_body(self, text: str | bytes) -> bool:
        """Return whether a text is the body of the request."""
        if isinstance(text, bytes):
            return text is self.body or text == self.body
        return text == self._text

    @functools.cached_property
    def _text(self) -> str:
        return bytes(self.body).decode(errors="replace")

    def may_have_unread(self) -> bool:
        """Return whether anything was not read: if not, the operation need not be known."""
        return bool(
            self._unread_of_json()
            or self._unread_headers()
            or not all(self.query.read().values())
            or not all(read for _, read in self._elements_read())
            or not all(read for _, read in self._form_read())
        )

    def unread(self, operation: str) -> set[str]:
        """Return the members of the request that were not read.

        Args:
            operation: the name of the operation.
        """
        of_operation = self._service, operation
        members = [(member_of_form(*of_operation, name), read) for name, read in self._form_read()]
        members += [(member_of_element(*of_operation, path), read) for path, read in self._elements_read()]
        members += [
            (member_of_place(*of_operation, "querystring", name), read) for name, read in self.query.read().items()
        ]
        members += [(member_of_place(*of_operation, "header", name), False) for name in self._unread_headers()]
        # Of several items of a list, one that was read speaks for the others.
        found = {member for member, read in members if member is not None and not read}
        found -= {member for member, read in members if read}
        return found if has_payload(*of_operation) else found | self._unread_of_json()

    def has(self, operation: str, member: str) -> bool:
        """Return whether the request has a member, such as ``Attributes.KmsMasterKeyId``.

        Args:
            operation: the name of the operation.
            member: the member, with the path to it.
        """
        if self._json:
            found: Any = json.loads(self.body)
            for name in member.split("."):
                found = found.get(name) if isinstance(found, dict) else None
            return found is not None
        parent, _, entry = member.rpartition(".")
        for form in self._forms:
            for name, values in form.items():
                place = member_of_form(self._service, operation, name)
                if place == member or (place == parent and name.endswith(".key") and list.__eq__(values, [entry])):
                    return True
        return False

    def _unread_of_json(self) -> set[str]:
        return set.intersection(*(reading.unread() for reading in self._json)) if self._json else set()

    def _unread_headers(self) -> set[str]:
        return self.headers.unread & headers_of_members(self._service) if self.headers.unread else set()

    def _form_read(self) -> Iterator[tuple[str, bool]]:
        # An empty value stands for an empty list or text, of which there is nothing to read.
        for name in {name for form in self._forms for name, values in form.items() if values != [""]}:
            yield name, any(form[name].read for form in self._forms if name in form)
        if not self._forms and "Action" in dict.keys(self.query):
            yield from self.query.read().items()

    def _elements_read(self) -> Iterator[tuple[tuple[str, ...], bool]]:
        # A body that was decoded is stored as it is.
        if not (isinstance(self.body, ReadBody) and self.body.read):
            for element in self._elements:
                yield from element.texts()
