"""``python -m fairgrade``: as ``fairgrade``."""

import sys

from fairgrade.app import main

sys.exit(main())
