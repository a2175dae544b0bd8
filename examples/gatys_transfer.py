"""The style transfer of Gatys, Ecker & Bethge (2016) in thirty lines.

python examples/gatys_transfer.py --out transfer.png
"""

from argparse import ArgumentParser

from replicate import Engine, NetworkSpec
from replicate.engine.optimizers import LBFGS
from replicate.images import find_image
from replicate.method import Stage, content, style, transfer
from replicate.networks.pixels import to_picture, to_tensor

parser = ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--content", default="chelsea", help="a file, or a bundled picture's name")
parser.add_argument("--style", default="swirls")
parser.add_argument("--evaluations", type=int, default=100)
parser.add_argument("--size", type=int, default=160)
parser.add_argument("--out", default="transfer.png")
args = parser.parse_args()

STYLE_LAYERS = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
network = Engine(device="cpu").networks.network(
    NetworkSpec(name="vgg19-compact", pooling="average", normalised=True)
)
photograph = to_tensor(find_image(args.content).scaled_to(args.size))
artwork = to_tensor(find_image(args.style).scaled_to(args.size))

photo, art = network(photograph, ["relu4_2"]), network(artwork, STYLE_LAYERS)
objective = content("relu4_2", photo["relu4_2"].coordinates())
objective += 40 * sum(style(layer, art[layer].gram()) for layer in STYLE_LAYERS)
print(objective)

# Their code starts from the photograph; from noise(*photograph.shape[2:]) it takes longer.
for step in transfer(network, [Stage(objective, args.evaluations)], photograph, LBFGS):
    if step.number % 25 == 0:
        print(f"{step.number} evaluations, loss {float(step.loss):.4g}")
print("written:", to_picture(step.pixels).save(args.out))
