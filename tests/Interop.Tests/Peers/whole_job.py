"""A whole job from Python: whole_job.py ADDRESS PROTOS MODEL OUT IMAGE... Prints one JSON object."""
import json
import pathlib
import sys

import grpc

import fewshot_client as client

address, protos, model, out, *images = sys.argv[1:]
client.make_stubs(protos)

from fewshot.artifacts.v1 import artifact_service_pb2 as a, artifact_service_pb2_grpc as a_grpc  # noqa: E402
from fewshot.compression.v1 import compression_service_pb2 as c, compression_service_pb2_grpc as c_grpc  # noqa: E402
from fewshot.finetuning.v1 import finetuner_pb2 as f  # noqa: E402

channel = grpc.insecure_channel(address)
artifacts, jobs = a_grpc.ArtifactServiceStub(channel), c_grpc.CompressionServiceStub(channel)
network = client.upload(artifacts, a, pathlib.Path(model).read_bytes())
image_set = client.upload(artifacts, a, client.image_set(images))


def start(request_id, iterations):
    spec = c.CompressionSpec(network_digest=network, image_set_digest=image_set, seed=7)
    spec.practise.drop_count = 1
    spec.practise.tau = c.TAU_SOURCE_MACS
    spec.practise.trial_iterations, spec.practise.batch_size = 2, 8
    spec.practise.latency_runs = 2
    spec.practise.finetune.CopyFrom(f.OptimizerSettings(iterations=iterations, batch_size=8))
    return jobs.StartCompression(c.StartCompressionRequest(request_id=request_id, spec=spec)).job


job = start("from-python", 4)
assert start("from-python", 4).id == job.id, "the same request id and body is the same job"
try:
    start("from-python", 5)
    raise AssertionError("another body under the same request id must be refused")
except grpc.RpcError as error:
    assert error.code() == grpc.StatusCode.ALREADY_EXISTS, error
events = list(client.watch(jobs, c, job.id, lose_after=2))
job = jobs.GetJob(c.GetJobRequest(job_id=job.id)).job
assert job.state == c.JOB_STATE_SUCCEEDED, job.status_message
pathlib.Path(out).write_bytes(client.download(artifacts, a, job.result.model_digest))
report = json.loads(client.download(artifacts, a, job.result.report_digest))

endless = start("to-be-cancelled", 100_000)
for event in client.watch(jobs, c, endless.id):
    if event.progress.stage == "finetune":
        jobs.CancelJob(c.CancelJobRequest(job_id=endless.id))
endless = jobs.GetJob(c.GetJobRequest(job_id=endless.id)).job

print(json.dumps({
    "events": len(events), "model": job.result.model_digest, "method": report["method"], "cancelled": c.JobState.Name(endless.state),
    "jobs": [listed.request_id for listed in jobs.ListJobs(c.ListJobsRequest()).jobs],
}))
