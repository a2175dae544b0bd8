"""The bundled network: a compact stand-in for VGG-19, and how it was trained."""

COMPACT_SHA256 = "4c92daa0db2d599e5bbfc9c3f2664364f6107c29675715e997b58a8180f5f971"
"""SHA-256 of the shipped file, written by :mod:`replicate.compact.ship`; empty: none is shipped."""
