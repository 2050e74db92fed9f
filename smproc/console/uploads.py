"""Files from a browser to a pipeline: through a temporary file, so that a large one needs no memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO, Final

from smproc.console.errors import RefusedError
from smproc.operations import Pipeline, Upload

UPLOAD_MAX_BYTES: Final = 1024**3
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
_KEY_MAX_BYTES: Final = 1024
_CHUNK: Final = 1024 * 1024


def upload_stream(pipeline: Pipeline, name: str, stream: IO[bytes]) -> Upload:
    """Upload what a browser sends, as `smproc run` uploads a file.

    Args:
        pipeline: the pipeline.
        name: the file's name, which becomes the end of the object's key.
        stream: the content.

    Raises:
        RefusedError: the file has no name, too long a one, or too many bytes.
    """
    if not name or name.endswith("/"):
        raise RefusedError(400, "No file", "Choose a file to upload.")
    if len(f"{pipeline.upload_uri}{name}".encode()) > _KEY_MAX_BYTES:
        raise RefusedError(400, "The name is too long", f"A key of S3 has at most {_KEY_MAX_BYTES:,} bytes.")
    with tempfile.TemporaryDirectory(prefix="smproc-console-") as directory:
        path = Path(directory) / "upload"
        received = 0
        with path.open("wb") as file:
            while chunk := stream.read(_CHUNK):
                received += len(chunk)
                if received > UPLOAD_MAX_BYTES:
                    limit = f"{UPLOAD_MAX_BYTES // 2**20:,} MiB"
                    raise RefusedError(413, "The file is too large", f"A file must have at most {limit}.")
                file.write(chunk)
        return pipeline.upload(path, name=name)
