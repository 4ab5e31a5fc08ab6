// The checks of the client matrix by the AWS SDK for JavaScript. Reads its task as JSON from standard
// input and prints one JSON line per outcome; see clients/js.py.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, readFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import * as S3 from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const task = JSON.parse(readFileSync(0, "utf8"));
const Bucket = task.bucket;
const client = new S3.S3Client({
  endpoint: task.endpoint,
  region: task.region,
  forcePathStyle: true,
  maxAttempts: 1,
  credentials: { accessKeyId: task.accessKey, secretAccessKey: task.secretKey },
});

const print = (outcome) => console.log(JSON.stringify(outcome));
const send = (command, input) => client.send(new S3[`${command}Command`](input));
const put = (Key, Body, more = {}) => send("PutObject", { Bucket, Key, Body, ...more });
const open = (Key, more = {}) => send("GetObject", { Bucket, Key, ...more });
const read = async (Key, more) => (await open(Key, more)).Body.transformToString();
const compareBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));

async function statusOf(promise) {
  try {
    await promise;
    return 200;
  } catch (error) {
    if (!error.$metadata) throw error;
    return error.$metadata.httpStatusCode;
  }
}

async function allPages(paginate, input, pageSize) {
  const pages = [];
  for await (const page of paginate({ client, pageSize }, input)) pages.push(page);
  return pages;
}

const checks = {
  async "create-bucket"() {
    await send("CreateBucket", { Bucket });
    await send("HeadBucket", { Bucket });
    const { Buckets } = await send("ListBuckets", {});
    assert(Buckets.some((bucket) => bucket.Name === Bucket));
  },

  async put() {
    await put("small.txt", task.small, { ContentType: "text/plain" });
    await put("empty", "");
  },

  async get() {
    const answer = await open("small.txt");
    assert.equal(answer.ContentType, "text/plain");
    assert.equal(await answer.Body.transformToString(), task.small);
    assert.equal(await read("empty"), "");
    assert.equal(await statusOf(open("none")), 404);
  },

  async range() {
    assert.equal(await read("small.txt", { Range: "bytes=10-19" }), task.small.slice(10, 20));
    assert.equal(await read("small.txt", { Range: "bytes=-7" }), task.small.slice(-7));
  },

  async multipart() {
    const Body = createReadStream(task.large, { highWaterMark: 1 << 20 });
    await new Upload({ client, params: { Bucket, Key: "large", Body }, partSize: 16 << 20, queueSize: 3 }).done();
    const back = `${task.folder}/large`;
    await pipeline((await open("large")).Body, createWriteStream(back));
    const digest = createHash("sha256");
    await pipeline(createReadStream(back, { highWaterMark: 1 << 20 }), digest);
    assert.equal(digest.digest("hex"), task.largeDigest);
    await send("DeleteObject", { Bucket, Key: "large" });
  },

  async list() {
    // A new input for each: the paginator leaves its place in the one it is given.
    const input = () => ({ Bucket: task.listedBucket });
    const pages = await allPages(S3.paginateListObjectsV2, input());
    const keys = pages.flatMap((page) => page.Contents.map((object) => object.Key));
    assert.equal(keys.length, 2500);
    assert.deepEqual(keys, [...new Set(keys)].sort(compareBytes));
    const folders = await allPages(S3.paginateListObjectsV2, { ...input(), Prefix: "3/", Delimiter: "/" }, 4);
    const prefixes = folders.flatMap((page) => (page.CommonPrefixes ?? []).map((each) => each.Prefix));
    assert.deepEqual(prefixes, Array.from({ length: 10 }, (_, n) => `3/0${n}/`));
  },

  async "odd-keys"() {
    for (const key of task.oddKeys) await put(key, key);
    for (const key of task.oddKeys) assert.equal(await read(key), key);
    const pages = await allPages(S3.paginateListObjectsV2, { Bucket, EncodingType: "url" });
    const decode = (key) => decodeURIComponent(key.replaceAll("+", " "));
    const listed = pages.flatMap((page) => page.Contents.map((object) => decode(object.Key)));
    const odd = listed.filter((key) => task.oddKeys.includes(key));
    assert.deepEqual(odd, [...task.oddKeys].sort(compareBytes));
  },

  async copy() {
    const CopySource = `${Bucket}/small.txt`;
    await send("CopyObject", { Bucket, Key: "copy of +ü", CopySource });
    assert.equal(await read("copy of +ü"), task.small);
  },

  async tags() {
    await put("tagged", "1", { Tagging: "colour=dark+red" });
    const name = { Bucket, Key: "tagged" };
    assert.deepEqual((await send("GetObjectTagging", name)).TagSet, [{ Key: "colour", Value: "dark red" }]);
    const TagSet = [{ Key: "größe", Value: "日本" }];
    await send("PutObjectTagging", { ...name, Tagging: { TagSet } });
    assert.deepEqual((await send("GetObjectTagging", name)).TagSet, TagSet);
    await send("DeleteObjectTagging", name);
    assert.deepEqual((await send("GetObjectTagging", name)).TagSet ?? [], []);
  },

  async metadata() {
    const Metadata = { plain: task.metadata.plain };
    await put("metadata", "1", { Metadata, CacheControl: "no-cache" });
    const head = await send("HeadObject", { Bucket, Key: "metadata" });
    assert.deepEqual(head.Metadata, Metadata);
    assert.equal(head.CacheControl, "no-cache");
    const reason = "Unicode: Node sends header values as Latin-1 and refuses others";
    print({ check: "metadata", verdict: "N/A", reason });
  },

  async conditions() {
    const race = Array.from({ length: 16 }, (_, n) => statusOf(put("race", `${n}`, { IfNoneMatch: "*" })));
    const statuses = await Promise.all(race);
    assert.equal(statuses.filter((status) => status === 200).length, 1, `${statuses}`);
    const { ETag } = await send("HeadObject", { Bucket, Key: "race" });
    assert.equal(await statusOf(put("race", "new", { IfMatch: '"0123"' })), 412);
    assert.equal(await statusOf(put("race", "new", { IfMatch: ETag })), 200);
    assert.equal(await statusOf(open("race", { IfMatch: ETag })), 412);
  },

  async checksums() {
    for (const algorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]) {
      const field = `Checksum${algorithm}`;
      const stored = await put("checksum", task.small, { ChecksumAlgorithm: algorithm });
      const answer = await open("checksum", { ChecksumMode: "ENABLED" });
      assert.equal(answer[field], stored[field]);
      assert.equal(await answer.Body.transformToString(), task.small);
      const wrong = put("checksum", "something else", { [field]: stored[field] });
      assert.equal(await statusOf(wrong), 400);
    }
    for (const algorithm of ["CRC32", "SHA256"]) {
      const params = { Bucket, Key: "composite", Body: Buffer.alloc(6 << 20), ChecksumAlgorithm: algorithm };
      const done = await new Upload({ client, params, partSize: 5 << 20 }).done();
      assert.match(done[`Checksum${algorithm}`], algorithm === "SHA256" ? /-2$/ : /./);
    }
  },

  async "presigned-get"() {
    return { url: await getSignedUrl(client, new S3.GetObjectCommand({ Bucket, Key: "small.txt" })) };
  },

  async "presigned-put"() {
    const name = { Bucket, Key: "by link +ü" };
    return {
      url: await getSignedUrl(client, new S3.PutObjectCommand(name)),
      readBack: await getSignedUrl(client, new S3.GetObjectCommand(name)),
    };
  },

  async delete() {
    // The link of presigned-get may still be in use: another key goes.
    await send("DeleteObject", { Bucket, Key: "empty" });
    assert.equal(await statusOf(open("empty")), 404);
  },

  async "delete-objects"() {
    const bucket = `${Bucket}-batch`;
    await send("CreateBucket", { Bucket: bucket });
    const keys = Array.from({ length: 50 }, (_, n) => `folder/${n}`);
    await Promise.all(keys.map((Key) => send("PutObject", { Bucket: bucket, Key, Body: "1" })));
    const Objects = keys.map((Key) => ({ Key }));
    const done = await send("DeleteObjects", { Bucket: bucket, Delete: { Objects } });
    assert.equal(done.Deleted.length, keys.length);
    await send("DeleteBucket", { Bucket: bucket });
  },
};

for (const check of task.checks) {
  const started = performance.now();
  try {
    const more = await checks[check]();
    print({ check, verdict: "PASS", seconds: (performance.now() - started) / 1000, ...more });
  } catch (error) {
    const reason = `${error.name}: ${error.message}`.replaceAll(/\s+/g, " ").slice(0, 400);
    print({ check, verdict: "FAIL", reason });
  }
}
