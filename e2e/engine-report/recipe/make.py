"""Makes the cases of the engine report: python make.py FOLDER SET... [--count N] [--seed N]

Sets: `grid` (convolutions over a grid of shapes), `node` (ONNX's own node tests), `random` (small
random graphs). Expected outputs are ONNX's own for `node`, else those of native onnxruntime.
"""

import argparse
from pathlib import Path

from pack import Pack

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("sets", nargs="+", choices=["grid", "transposed", "node", "random"])
parser.add_argument("--count", type=int, default=1000)
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()
pack = Pack(args.folder)
if "grid" in args.sets:
    from conv_grid import add_grid

    add_grid(pack, args.seed)
if "transposed" in args.sets:
    from conv_grid import add_transposed

    add_transposed(pack, args.seed)
if "node" in args.sets:
    from node_tests import add_node_tests

    add_node_tests(pack)
if "random" in args.sets:
    from random_graphs import add_random

    add_random(pack, args.seed, args.count)
pack.close()
print(len(pack.cases), "cases")
