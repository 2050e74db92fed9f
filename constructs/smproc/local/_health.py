"""Whether a laptop AWS answers."""

from __future__ import annotations

import http.client
import urllib.request

_PATH = "/_ministack/health"


def answers(port: int, timeout_in_seconds: float) -> bool:
    """Whether a request to a port of this machine is answered.

    Args:
        port: where a laptop AWS is, or is thought to be.
        timeout_in_seconds: how long to wait for the answer.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}{_PATH}", timeout=timeout_in_seconds) as response:
            response.read()
    except (OSError, http.client.HTTPException):
        return False
    return True
