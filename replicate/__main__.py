"""``python -m replicate`` is the command ``replicate``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
