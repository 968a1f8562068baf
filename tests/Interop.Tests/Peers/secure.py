"""TLS and a token from Python: secure.py ADDRESS PROTOS AUTHORITY TOKEN_FILE. Prints one JSON object."""
import json
import pathlib
import sys

import grpc

import fewshot_client as client

address, protos, authority, token_file = sys.argv[1:]
client.make_stubs(protos)

from fewshot.artifacts.v1 import artifact_service_pb2 as a, artifact_service_pb2_grpc as a_grpc  # noqa: E402
from fewshot.compression.v1 import compression_service_pb2 as c, compression_service_pb2_grpc as c_grpc  # noqa: E402

tls = grpc.ssl_channel_credentials(pathlib.Path(authority).read_bytes())
token = grpc.access_token_call_credentials(pathlib.Path(token_file).read_text().strip())
channel = grpc.secure_channel(address, grpc.composite_channel_credentials(tls, token))
digest = client.upload(a_grpc.ArtifactServiceStub(channel), a, b"from python")
mine = client.download(a_grpc.ArtifactServiceStub(channel), a, digest)
listed = c_grpc.CompressionServiceStub(channel).ListJobs(c.ListJobsRequest()).jobs

refused = {}
for name, credentials in {"none": tls, "wrong": grpc.composite_channel_credentials(tls, grpc.access_token_call_credentials("wrong"))}.items():
    try:
        client.download(a_grpc.ArtifactServiceStub(grpc.secure_channel(address, credentials)), a, digest)
    except grpc.RpcError as error:
        refused[name] = f"{error.code().name} {error.details()}"
print(json.dumps({"mine": mine.decode(), "jobs": len(listed), **refused}))
