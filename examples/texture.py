"""A texture like a picture's: the Gram matrices of some layers, and nothing of where things are.

The layers go up to --deepest (Gatys, Ecker & Bethge, "Texture synthesis using convolutional
neural networks", 2015): the deeper, the larger the structures that come back.

    python examples/texture.py --style swirls --deepest relu3_1 --out texture.png
"""

from argparse import ArgumentParser

from replicate import Engine, NetworkSpec
from replicate.engine.optimizers import LBFGS
from replicate.images import find_image
from replicate.method import Stage, noise, style, transfer
from replicate.networks.pixels import to_picture, to_tensor

LAYERS = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]

parser = ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--style", default="swirls", help="a file, or a bundled picture's name")
parser.add_argument("--deepest", default="relu4_1", choices=LAYERS)
parser.add_argument("--evaluations", type=int, default=100)
parser.add_argument("--size", type=int, default=160)
parser.add_argument("--out", default="texture.png")
args = parser.parse_args()

network = Engine(device="cpu").networks.network(NetworkSpec(name="vgg19-compact"))
layers = LAYERS[: LAYERS.index(args.deepest) + 1]
art = network(to_tensor(find_image(args.style).scaled_to(args.size)), layers)
objective = sum(style(layer, art[layer].gram()) for layer in layers)
for step in transfer(
    network, [Stage(objective, args.evaluations)], noise(args.size, args.size), LBFGS
):
    if step.number % 25 == 0:
        print(f"{step.number} evaluations, loss {float(step.loss):.4g}")
print("written:", to_picture(step.pixels).save(args.out))
