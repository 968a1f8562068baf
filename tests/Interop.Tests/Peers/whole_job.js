// A whole job from Node.js: whole_job.js ADDRESS PROTOS MODEL OUT IMAGE... Prints one JSON object.
const crypto = require('crypto'), fs = require('fs'), path = require('path');
const grpc = require('@grpc/grpc-js'), loader = require('@grpc/proto-loader');

const [address, protos, model, out, ...images] = process.argv.slice(2);
const CHUNK = 1 << 20;
const options = { keepCase: true, longs: Number, enums: String, oneofs: true, includeDirs: [protos] };
const load = (...files) => grpc.loadPackageDefinition(loader.loadSync(files, options)).fewshot;
const packages = load('fewshot/artifacts/v1/artifact_service.proto', 'fewshot/compression/v1/compression_service.proto');
const artifacts = new packages.artifacts.v1.ArtifactService(address, grpc.credentials.createInsecure());
const jobs = new packages.compression.v1.CompressionService(address, grpc.credentials.createInsecure());

const sha256 = data => 'sha256:' + crypto.createHash('sha256').update(data).digest('hex');
const ask = (service, method, request) => new Promise((resolve, reject) =>
  service[method](request, (error, answer) => error ? reject(error) : resolve(answer)));

// Image files as one artifact: a safetensors container of the files as they are.
function imageSet(paths) {
  const files = paths.map(file => fs.readFileSync(file)), header = { __metadata__: {} };
  header.__metadata__['fewshot.images'] = JSON.stringify({ names: paths.map(file => path.basename(file)), labels: null, classes: null });
  let end = 0;
  files.forEach((file, i) => header[String(i).padStart(6, '0')] = { dtype: 'U8', shape: [file.length], data_offsets: [end, end += file.length] });
  let text = Buffer.from(JSON.stringify(header));
  text = Buffer.concat([text, Buffer.alloc((8 - text.length % 8) % 8, ' ')]);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([size, text, ...files]);
}

const upload = data => new Promise((resolve, reject) => {
  const call = artifacts.UploadArtifact((error, answer) => error ? reject(error) : resolve(answer.digest));
  call.write({ header: { digest: sha256(data), size_bytes: data.length } });
  for (let begin = 0; begin < data.length; begin += CHUNK) call.write({ chunk: data.subarray(begin, begin + CHUNK) });
  call.end();
});

async function download(digest) {
  const parts = [];
  for await (const part of artifacts.DownloadArtifact({ digest })) parts.push(part.chunk);
  const data = Buffer.concat(parts);
  if (sha256(data) !== digest) throw new Error('what came is not what was asked for');
  return data;
}

// The job's events to its end, each once; goes on where it was when the connection is lost, which it is here after two events.
async function watch(job_id, seen) {
  let last = 0, lose = true;
  for (;;) {
    const stream = jobs.WatchJob({ job_id, from_sequence: last + 1 });
    try {
      for await (const event of stream) {
        if (!event.event) continue;
        if (event.sequence !== last + 1) throw new Error('an event is missing or came twice');
        last = event.sequence;
        seen(event);
        if (lose && last >= 2) { lose = false; stream.cancel(); }
      }
      return last;
    } catch (error) {
      if (error.code !== grpc.status.CANCELLED && error.code !== grpc.status.UNAVAILABLE) throw error;
    }
  }
}

async function main() {
  const spec = {
    network_digest: await upload(fs.readFileSync(model)), image_set_digest: await upload(imageSet(images)), seed: 7,
    practise: { drop_count: 1, tau: 'TAU_SOURCE_MACS', trial_iterations: 2, batch_size: 8, latency_runs: 2, finetune: { iterations: 4, batch_size: 8 } },
  };
  let { job } = await ask(jobs, 'StartCompression', { request_id: 'from-node', spec });
  const events = await watch(job.id, () => {});
  ({ job } = await ask(jobs, 'GetJob', { job_id: job.id }));
  if (job.state !== 'JOB_STATE_SUCCEEDED') throw new Error(job.status_message);
  fs.writeFileSync(out, await download(job.result.model_digest));
  const endless = { ...spec, practise: { ...spec.practise, finetune: { iterations: 100000, batch_size: 8 } } };
  let second = (await ask(jobs, 'StartCompression', { request_id: 'node-cancels', spec: endless })).job;
  await watch(second.id, event => { if (event.progress && event.progress.stage === 'finetune') jobs.CancelJob({ job_id: second.id }, () => {}); });
  second = (await ask(jobs, 'GetJob', { job_id: second.id })).job;
  console.log(JSON.stringify({ events, model: job.result.model_digest, cancelled: second.state }));
  artifacts.close();
  jobs.close();
}

main().catch(error => { console.error(error); process.exit(1); });
