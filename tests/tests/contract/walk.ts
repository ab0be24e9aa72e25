// A walk through the whole API with the client that is generated from its document.
//
// node walk.js ADDRESS PICTURE.png. It ends with an error where the server and its document disagree, or an answer is
// not what it should be. What the compiler accepts is part of the test.

import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  AccountsApi,
  Configuration,
  ImagesApi,
  JobsApi,
  JobStatus,
  OperatorsApi,
  Problem,
  ProblemFromJSON,
  ResponseError,
  TransformRequest,
  TransformationsApi,
  VersionsApi,
} from "./client/index.js";

const [address, file] = process.argv.slice(2) as [string, string];
const picture = readFileSync(file);
const credentials = { username: `walker-${randomUUID().slice(0, 12)}`, password: "strongPassword!" };
const unknown = "671cd3df6b14c65a5537b3b3";

/** Everything that one user can call. */
class Apis {
  readonly accounts: AccountsApi;
  readonly images: ImagesApi;
  readonly versions: VersionsApi;
  readonly transformations: TransformationsApi;
  readonly jobs: JobsApi;
  readonly operators: OperatorsApi;

  constructor(token?: string) {
    const configuration = new Configuration({ basePath: address, accessToken: token });
    this.accounts = new AccountsApi(configuration);
    this.images = new ImagesApi(configuration);
    this.versions = new VersionsApi(configuration);
    this.transformations = new TransformationsApi(configuration);
    this.jobs = new JobsApi(configuration);
    this.operators = new OperatorsApi(configuration);
  }
}

/** Checks that a call is answered with this problem. */
async function refused(status: number, code: string, call: Promise<unknown>): Promise<Problem> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error;
    const problem = ProblemFromJSON(await error.response.json());
    assert.deepEqual([error.response.status, problem.status, problem.code], [status, status, code]);
    assert.ok(problem.detail && problem.requestId);
    return problem;
  }
  return assert.fail(`expected ${status} ${code}`);
}

/** Polls until a job has ended. */
async function ended(apis: Apis, jobId: string): Promise<JobStatus> {
  for (let polls = 0; polls < 600; polls += 1) {
    const status = await apis.transformations.getJobStatus({ jobId });
    if (status.status !== "pending") return status;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return assert.fail(`job ${jobId} does not end`);
}

/** Submits a transformation and waits for it. */
async function transformed(apis: Apis, imageId: string, transformRequest: TransformRequest) {
  const { jobId } = await apis.transformations.transformImage({ imageId, transformRequest });
  const status = await ended(apis, jobId);
  assert.ok(status.status === "completed", JSON.stringify(status));
  assert.equal(status.imageId, imageId);
  return { jobId, url: status.imageUrl };
}

const nobody = new Apis();
assert.equal((await nobody.operators.getLiveness()).status, "ok");
const registered = await nobody.accounts.registerUser({ credentials });
assert.equal(registered.message, "User registered successfully");
await refused(409, "username_taken", nobody.accounts.registerUser({ credentials }));
const wrong = { ...credentials, password: "wrongPassword!" };
await refused(401, "login_refused", nobody.accounts.login({ credentials: wrong }));
await refused(401, "token_missing", nobody.images.listImages());
let user = new Apis((await nobody.accounts.login({ credentials })).token);

// Uploading, once.
const idempotencyKey = randomUUID();
const upload = (bytes: Uint8Array<ArrayBuffer>) => user.images.uploadImage({ file: new Blob([bytes]), idempotencyKey });
const bytes = new Uint8Array(picture);
const { id, message } = await upload(bytes);
assert.equal(message, "Image uploaded and saved");
assert.equal((await upload(bytes)).id, id);
const text = new Blob(["this is a text, whatever its name says"]);
await refused(415, "unsupported_format", user.images.uploadImage({ file: text }));
const listed = await user.images.listImages({ limit: 1 });
assert.deepEqual(listed.items.map((item) => item.id), [id]);
assert.equal(listed.next, undefined);
const seen = await user.images.getImage({ id });
assert.deepEqual([seen.format, seen.version, seen.width, seen.height], ["png", 1, 40, 30]);
const content = await user.images.getImageContent({ id });
assert.deepEqual(new Uint8Array(await content.arrayBuffer()), bytes);
await refused(404, "unknown_image", user.images.getImage({ id: unknown }));

// A result that is not saved.
const { jobId, url } = await transformed(user, id, { width: 20, format: "webp", saveImage: false });
assert.equal(url, null);
const result = new Uint8Array(await (await user.transformations.getTransformedImage({ jobId })).arrayBuffer());
assert.equal(Buffer.from(result.slice(8, 12)).toString(), "WEBP");
const job = await user.jobs.getJob({ id: jobId });
assert.deepEqual([job.state, job.result?.width, job.result?.height], ["completed", 20, 15]);
assert.ok((await user.jobs.listJobs({ state: "completed" })).items.some((item) => item.id === jobId));
assert.ok((await user.jobs.followJob({ id: jobId }))?.includes('"completed"'));
await refused(409, "job_finished", user.jobs.cancelJob({ id: jobId }));
await refused(404, "unknown_job", user.transformations.getJobStatus({ jobId: unknown }));

// Requests that can't be done.
const crop = { left: 0, top: 0, width: 99, height: 99 };
const impossible = user.transformations.transformImage({ imageId: id, transformRequest: { crop, saveImage: false } });
const problem = await refused(422, "invalid_transformation", impossible);
assert.equal(problem.errors?.[0]?.field, "crop.width");

// Versions.
const saved = await transformed(user, id, { grayscale: true, saveImage: true });
assert.ok(saved.url?.startsWith(address));
const versions = await user.versions.listVersions({ id });
assert.deepEqual(versions.items.map((item) => [item.number, item.parent]), [[1, undefined], [2, 1]]);
assert.equal((await user.versions.undoVersion({ id })).version, 1);
await refused(409, "nothing_to_undo", user.versions.undoVersion({ id }));
assert.equal((await user.versions.redoVersion({ id })).version, 2);
assert.equal((await user.versions.restoreVersion({ id, number: 1 })).version, 1);
await refused(404, "unknown_version", user.versions.restoreVersion({ id, number: 7 }));

// Keys.
const made = await user.accounts.createApiKey({
  apiKeyRequest: { name: "walker", scopes: ["read"], expiresInDays: 1 },
});
const program = new Apis(made.key);
assert.equal((await program.accounts.getAccount()).username, credentials.username);
await refused(403, "insufficient_scope", program.images.uploadImage({ file: new Blob([bytes]) }));
await user.accounts.revokeApiKey({ id: made.apiKey.id });
await refused(401, "key_unknown", program.accounts.getAccount());

// The account.
const account = await user.accounts.getAccount();
assert.deepEqual([account.role, account.usage.images], ["user", 1]);
const changed = await user.accounts.changePassword({
  passwordChange: { currentPassword: credentials.password, newPassword: "newPassword!" },
});
await refused(401, "token_revoked", user.accounts.getAccount());
user = new Apis(changed.token);
await user.images.deleteImage({ id });
await refused(404, "unknown_image", user.images.getImage({ id }));
await user.accounts.deleteAccount();
await refused(401, "token_revoked", user.accounts.getAccount());
console.log("the walk is finished");
