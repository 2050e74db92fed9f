"""Write the differences between the local AWS and AWS to docs/local-and-aws.md.

    python -m tools.regenerate_differences

The rows come from ``tools/differences/tables``, their evidence from the records in ``docs/verified``.
"""

from __future__ import annotations

from tools.differences import PAGE, render, verified_records

if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8"), verified_records()), encoding="utf-8")
