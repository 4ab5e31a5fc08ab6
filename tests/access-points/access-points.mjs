// The AWS SDK for JavaScript, version 3, at an access point: `access-points.mjs SIGNER CHECK < TASK`, with
// signature-v4a, with signature-v4-crt, or as if neither were installed. See sdks.py. Ends with 0 when everything
// came true.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import https from "node:https";
import * as S3 from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { NodeHttpHandler } from "@smithy/node-http-handler";

const [signer, check] = process.argv.slice(2);
if (signer !== "neither") await import(`@aws-sdk/${signer}`);

const task = JSON.parse(readFileSync(0, "utf8"));
const ALGORITHM = signer === "neither" ? "AWS4-HMAC-SHA256" : "AWS4-ECDSA-P256-SHA256";
// The native signer of 3.1142 signs `/` for `//` in a header, and sends both: S3 refuses that as well.
const KEY = signer === "signature-v4-crt" ? "a folder/ü +&.txt" : "a folder//ü +&.txt";
const BODY = "the quick brown fox";
const PART = Buffer.alloc(5 << 20, "0123456789abcdef");
const TAGS = [{ Key: "colour", Value: "dark red" }];
const OPERATIONS = [
  "AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "DeleteObject",
  "DeleteObjects", "DeleteObjectTagging", "GetObject", "GetObjectTagging", "HeadBucket", "HeadObject",
  "ListMultipartUploads", "ListObjects", "ListObjectsV2", "ListObjectVersions", "ListParts", "PutObject",
  "PutObjectTagging", "UploadPart", "UploadPartCopy",
];

// Names under blockhouse.test are this machine, for this process alone.
const lookup = (name, options, done) => {
  assert.match(name, /\.blockhouse\.test$/);
  return options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);
};
const httpsAgent = new https.Agent({ lookup, maxSockets: 8 });

const client = new S3.S3Client({
  endpoint: task.endpoint,
  region: task.region,
  maxAttempts: 1,
  credentials: { accessKeyId: task.access_key, secretAccessKey: task.secret_key },
  requestHandler: new NodeHttpHandler({ httpsAgent }),
});

const sent = new Set();
// Behind the signer.
client.middlewareStack.add(
  (next, { commandName }) => (args) => {
    const { hostname, headers } = args.request;
    // The native signer writes it with a capital letter.
    const authorization = headers.authorization ?? headers.Authorization;
    assert(authorization.startsWith(ALGORITHM), authorization);
    assert.match(authorization, /\/s3-outposts\/aws4_request/);
    assert.match(hostname, /^[^.]+\.op-[0-9a-f]{17}\./);
    sent.add(commandName.replace(/Command$/, ""));
    return next(args);
  },
  { step: "finalizeRequest", priority: "low", name: "judge" },
);

const source = (key) => `${task.arn}/object/${key}`.split("/").map(encodeURIComponent).join("/");

async function allOperations(Bucket) {
  const send = (command, input = {}) => client.send(new S3[`${command}Command`]({ Bucket, ...input }));
  const read = async (Key) => (await send("GetObject", { Key })).Body.transformToString();

  await send("HeadBucket");
  const put = await send("PutObject", { Key: KEY, Body: BODY, Metadata: { a: "b" } });
  assert.equal(await read(KEY), BODY);
  const head = await send("HeadObject", { Key: KEY });
  assert.deepEqual([head.ETag, head.Metadata], [put.ETag, { a: "b" }]);
  await send("PutObjectTagging", { Key: KEY, Tagging: { TagSet: TAGS } });
  assert.deepEqual((await send("GetObjectTagging", { Key: KEY })).TagSet, TAGS);
  await send("CopyObject", { Key: "copy", CopySource: source(KEY) });
  assert.equal(await read("copy"), BODY);
  await send("DeleteObjectTagging", { Key: KEY });
  assert.deepEqual((await send("GetObjectTagging", { Key: KEY })).TagSet ?? [], []);

  for (const command of ["ListObjects", "ListObjectsV2"]) {
    const keys = (await send(command, { Prefix: "copy" })).Contents.map((each) => each.Key);
    assert.deepEqual(keys, ["copy"]);
  }
  const { Versions } = await send("ListObjectVersions", { Prefix: "copy" });
  assert.deepEqual(Versions.map((each) => each.Key), ["copy"]);

  const { UploadId } = await send("CreateMultipartUpload", { Key: "large" });
  const upload = { Key: "large", UploadId };
  assert.deepEqual((await send("ListMultipartUploads")).Uploads.map((each) => each.Key), ["large"]);
  const first = (await send("UploadPart", { ...upload, PartNumber: 1, Body: PART })).ETag;
  const copied = await send("UploadPartCopy", { ...upload, PartNumber: 2, CopySource: source(KEY) });
  assert.deepEqual((await send("ListParts", upload)).Parts.map((part) => part.Size), [PART.length, BODY.length]);
  const Parts = [first, copied.CopyPartResult.ETag].map((ETag, at) => ({ ETag, PartNumber: at + 1 }));
  await send("CompleteMultipartUpload", { ...upload, MultipartUpload: { Parts } });
  assert.equal(await read("large"), `${PART}${BODY}`);
  const given = await send("CreateMultipartUpload", { Key: "given up" });
  await send("AbortMultipartUpload", { Key: "given up", UploadId: given.UploadId });

  await send("DeleteObject", { Key: KEY });
  const Objects = (await send("ListObjectsV2")).Contents.map(({ Key }) => ({ Key }));
  const deleted = await send("DeleteObjects", { Delete: { Objects } });
  assert.equal(deleted.Deleted.length, Objects.length);
  assert.equal((await send("ListObjectsV2")).KeyCount, 0);
  assert.deepEqual([...sent].sort(), [...OPERATIONS].sort());
}

/** Status and body, by a library that knows no S3. */
function fetched(url, method = "GET", body = undefined) {
  return new Promise((resolve, reject) => {
    const request = https.request(url, { method, agent: httpsAgent }, async (answer) => {
      const pieces = [];
      for await (const piece of answer) pieces.push(piece);
      resolve([answer.statusCode, Buffer.concat(pieces).toString()]);
    });
    request.on("error", reject).end(body);
  });
}

async function links(Bucket) {
  const name = { Bucket, Key: "by link ü" };
  const link = (command, more) => getSignedUrl(client, new S3[`${command}Command`](name), { expiresIn: 300, ...more });
  // The endpoint's rules ask for a link for every region, which this SDK signs in native code alone. Without that it
  // makes one for a region, where it is told to.
  const native = signer === "signature-v4-crt";
  if (!native) await assert.rejects(link("GetObject"), /signature-v4-crt/);
  const where = native ? {} : { signingRegion: task.region };
  const [put, get] = [await link("PutObject", where), await link("GetObject", where)];
  const algorithm = native ? "AWS4-ECDSA-P256-SHA256" : "AWS4-HMAC-SHA256";
  assert(get.includes(`=${algorithm}&`) && get.includes("%2Fs3-outposts%2Faws4_request"), get);
  assert.equal((await fetched(put, "PUT", BODY))[0], 200);
  assert.deepEqual(await fetched(get), [200, BODY]);
  const [status, body] = await fetched(get.replace("by%20link", "by%20another"));
  assert.equal(status, 403);
  assert.match(body, /SignatureDoesNotMatch/);
}

const checks = {
  "all operations by ARN": () => allOperations(task.arn),
  "all operations by alias": () => allOperations(task.alias),
  "links by ARN": () => links(task.arn),
  "links by alias": () => links(task.alias),
};
await checks[check]();
httpsAgent.destroy();
