"""Prints the constraints of the inputs of a service's operations, from the model
that botocore brings (Apache-2.0, Amazon.com): what Constraints compares with.

usage: model.py SERVICE OPERATION... > testdata/model.json
"""
import json
import sys

import botocore
import botocore.loaders

service, names = sys.argv[1], sys.argv[2:]
model = botocore.loaders.Loader().load_service_model(service, "service-2")
shapes = {}


def keep(name):
    if name in shapes:
        return
    shape = model["shapes"][name]
    kept = {k: shape[k] for k in ("type", "min", "max", "pattern", "enum", "required") if k in shape}
    shapes[name] = kept
    if "members" in shape:
        # A list: the order of the members is the order of the violations.
        kept["members"] = [[member, m["shape"]] for member, m in shape["members"].items()]
    if "member" in shape:
        kept["element"] = shape["member"]["shape"]
    inners = [m["shape"] for m in shape.get("members", {}).values()]
    for inner in inners + ([kept["element"]] if "element" in kept else []):
        keep(inner)


operations = {}
for name in sorted(names):
    operations[name] = model["operations"][name].get("input", {}).get("shape", "")
    if operations[name]:
        keep(operations[name])

print(json.dumps({
    "source": "botocore %s, data/%s/%s (Apache-2.0)" % (botocore.__version__, service, model["metadata"]["apiVersion"]),
    "operations": operations,
    "shapes": {name: shapes[name] for name in sorted(shapes)},
}, indent=1))
