"""Every stage service called by itself, without the gateway's jobs: stages.py ADDRESS PROTOS MODEL IMAGE... Prints one JSON object."""
import json
import pathlib
import sys

import grpc

import fewshot_client as client

address, protos, model, *images = sys.argv[1:]
client.make_stubs(protos)

from fewshot.artifacts.v1 import artifact_service_pb2 as a, artifact_service_pb2_grpc as a_grpc  # noqa: E402
from fewshot.finetuning.v1 import finetuner_pb2 as f, finetuner_pb2_grpc as f_grpc  # noqa: E402
from fewshot.networks.v1 import network_pb2 as n  # noqa: E402
from fewshot.profiling.v1 import latency_profiler_pb2 as p, latency_profiler_pb2_grpc as p_grpc  # noqa: E402
from fewshot.synthesis.v1 import image_synthesizer_pb2 as s, image_synthesizer_pb2_grpc as s_grpc  # noqa: E402
from fewshot.trials.v1 import block_trial_pb2 as t, block_trial_pb2_grpc as t_grpc  # noqa: E402

channel = grpc.insecure_channel(address)
artifacts = a_grpc.ArtifactServiceStub(channel)
network = client.upload(artifacts, a, pathlib.Path(model).read_bytes())
image_set = client.upload(artifacts, a, client.image_set(images))


def result(stream):
    """The last message's result; what comes before is progress."""
    messages = list(stream)
    assert [message.WhichOneof("event") for message in messages].count("result") == 1
    return messages[-1].result


profiler = p_grpc.LatencyProfilerServiceStub(channel)
described = profiler.DescribeNetwork(p.DescribeNetworkRequest(network=n.Network(digest=network))).description
block = next(b.name for b in described.blocks if b.droppable)
drop = n.Edit(drop_block=n.DropBlock(block=block))
fingerprint = profiler.DescribeDevice(p.DescribeDeviceRequest()).device.fingerprint
profile = result(profiler.Profile(p.ProfileRequest(
    network_digest=network, candidates=[p.Candidate(name="without", edits=[drop])], batch_size=2, runs=2, device_fingerprint=fingerprint)))
trials = result(t_grpc.BlockTrialServiceStub(channel).RunTrials(t.RunTrialsRequest(
    network_digest=network, image_set_digest=image_set, candidates=[block], iterations=2, batch_size=8)))
tuned = result(f_grpc.FinetunerServiceStub(channel).Finetune(f.FinetuneRequest(
    teacher_digest=network, edits=[drop], image_set_digest=image_set, optimizer=f.OptimizerSettings(iterations=2, batch_size=8))))
made = result(s_grpc.ImageSynthesizerServiceStub(channel).Synthesize(s.SynthesizeRequest(network_digest=network, images=2, iterations=2)))
try:
    result(f_grpc.FinetunerServiceStub(channel).Finetune(f.FinetuneRequest(teacher_digest="sha256:none", image_set_digest=image_set)))
    refused = "nothing"
except grpc.RpcError as error:
    refused = f"{error.code().name} {error.details()}"
print(json.dumps({
    "block": block, "macs_saved": profile.original.macs - profile.candidates[0].macs, "recoverability": trials.outcomes[0].value, "tuned": tuned.network_digest,
    "synthesised": made.image_set_digest, "refused": refused,
}))
