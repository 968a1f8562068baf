"""Checks manifests (a YAML stream on stdin) against the Kubernetes API's own classes: unknown fields, wrong kinds of values, missing ones."""
import json
import re
import sys

import yaml
from kubernetes import client

# What the API has gained since Debian's client (1.22): gRPC probes (1.24), a pause before SIGTERM (1.30).
NEWER = {("V1Probe", "grpc"), ("V1Handler", "sleep")}
# Kinds that the cluster learns from others: KEDA, cert-manager and the Prometheus operator.
FOREIGN = {"keda.sh", "cert-manager.io", "monitoring.coreos.com"}
PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float), "datetime": str}


def check(value, kind, path):
    if (many := re.fullmatch(r"list\[(.*)\]", kind)):
        if not isinstance(value, list):
            yield f"{path}: must be a list"
            return
        for i, one in enumerate(value):
            yield from check(one, many.group(1), f"{path}[{i}]")
    elif (named := re.fullmatch(r"dict\(str, (.*)\)", kind)):
        if not isinstance(value, dict):
            yield f"{path}: must be a mapping"
            return
        for name, one in value.items():
            yield from check(one, named.group(1), f"{path}.{name}")
    elif kind in PLAIN:
        if not isinstance(value, PLAIN[kind]) or (isinstance(value, bool) and kind != "bool"):
            yield f"{path}: must be of type {kind}, not {json.dumps(value)}"
    elif kind != "object":
        yield from check_fields(value, getattr(client, kind), path)


def check_fields(value, model, path):
    if not isinstance(value, dict):
        yield f"{path}: must be a {model.__name__}"
        return
    names = {there: here for here, there in model.attribute_map.items()}
    for name, one in value.items():
        if name in names:
            yield from check(one, model.openapi_types[names[name]], f"{path}.{name}")
        elif (model.__name__, name) not in NEWER:
            yield f"{path}.{name}: is no field of {model.__name__}"
    for there, here in names.items():
        if there not in value and required(model, here):
            yield f"{path}.{there}: is missing"


def required(model, name):
    try:
        setattr(model.__new__(model), name, None)
    except ValueError:
        return True
    except AttributeError:
        pass
    return False


def main():
    count = 0
    for document in yaml.safe_load_all(sys.stdin):
        if document is None:
            continue
        group, _, version = document["apiVersion"].rpartition("/")
        if group in FOREIGN:
            continue
        model = getattr(client, version.capitalize() + document["kind"], None)
        name = f"{document['kind']}/{document['metadata']['name']}"
        if model is None:
            print(f"{name}: {document['apiVersion']} has no such kind")
            continue
        for finding in check_fields(document, model, name):
            print(finding)
        count += 1
    print(f"{count} manifests")


main()
