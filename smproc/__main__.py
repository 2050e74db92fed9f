"""``python -m smproc``."""

from smproc.cli import main

raise SystemExit(main())
