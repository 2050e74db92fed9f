"""``python -m smproc.cli``."""

from smproc.cli import main

raise SystemExit(main())
