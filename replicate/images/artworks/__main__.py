"""Draws artworks anew, as the pictures that lie beside their modules.

    python -m replicate.images.artworks [NAME ...]

Without loss, because every pixel is part of the keys that results are stored under.
"""

from __future__ import annotations

import sys

from PIL import Image

from . import ARTWORKS, SIDE, SUBJECTS, artwork_file, draw

for name in sys.argv[1:] or (*ARTWORKS, *SUBJECTS):
    path = artwork_file(name)
    Image.fromarray(draw(name, SIDE)).save(path, lossless=True, quality=100, method=6)
    print(f"{path}  {path.stat().st_size:,} bytes", flush=True)
