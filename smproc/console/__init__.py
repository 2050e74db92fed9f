"""The console of the local AWS: a web page on loopback that shows pipelines, executions, jobs and outputs.

Callers use `Console`; everything else runs in its process::

    controller.py  open and stop (all that importing the package loads)
    tickets.py     links that let a browser in
    __main__.py    the background process
    app.py         requests to pages, errors to sentences
    guard.py       who may ask: host, origin, session, token of a form
    pages.py       what a browser reads
    actions.py     what a browser changes
    reader.py      what the pages show, from `smproc.operations`
    snapshots.py   what was read, shared by all browsers
    notes.py       the outcome of an action, for the next page
    rendering.py   templates/, and how they show values
    session.py     boto3 for several threads
    uploads.py     files from a browser to a pipeline
    graph.py       an execution as a drawing
    preview.py     an object as a table, a picture or a text
"""

from smproc.console.controller import Console
from smproc.console.errors import ConsoleError, ConsoleFailedError, ConsoleNotInstalledError

__all__ = ["Console", "ConsoleError", "ConsoleFailedError", "ConsoleNotInstalledError"]
