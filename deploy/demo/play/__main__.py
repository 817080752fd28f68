"""``python -m deploy.demo.play``."""

import sys

from deploy.demo.play.play import main

sys.exit(main())
