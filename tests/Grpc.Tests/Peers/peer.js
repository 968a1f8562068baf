// A gRPC peer made of @grpc/grpc-js: `peer.js client PORT` checks our server, `peer.js server` serves until stdin ends.
const assert = require('node:assert');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const definition = loader.loadSync(path.join(__dirname, 'echo.proto'), { keepCase: true, defaults: true });
const { EchoService, AbsentService } = grpc.loadPackageDefinition(definition).fewshot.grpctests.v1;
const MESSAGE = '100% früh – 漢字 \u{1F600}\nline';

function failure(request) {
  if (request.throw) throw new Error('secret path');
  if (!request.fail_code) return null;
  const metadata = new grpc.Metadata();
  metadata.set('x-reason', 'asked');
  metadata.set('x-reason-bin', Buffer.from([0, 255, 7]));
  return { code: request.fail_code, details: request.fail_message, metadata };
}

const response = (request, index) =>
  ({ text: request.text, index, payload: request.size_bytes ? Buffer.alloc(request.size_bytes) : request.payload });

function own(metadata) {
  const result = new grpc.Metadata();
  for (const key of Object.keys(metadata.getMap()).filter((k) => k.startsWith('x-')))
    for (const value of metadata.get(key)) result.add(key, value);
  return result;
}

function serve() {
  const prepare = (call) => {
    if (call.request.mirror) call.sendMetadata(own(call.metadata));
    if (call.request.wait) {
      console.log('waiting');
      call.on('cancelled', () => console.log('cancelled'));
    }
    return !call.request.wait;
  };
  const server = new grpc.Server({ 'grpc.default_compression_algorithm': 2 });
  server.addService(EchoService.service, {
    Unary(call, done) {
      if (!prepare(call)) return;
      const error = failure(call.request);
      if (error) done(error);
      else done(null, response(call.request, 0), call.request.mirror ? own(call.metadata) : undefined);
    },
    ServerStream(call) {
      if (!prepare(call)) return;
      for (let i = 0; i < call.request.count; i++) call.write(response(call.request, i));
      const error = failure(call.request);
      if (error) call.emit('error', error);
      else call.end();
    },
    ClientStream(call, done) {
      const total = { text: '', index: 0 };
      let error = null;
      call.on('data', (request) => {
        if (error) return;
        error = failure(request);
        if (error) return done(error);
        total.index++;
        total.text += request.text;
      });
      call.on('end', () => error || done(null, total));
    },
    Duplex(call) {
      call.on('data', (request) => {
        const error = failure(request);
        if (error) return call.emit('error', error);
        for (let i = 0; i < Math.max(1, request.count); i++) call.write(response(request, i));
      });
      call.on('end', () => call.end());
    },
  });
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    console.log(`port ${port}`);
  });
  process.stdin.resume();
  process.stdin.on('end', () => process.exit(0));
}

async function check(port) {
  const insecure = grpc.credentials.createInsecure();
  const client = new EchoService(`127.0.0.1:${port}`, insecure);
  const gzipped = new EchoService(`127.0.0.1:${port}`, insecure, { 'grpc.default_compression_algorithm': 2 });
  const unaryOf = (c, request, metadata = new grpc.Metadata(), options = {}) => new Promise((resolve, reject) => {
    const seen = {};
    const call = c.Unary(request, metadata, options, (error, value) => (error ? reject(error) : resolve({ value, seen })));
    call.on('metadata', (m) => { seen.headers = m; });
    call.on('status', (s) => { seen.status = s; });
  });
  const unary = (request, metadata, options) => unaryOf(client, request, metadata, options);
  const read = async (call) => {
    const all = [];
    for await (const r of call) all.push(r);
    return all;
  };
  const errorOf = (promise) => promise.then(() => assert.fail('the call succeeded'), (e) => e);
  const upload = (requests) => new Promise((resolve, reject) => {
    const call = client.ClientStream((error, value) => (error ? reject(error) : resolve(value)));
    for (const r of requests) call.write(r);
    call.end();
  });

  const tests = {
    async unary() {
      const { value } = await unary({ text: 'zürich', payload: Buffer.from([0, 255]) }, undefined, { deadline: Date.now() + 20000 });
      assert.deepStrictEqual({ ...value }, { text: 'zürich', payload: Buffer.from([0, 255]), index: 0 });
      assert.strictEqual((await unary({})).value.text, '');
    },
    async large() {
      const payload = Buffer.alloc(3 << 20, 'xyz');
      assert.ok((await unary({ payload })).value.payload.equals(payload));
    },
    async server_stream() {
      const all = await read(client.ServerStream({ count: 300, size_bytes: 3000 }));
      assert.deepStrictEqual(all.map((r) => r.index), [...Array(300).keys()]);
    },
    async client_stream() {
      assert.strictEqual((await upload([0, 1, 2, 3, 4].map((i) => ({ text: `${i}` })))).text, '01234');
      assert.strictEqual((await upload([])).index, 0);
    },
    async duplex() {
      const call = client.Duplex();
      for (let i = 0; i < 20; i++) call.write({ text: `${i}`, size_bytes: 100000 });
      call.end();
      assert.deepStrictEqual((await read(call)).map((r) => r.text), [...Array(20).keys()].map(String));
    },
    async status() {
      const request = { fail_code: 9, fail_message: MESSAGE, count: 2 };
      for (const e of [await errorOf(unary(request)), await errorOf(read(client.ServerStream(request)))]) {
        assert.deepStrictEqual([e.code, e.details], [9, MESSAGE]);
        assert.deepStrictEqual(e.metadata.get('x-reason'), ['asked']);
        assert.deepStrictEqual(e.metadata.get('x-reason-bin'), [Buffer.from([0, 255, 7])]);
      }
    },
    async exception() {
      const e = await errorOf(unary({ throw: true }));
      assert.deepStrictEqual([e.code, e.details], [2, 'Exception was thrown by handler.']);
    },
    async metadata() {
      const sent = new grpc.Metadata();
      sent.set('x-text', 'a, b; c=d');
      sent.set('x-data-bin', Buffer.from([250, 255, 0, 7]));
      const { seen } = await unary({ mirror: true }, sent);
      assert.deepStrictEqual(own(seen.headers).getMap(), sent.getMap());
      assert.deepStrictEqual(own(seen.status.metadata).getMap(), sent.getMap());
    },
    async deadline() {
      assert.strictEqual((await errorOf(unary({ wait: true }, undefined, { deadline: Date.now() + 200 }))).code, 4);
    },
    async cancel() {
      const call = client.ServerStream({ count: 1 << 30, size_bytes: 1000 });
      call.once('data', () => call.cancel());
      assert.strictEqual((await errorOf(read(call))).code, 1);
    },
    async gzip() {
      const payload = Buffer.alloc(300000, 'abc');
      assert.ok((await unaryOf(gzipped, { payload })).value.payload.equals(payload));
      const call = gzipped.Duplex();
      for (let i = 0; i < 5; i++) call.write({ text: 'x'.repeat(i * 1000) });
      call.end();
      assert.deepStrictEqual((await read(call)).map((r) => r.text.length), [0, 1000, 2000, 3000, 4000]);
    },
    async limit() {
      assert.strictEqual((await errorOf(unary({ payload: Buffer.alloc(5 << 20) }))).code, 8);
      assert.strictEqual((await errorOf(unaryOf(gzipped, { payload: Buffer.alloc(5 << 20) }))).code, 8);
    },
    async unimplemented() {
      const absent = new AbsentService(`127.0.0.1:${port}`, insecure);
      assert.strictEqual((await errorOf(unaryOf(absent, {}))).code, 12);
    },
    async concurrent_calls() {
      const texts = await Promise.all([...Array(200).keys()].map(async (i) => (await unary({ text: `${i}`, size_bytes: 20000 })).value.text));
      assert.deepStrictEqual(texts, [...Array(200).keys()].map(String));
    },
  };
  for (const [name, test] of Object.entries(tests)) {
    try {
      await test();
      console.log(`ok ${name}`);
    } catch (e) {
      console.log(`FAILED ${name} ${e}`);
    }
  }
  process.exit(0);
}

if (process.argv[2] === 'server') serve();
else check(process.argv[3]);
