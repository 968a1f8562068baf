"""Python's grpcio at the same four measures: `server` prints its port; `client PORT SECONDS` prints two lines a measure: that it is
warm, and how much was done a second."""
import collections
import concurrent.futures
import os
import sys
import tempfile
import time

import grpc
from grpc_tools import protoc

with tempfile.TemporaryDirectory() as stubs:
    here = os.path.dirname(os.path.abspath(__file__))
    protoc.main(["", f"-I{here}", f"--python_out={stubs}", f"--grpc_python_out={stubs}", "throughput.proto"])
    sys.path.insert(0, stubs)
    import throughput_pb2 as pb
    import throughput_pb2_grpc as services

CHUNK = 1 << 20
CHUNKS = 64
IN_FLIGHT = 32


class Throughput(services.ThroughputServiceServicer):
    def Unary(self, request, context):
        return request

    def Download(self, request, context):
        chunk = pb.Chunk(data=bytes(request.chunk_bytes))
        for _ in range(request.count):
            yield chunk

    def Upload(self, requests, context):
        return pb.UploadResponse(received_bytes=sum(len(r.data) for r in requests))


def rate(seconds, step):
    step()
    print("warm", flush=True)
    done, begin = 0, time.perf_counter()
    while (now := time.perf_counter()) - begin < seconds:
        done += step()
    return done / (now - begin), done


def measure(port, seconds):
    stub = services.ThroughputServiceStub(grpc.insecure_channel(f"127.0.0.1:{port}"))
    small, large = pb.Chunk(data=bytes(100)), pb.Chunk(data=bytes(CHUNK))
    flight = collections.deque()

    def one():
        stub.Unary(small)
        return 1

    def many():
        while len(flight) < IN_FLIGHT:
            flight.append(stub.Unary.future(small))
        flight.popleft().result()
        return 1

    def download():
        return sum(len(c.data) for c in stub.Download(pb.DownloadRequest(count=CHUNKS, chunk_bytes=CHUNK))) / 1e6

    def upload():
        return stub.Upload(large for _ in range(CHUNKS)).received_bytes / 1e6

    for step in (one, many, download, upload):
        per_second, done = rate(seconds, step)
        print(per_second, done, flush=True)
        while flight:
            flight.popleft().result()


if sys.argv[1] == "server":
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(IN_FLIGHT))
    services.add_ThroughputServiceServicer_to_server(Throughput(), server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()
    server.stop(0)
else:
    measure(sys.argv[2], float(sys.argv[3]))
