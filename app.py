"""What a Hugging Face Space runs; elsewhere ``python -m demo`` or ``make demo``."""

import sys

from demo.__main__ import main

if __name__ == "__main__":
    sys.exit(main([]))
