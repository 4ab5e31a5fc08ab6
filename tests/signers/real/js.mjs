// The AWS SDK for JavaScript, version 3, with signature-v4a: `js.mjs BUCKET FILE`. See ../real.py.

import { createHash, createHmac } from "node:crypto";
import { createReadStream, readFileSync, statSync } from "node:fs";
import * as S3 from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { SignatureV4MultiRegion } from "@aws-sdk/signature-v4-multi-region";
import "@aws-sdk/signature-v4a";

const [Bucket, file] = process.argv.slice(2);
const CONTENT = "signed by the SDK for JavaScript";
const credentials = {
  accessKeyId: process.env.AWS_ACCESS_KEY_ID,
  secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
};

/** SHA-256 or HMAC, as the SDK's signer asks for it. */
class Sha256 {
  constructor(secret) {
    this.hash = secret ? createHmac("sha256", Buffer.from(secret)) : createHash("sha256");
  }
  update(data) {
    this.hash.update(data);
  }
  async digest() {
    return new Uint8Array(this.hash.digest());
  }
}

/** The signer of access points of several regions, for every request. */
class Everywhere {
  constructor() {
    const region = process.env.AWS_REGION;
    const options = { credentials, region, service: "s3", sha256: Sha256, runtime: "node" };
    this.signer = new SignatureV4MultiRegion({ ...options, uriEscapePath: false, applyChecksum: true });
  }
  sign(request, options) {
    return this.signer.sign(request, { ...options, signingRegion: "*" });
  }
  presign(request, options) {
    return this.signer.presign(request, { ...options, signingRegion: "*" });
  }
}

let word = "";
let authorization = "";
function client(endpoint, more = {}) {
  const config = { endpoint, region: process.env.AWS_REGION, forcePathStyle: true, maxAttempts: 1, credentials };
  const made = new S3.S3Client({ ...config, ...more });
  const remember = (next) => (args) => {
    authorization = args.request.headers.authorization ?? "";
    if (args.request.method === "PUT") word = args.request.headers["x-amz-content-sha256"] ?? "";
    return next(args);
  };
  // Behind the signer.
  made.middlewareStack.add(remember, { step: "finalizeRequest", priority: "low", name: "remember" });
  return made;
}

function expect(holds, what) {
  if (!holds) throw new Error(what);
}

const forms = {
  async header(s3) {
    const name = { Bucket, Key: "a key/ü +&" };
    await s3.send(new S3.PutObjectCommand({ ...name, Body: CONTENT }));
    const got = await s3.send(new S3.GetObjectCommand(name));
    expect((await got.Body.transformToString()) === CONTENT, "another content came back");
  },

  async presigned(s3, signer) {
    // The presigner takes no other signer: asked itself, this one says what it lacks.
    if (signer) await signer.presign({ method: "GET", headers: {}, query: {} }, { expiresIn: 300 });
    const name = { Bucket, Key: "by link" };
    const put = await getSignedUrl(s3, new S3.PutObjectCommand(name), { expiresIn: 300 });
    const get = await getSignedUrl(s3, new S3.GetObjectCommand(name), { expiresIn: 300 });
    expect((await fetch(put, { method: "PUT", body: Buffer.from(CONTENT) })).status === 200, "PUT by a link");
    expect((await (await fetch(get)).text()) === CONTENT, "GET by a link");
    expect((await fetch(get.replace("by%20link", "other"))).status === 403, "a changed link was taken");
  },

  async chunked(s3) {
    const name = { Bucket, Key: "chunked" };
    const body = { Body: createReadStream(file), ContentLength: statSync(file).size };
    await s3.send(new S3.PutObjectCommand({ ...name, ...body }));
    expect(word.startsWith("STREAMING-"), `it was sent as ${word}`);
    const got = await s3.send(new S3.GetObjectCommand(name));
    expect(readFileSync(file).equals(Buffer.from(await got.Body.transformToByteArray())), "another content");
    return word;
  },
};

async function tell(name, call) {
  let said;
  try {
    said = `ok ${(await call()) ?? ""}`.trim();
  } catch (error) {
    const has = !/only supported when using the CRT/.test(error.message);
    said = (has ? `${error.name} ${error.$metadata?.httpStatusCode ?? ""} ` : "n/a ") + error.message;
  }
  console.log(`${name}: ${said.replaceAll("\n", " ")}`);
}

for (const [prefix, more] of [["", {}], ["v4a ", { signer: new Everywhere() }]]) {
  for (const [form, call] of Object.entries(forms)) {
    const endpoint = form === "chunked" ? process.env.BLOCKHOUSE_ENDPOINT_S3_TLS : process.env.AWS_ENDPOINT_URL_S3;
    await tell(prefix + form, async () => {
      const said = await call(client(endpoint, more), more.signer);
      const algorithm = more.signer ? "AWS4-ECDSA-P256-SHA256" : "AWS4-HMAC-SHA256";
      expect(form === "presigned" || authorization.startsWith(algorithm), `it is signed otherwise: ${authorization}`);
      return said;
    });
  }
}
