"""The bundled network: a compact stand-in for VGG-19, and how it was trained."""
