"""What a layer keeps of a photograph: a picture, from noise, with the same features there.

python examples/content_reconstruction.py --layer relu4_2 --out content.png
"""

from argparse import ArgumentParser

from replicate import Engine, NetworkSpec
from replicate.engine.optimizers import LBFGS
from replicate.images import find_image
from replicate.method import Stage, content, noise, transfer, variation
from replicate.networks.pixels import to_picture, to_tensor

parser = ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--content", default="chelsea", help="a file, or a bundled picture's name")
parser.add_argument("--layer", default="relu3_1")
parser.add_argument("--evaluations", type=int, default=100)
parser.add_argument("--size", type=int, default=160)
parser.add_argument("--out", default="content.png")
args = parser.parse_args()

network = Engine(device="cpu").networks.network(NetworkSpec(name="vgg19-compact"))
photograph = to_tensor(find_image(args.content).scaled_to(args.size))
target = network(photograph, [args.layer])[args.layer].coordinates()
objective = content(args.layer, target) + 1e-6 * variation()
start = noise(*photograph.shape[2:])
for step in transfer(network, [Stage(objective, args.evaluations)], start, LBFGS):
    if step.number % 25 == 0:
        print(f"{step.number} evaluations, loss {float(step.loss):.4g}")
print("written:", to_picture(step.pixels).save(args.out))
