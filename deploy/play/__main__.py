"""``python -m deploy.play``."""

import sys

from deploy.play.play import main

sys.exit(main())
