// A tokenizer in plain JavaScript, without any SDK: docs/protocol.md is all it
// knows. It keeps the top 4 bits of every channel of every second pixel, so its
// codebook has 4096 entries, one token for 2x2 pixels.
//
//   vtbench conform 'process:node examples/tokenizers/plain_node.mjs'

import fs from "node:fs";

// Standard output belongs to the protocol: send everybody else to standard error.
console.log = console.info = console.error;

const CODES = 4096;

function read(n) {
  const buf = Buffer.alloc(n);
  for (let got = 0; got < n; ) {
    let k;
    try {
      k = fs.readSync(0, buf, got, n - got, null);
    } catch (e) {
      if (e.code === "EAGAIN") continue;
      if (e.code === "EOF") return null;
      throw e;
    }
    if (k === 0) return null; // vtbench has gone
    got += k;
  }
  return buf;
}

function write(buf) {
  for (let done = 0; done < buf.length; ) {
    try {
      done += fs.writeSync(1, buf, done, buf.length - done);
    } catch (e) {
      if (e.code !== "EAGAIN") throw e;
    }
  }
}

function send(header, parts = []) {
  const head = Buffer.from(JSON.stringify(header));
  const raw = parts.reduce((n, p) => n + p.length, 0);
  const lead = Buffer.alloc(8);
  lead.writeUInt32LE(4 + head.length + raw, 0);
  lead.writeUInt32LE(head.length, 4);
  write(Buffer.concat([lead, head, ...parts]));
}

function encode(pix, w, h) {
  const gw = Math.ceil(w / 2), gh = Math.ceil(h / 2);
  const ids = new Int32Array(gw * gh);
  for (let y = 0; y < gh; y++)
    for (let x = 0; x < gw; x++) {
      const p = 3 * (2 * y * w + 2 * x);
      ids[y * gw + x] = ((pix[p] >> 4) << 8) | ((pix[p + 1] >> 4) << 4) | (pix[p + 2] >> 4);
    }
  return { ids, shape: [gh, gw] };
}

function decode(ids, w, h) {
  const gw = Math.ceil(w / 2);
  const out = Buffer.alloc(3 * w * h);
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++) {
      const id = ids[(y >> 1) * gw + (x >> 1)];
      const p = 3 * (y * w + x);
      out[p] = (id >> 8) * 17;
      out[p + 1] = ((id >> 4) & 15) * 17;
      out[p + 2] = (id & 15) * 17;
    }
  return out;
}

const clock = () => process.hrtime.bigint();
const bytes = (ids) => Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength); // little-endian wherever node runs

function reconstruct(req, raw) {
  const items = [], parts = [];
  let at = 0;
  for (const { w, h } of req.items) {
    const pix = raw.subarray(at, (at += 3 * w * h));
    const t0 = clock();
    const { ids, shape } = encode(pix, w, h);
    const t1 = clock();
    const image = decode(ids, w, h);
    const t2 = clock();
    items.push({ w, h, books: [{ size: CODES, shape }], encode_ns: Number(t1 - t0), decode_ns: Number(t2 - t1) });
    parts.push(image, bytes(ids));
  }
  return [{ type: "result", items }, parts];
}

function decodeItems(req, raw) {
  const items = [], parts = [];
  let at = 0;
  for (const { w, h, books } of req.items) {
    const n = books[0].shape.reduce((a, b) => a * b, 1);
    const ids = new Int32Array(n);
    for (let i = 0; i < n; i++, at += 4) ids[i] = raw.readInt32LE(at);
    items.push({ w, h });
    parts.push(decode(ids, w, h));
  }
  return [{ type: "result", items }, parts];
}

function answer(req, raw) {
  switch (req.type) {
    case "hello":
      if (req.protocol.min > 1 || req.protocol.max < 1) return [{ type: "error", error: "this plug-in speaks protocol version 1" }];
      return [{
        type: "hello", protocol: 1, can: ["decode"], sdk: "none",
        info: { name: "plain-node", version: "1", deterministic: true, stride: 2, codebooks: [CODES] },
      }];
    case "ping":
      return [{ type: "result" }];
    case "reconstruct":
      return reconstruct(req, raw);
    case "decode":
      return decodeItems(req, raw);
  }
  return [{ type: "error", error: `unknown request ${req.type}` }];
}

for (;;) {
  const lead = read(8);
  if (lead === null) break;
  const length = lead.readUInt32LE(0), headLength = lead.readUInt32LE(4);
  const req = JSON.parse(read(headLength).toString());
  const raw = read(length - 4 - headLength);
  if (req.type === "bye") break;
  let [header, parts] = [null, []];
  try {
    [header, parts = []] = answer(req, raw);
  } catch (e) {
    header = { type: "error", error: String(e) };
  }
  send({ ...header, id: req.id }, parts);
}
