"""A gRPC peer made of Python's grpcio: `peer.py client PORT` checks our server, `peer.py server` serves until stdin ends."""
import concurrent.futures
import os
import sys
import tempfile
import threading
import time

import grpc
from grpc_tools import protoc

with tempfile.TemporaryDirectory() as stubs:
    here = os.path.dirname(os.path.abspath(__file__))
    if protoc.main(["", f"-I{here}", f"--python_out={stubs}", f"--grpc_python_out={stubs}", "echo.proto"]) != 0:
        sys.exit("protoc failed")
    sys.path.insert(0, stubs)
    import echo_pb2 as pb
    import echo_pb2_grpc as services

METADATA = (("x-text", "a, b; c=d"), ("x-data-bin", bytes([250, 255, 0, 7])), ("x-empty-bin", b""))
MESSAGE = "100% früh – 漢字 \U0001F600\nline"


def fail(context, request):
    if request.throw:
        raise ValueError("secret path")
    if request.fail_code:
        context.set_trailing_metadata((("x-reason", "asked"), ("x-reason-bin", bytes([0, 255, 7]))))
        code = next(c for c in grpc.StatusCode if c.value[0] == request.fail_code)
        context.abort(code, request.fail_message)


def response(request, index):
    payload = bytes(request.size_bytes) if request.size_bytes else request.payload
    return pb.EchoResponse(text=request.text, index=index, payload=payload)


class Echo(services.EchoServiceServicer):
    def prepare(self, request, context):
        if request.mirror:
            own = [(k, v) for k, v in context.invocation_metadata() if k.startswith("x-")]
            context.send_initial_metadata(own)
            context.set_trailing_metadata(own)
        if request.wait:
            ended = threading.Event()
            context.add_callback(ended.set)
            print("waiting", flush=True)
            ended.wait()
            print("cancelled", flush=True)

    def Unary(self, request, context):
        self.prepare(request, context)
        fail(context, request)
        return response(request, 0)

    def ServerStream(self, request, context):
        self.prepare(request, context)
        for index in range(request.count):
            yield response(request, index)
        fail(context, request)

    def ClientStream(self, requests, context):
        total = pb.EchoResponse()
        for request in requests:
            fail(context, request)
            total.index += 1
            total.text += request.text
        return total

    def Duplex(self, requests, context):
        for request in requests:
            fail(context, request)
            for index in range(max(1, request.count)):
                yield response(request, index)


def serve():
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(60), compression=grpc.Compression.Gzip)
    services.add_EchoServiceServicer_to_server(Echo(), server)
    print("port", server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()
    server.stop(0)


def error_of(call):
    try:
        call()
    except grpc.RpcError as e:
        return e
    raise AssertionError("the call succeeded")


def check(port):
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = services.EchoServiceStub(channel)

    def unary():
        assert stub.Unary(pb.EchoRequest(text="zürich", payload=b"\x00\xff"), timeout=20) == pb.EchoResponse(text="zürich", payload=b"\x00\xff")
        assert stub.Unary(pb.EchoRequest()) == pb.EchoResponse()

    def large():
        payload = os.urandom(3 << 20)
        assert stub.Unary(pb.EchoRequest(payload=payload)).payload == payload

    def server_stream():
        assert [r.index for r in stub.ServerStream(pb.EchoRequest(count=300, size_bytes=3000))] == list(range(300))

    def client_stream():
        assert stub.ClientStream(pb.EchoRequest(text=str(i)) for i in range(5)).text == "01234"
        assert stub.ClientStream(iter(())).index == 0

    def duplex():
        texts = [r.text for r in stub.Duplex(pb.EchoRequest(text=str(i), size_bytes=100_000) for i in range(20))]
        assert texts == [str(i) for i in range(20)]

    def status():
        request = pb.EchoRequest(fail_code=9, fail_message=MESSAGE, count=2)
        for call in (lambda: stub.Unary(request), lambda: list(stub.ServerStream(request)), lambda: list(stub.Duplex(iter([request])))):
            e = error_of(call)
            assert (e.code(), e.details()) == (grpc.StatusCode.FAILED_PRECONDITION, MESSAGE), e
            own = {k: v for k, v in e.trailing_metadata() if k.startswith("x-")}
            assert own == {"x-reason": "asked", "x-reason-bin": bytes([0, 255, 7])}, e.trailing_metadata()

    def exception():
        e = error_of(lambda: stub.Unary(pb.EchoRequest(throw=True)))
        assert (e.code(), e.details()) == (grpc.StatusCode.UNKNOWN, "Exception was thrown by handler."), e

    def metadata():
        _, call = stub.Unary.with_call(pb.EchoRequest(mirror=True), metadata=METADATA)
        assert tuple((k, v) for k, v in call.initial_metadata() if k.startswith("x-")) == METADATA, call.initial_metadata()
        assert tuple(call.trailing_metadata()) == METADATA, call.trailing_metadata()

    def deadline():
        begin = time.monotonic()
        e = error_of(lambda: stub.Unary(pb.EchoRequest(wait=True), timeout=0.2))
        assert e.code() == grpc.StatusCode.DEADLINE_EXCEEDED, e
        assert time.monotonic() - begin < 5

    def cancel():
        call = stub.ServerStream(pb.EchoRequest(count=1 << 30, size_bytes=1000))
        next(call)
        call.cancel()
        assert error_of(lambda: list(call)).code() == grpc.StatusCode.CANCELLED

    def gzip():
        payload = b"abc" * 100_000
        assert stub.Unary(pb.EchoRequest(payload=payload), compression=grpc.Compression.Gzip).payload == payload
        texts = [r.text for r in stub.Duplex((pb.EchoRequest(text="x" * i * 1000) for i in range(5)), compression=grpc.Compression.Gzip)]
        assert [len(t) for t in texts] == [0, 1000, 2000, 3000, 4000]
        e = error_of(lambda: stub.Unary(pb.EchoRequest(payload=payload), compression=grpc.Compression.Deflate))
        assert e.code() == grpc.StatusCode.UNIMPLEMENTED, e

    def limit():
        assert error_of(lambda: stub.Unary(pb.EchoRequest(payload=bytes(5 << 20)))).code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert error_of(lambda: stub.Unary(pb.EchoRequest(payload=bytes(5 << 20)), compression=grpc.Compression.Gzip)).code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        endless = stub.ClientStream.future(pb.EchoRequest(payload=bytes(5 << 20)) for _ in range(100))
        assert error_of(endless.result).code() == grpc.StatusCode.RESOURCE_EXHAUSTED

    def unimplemented():
        absent = services.AbsentServiceStub(channel)
        assert error_of(lambda: absent.Unary(pb.EchoRequest())).code() == grpc.StatusCode.UNIMPLEMENTED

    def concurrent_calls():
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            texts = list(pool.map(lambda i: stub.Unary(pb.EchoRequest(text=str(i), size_bytes=20_000)).text, range(200)))
        assert texts == [str(i) for i in range(200)]

    for test in (unary, large, server_stream, client_stream, duplex, status, exception, metadata, deadline, cancel, gzip, limit,
                 unimplemented, concurrent_calls):
        try:
            test()
            print("ok", test.__name__, flush=True)
        except Exception as e:
            print("FAILED", test.__name__, type(e).__name__, e, flush=True)


if sys.argv[1] == "server":
    serve()
else:
    check(sys.argv[2])
