"""Feed-forward networks that draw in one pass what the optimisation draws in hundreds.

    from replicate.fast import Fast

    mixer = Fast.load("mixer")
    picture = mixer(photo, style="wave", layers={"relu1_1": 0, "relu4_1": 1}, ratio=1)

Johnson, Alahi & Fei-Fei 2016 train a network for one style and one setting; the mixer takes the
style, the layers' weights and the ratio as an input (Babaeizadeh & Ghiasi 2020).
"""

import lazy_loader

# The names of the networks are asked for without torch (shipped.py).
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
