"""The bundled network: a compact stand-in for VGG-19, and how it was trained."""

COMPACT_SHA256 = "0068a8ea0f1667de6e9574b5f9c59eded0cbec0cd87c6055efcadc7775f29ec6"
"""SHA-256 of the shipped file, written by :mod:`replicate.compact.ship`; empty: none is shipped."""
