"""The record of the local files behind an upload, in the metadata of the cloud assembly.

`smproc try` and `smproc local watch` read it: they run the working copies of the files, without another synth. It is in
no template, so it changes no deployment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from constructs import IConstruct

from cdk_sagemaker_processing._internal.local_tree import output_directory
from cdk_sagemaker_processing.model.content_hash import Files
from cdk_sagemaker_processing.model.names import SOURCES_METADATA

# The members of an archive that was made at synth, by their names in it; those of directories end in a slash.
Members = Mapping[str, Path]


def record_sources(scope: IConstruct, files: Files, archives: Mapping[str, Members]) -> None:
    """Record the paths of local files, relative to the output directory of the app.

    Args:
        scope: the construct of the upload.
        files: the files, or their contents, by their names in the asset.
        archives: the members of those contents that are archives of local files, by the names of the archives.
    """
    output = output_directory(scope)
    if output is None:
        return
    root = os.path.realpath(output)

    def relative(path: Path) -> str:
        return os.path.relpath(os.path.realpath(path), root)

    record = {
        "files": {name: relative(path) for name, path in files.items() if isinstance(path, Path)},
        "archives": {
            archive: {name: relative(path) for name, path in members.items()} for archive, members in archives.items()
        },
    }
    # As one text: a large directory would cross to Node name by name.
    scope.node.add_metadata(SOURCES_METADATA, json.dumps(record, sort_keys=True))
