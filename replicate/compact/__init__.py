"""The bundled network: a compact stand-in for VGG-19, and how it was trained."""

COMPACT_SHA256 = "fe7975840700379218a30286748212fb4ab71c830f68519c46d3c9f08506a1f4"
"""SHA-256 of the shipped file, written by :mod:`replicate.compact.ship`; empty: none is shipped."""
