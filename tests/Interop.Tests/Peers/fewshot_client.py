"""What a client of the services is in Python: stubs made from the protos, and four small functions around them."""
import hashlib
import json
import pathlib
import sys
import tempfile

import grpc
from grpc_tools import protoc

CHUNK = 1 << 20


def make_stubs(protos):
    """Generates the stubs and puts them on the path: 'from fewshot.compression.v1 import compression_service_pb2' works afterwards."""
    folder = tempfile.mkdtemp()
    files = [str(path) for path in pathlib.Path(protos).rglob("fewshot/*/v1/*.proto")]
    include = pathlib.Path(protoc.__file__).parent / "_proto"
    assert protoc.main(["protoc", f"-I{protos}", f"-I{include}", f"--python_out={folder}", f"--grpc_python_out={folder}", *files]) == 0
    sys.path.insert(0, folder)


def image_set(paths):
    """Image files as one artifact: a safetensors container of the files as they are."""
    files = [pathlib.Path(path).read_bytes() for path in paths]
    ends = [sum(map(len, files[: i + 1])) for i in range(len(files))]
    header = {"__metadata__": {"fewshot.images": json.dumps({"names": [pathlib.Path(p).name for p in paths], "labels": None, "classes": None})}}
    header |= {f"{i:06}": {"dtype": "U8", "shape": [len(f)], "data_offsets": [ends[i] - len(f), ends[i]]} for i, f in enumerate(files)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(files)


def upload(artifacts, pb, data):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()

    def parts():
        yield pb.UploadArtifactRequest(header=pb.UploadHeader(digest=digest, size_bytes=len(data)))
        for begin in range(0, len(data), CHUNK):
            yield pb.UploadArtifactRequest(chunk=data[begin:begin + CHUNK])

    return artifacts.UploadArtifact(parts()).digest


def download(artifacts, pb, digest):
    data = b"".join(part.chunk for part in artifacts.DownloadArtifact(pb.DownloadArtifactRequest(digest=digest)))
    assert "sha256:" + hashlib.sha256(data).hexdigest() == digest, "what came is not what was asked for"
    return data


def watch(jobs, pb, job_id, lose_after=None):
    """The job's events to its end, each once; goes on where it was when the connection is lost. The first one is dropped by us after `lose_after` events."""
    last = 0
    while True:
        stream = jobs.WatchJob(pb.WatchJobRequest(job_id=job_id, from_sequence=last + 1))
        try:
            for event in stream:
                if event.WhichOneof("event") is None:
                    continue  # it only says that the stream lives
                assert event.sequence == last + 1, "an event is missing or came twice"
                last = event.sequence
                yield event
                if lose_after is not None and last >= lose_after:
                    lose_after = None
                    stream.cancel()
            if stream.code() == grpc.StatusCode.OK:
                return
        except grpc.RpcError as error:
            if error.code() not in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE):
                raise
