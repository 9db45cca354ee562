"""``python -m blv_trainer`` is ``blv-trainer``."""

import sys

from blv_trainer.cli import main

sys.exit(main())
