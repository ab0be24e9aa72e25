// Web pages of two origins that use the API from a browser. The first is allowed to, the second is not.
//
// node page.mjs CHROMIUM PICTURE.png prints the two origins, then reads the address of the server from its input.

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createInterface } from "node:readline/promises";
import { chromium } from "playwright-core";

const [executablePath, file] = process.argv.slice(2);
const picture = readFileSync(file);

/** Serves the page and the picture on a port of its own; returns the origin. */
async function serve() {
  const server = createServer((request, response) => {
    const isPicture = request.url === "/picture.png";
    response.setHeader("Content-Type", isPicture ? "image/png" : "text/html");
    response.end(isPicture ? picture : "<!doctype html><title>a page</title>");
  });
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  server.unref();
  return `http://localhost:${server.address().port}`;
}

/** Runs in the page: everything from registration to the picture, followed over a WebSocket. */
async function useTheApi(address) {
  const call = async (path, options = {}) => {
    const response = await fetch(address + path, options);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  const json = { "Content-Type": "application/json" };
  const body = JSON.stringify({ username: "page", password: "strongPassword!" });
  await call("/auth/register", { method: "POST", headers: json, body });
  const { token } = await (await call("/auth/login", { method: "POST", headers: json, body })).json();
  const authorization = { Authorization: `Bearer ${token}` };

  const form = new FormData();
  form.append("file", await (await fetch("/picture.png")).blob(), "picture.png");
  const headers = { ...authorization, "Idempotency-Key": crypto.randomUUID() };
  const uploaded = await call("/images/upload", { method: "POST", headers, body: form });
  const location = uploaded.headers.get("location");
  const { id } = await uploaded.json();

  const socket = new WebSocket(`${address.replace("http", "ws")}/ws`);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("the WebSocket does not open"));
  });
  const completed = new Promise((resolve) => {
    socket.onmessage = ({ data }) => {
      const { job } = JSON.parse(data);
      if (job?.state === "completed") resolve(job.id);
    };
  });
  socket.send(JSON.stringify({ token }));
  const transformation = JSON.stringify({ width: 20, format: "webp", saveImage: false });
  const submitted = await call(`/images/transform/${id}`, {
    method: "POST",
    headers: { ...json, ...authorization },
    body: transformation,
  });
  const { jobId } = await submitted.json();
  if ((await completed) !== jobId) throw new Error("another job has completed");
  socket.close();

  const result = await call(`/images/transformedImage/${jobId}`, { headers: authorization });
  const { width, height } = await createImageBitmap(await result.blob());
  const seen = {};
  for (const name of ["etag", "x-request-id"]) seen[name] = result.headers.has(name);
  await call(`/images/${id}`, { method: "DELETE", headers: authorization });
  return { location, id, width, height, seen, limit: submitted.headers.get("ratelimit-policy") };
}

const [allowed, other] = [await serve(), await serve()];
console.log(`${allowed} ${other}`);
const address = (await createInterface({ input: process.stdin })[Symbol.asyncIterator]().next()).value;

const browser = await chromium.launch({
  executablePath,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  const page = await browser.newPage();
  await page.goto(allowed);
  const { location, id, width, height, seen, limit } = await page.evaluate(useTheApi, address);
  assert.equal(location, `/images/${id}`);
  assert.deepEqual([width, height], [20, 15]);
  assert.deepEqual(seen, { etag: true, "x-request-id": true });
  assert.match(limit, /^"write";q=/);
  await page.goto(other);
  await assert.rejects(page.evaluate(useTheApi, address), /Failed to fetch/);
} finally {
  await browser.close();
}
console.log("the pages are done");
process.exit(0);
