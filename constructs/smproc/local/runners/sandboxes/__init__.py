"""What isolates a program from the rest of the machine: bubblewrap, else util-linux' unshare."""

from smproc.local.runners.sandboxes._bubblewrap import Bubblewrap
from smproc.local.runners.sandboxes._detect import Trial, find_sandbox, try_sandboxes
from smproc.local.runners.sandboxes._sandbox import Inside, Sandbox, system_files, system_links
from smproc.local.runners.sandboxes._unshare import Unshare

__all__ = [
    "Bubblewrap",
    "Inside",
    "Sandbox",
    "Trial",
    "Unshare",
    "find_sandbox",
    "system_files",
    "system_links",
    "try_sandboxes",
]
