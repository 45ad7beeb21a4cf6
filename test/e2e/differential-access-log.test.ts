import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Origins, ProxyUnderTest } from "../support/differential.ts";
import { eventually, freePort } from "../support/envoy-process.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(new URL("differential-access-log.yaml", import.meta.url), "utf8");

function get(target: string, ...headers: readonly string[]): string {
  const lines = [`GET ${target} HTTP/1.1`, "Host: reviews", ...headers];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

const LENGTH = "Content-Length: 5\r\n";

const REQUESTS = [
  get("/app/x?a=1%202+3&flag&b=2&a=3", "X-Text: é", "X-Request-Id: 00000031-1"),
  get("/app/raw", 'X-Text: \xe9 "x" \\', "X-Request-Id: 00000032-1"),
  get("/old/path?q=1", "X-Request-Id: 00000033-1"),
  get("/direct", "X-Request-Id: 00000000-1"),
  get("/direct?", "X-Request-Id: 00000034-1", "X-Text: "),
  get("/dead", "X-Request-Id: 0000000a-1"),
  get("/unknown", "X-Request-Id: 0000000b-1"),
  get("/nowhere", "X-Request-Id: 0000000c-1"),
  get("/nowhere", "Content-Type: application/grpc", "X-Request-Id: 0000000d-1"),
  `POST /app/post HTTP/1.1\r\nHost: reviews\r\n${LENGTH}X-Request-Id: 0000000e-1\r\n\r\nhello`,
  "HEAD /app/head HTTP/1.1\r\nHost: reviews\r\nX-Request-Id: 0000000f-1\r\n\r\n",
];

const LOGS = ["text", "omitting", "json", "json-omitting", "filtered"] as const;

type Written = Readonly<Record<(typeof LOGS)[number], string>>;

/** One after the other, and what the logs hold in the end. */
async function writtenBy(
  kind: "envoy" | "outrigger",
  origins: Origins,
  refused: number,
): Promise<Written> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-access-log-"));
  const ports = { ORIGIN_a: origins.port("a"), REFUSED: refused };
  const proxy = await ProxyUnderTest.start(kind, YAML.replaceAll("$LOG", folder), ports);
  for (const request of REQUESTS) await proxy.exchange(request, origins);
  const read = (name: string) => fs.readFileSync(path.join(folder, name), "latin1");
  const lines = (name: string) => read(name).trimEnd().split("\n").length;
  await eventually("all is written", () =>
    Promise.resolve(lines("text") === REQUESTS.length && lines("json") === REQUESTS.length),
  );
  await proxy.stop();
  const written = Object.fromEntries(LOGS.map((name) => [name, read(name)])) as Written;
  fs.rmSync(folder, { recursive: true });
  return written;
}

describeWith(["envoy"], "access logs of Envoy and Outrigger", () => {
  let origins: Origins;
  let envoys: Written;
  let ours: Written;

  beforeAll(async () => {
    origins = await Origins.start(["a"]);
    const refused = await freePort();
    envoys = await writtenBy("envoy", origins, refused);
    ours = await writtenBy("outrigger", origins, refused);
  });

  afterAll(() => origins.stop());

  it.each(LOGS)("hold the same lines: %s", (name) => {
    expect(ours[name].split("\n")).toEqual(envoys[name].split("\n"));
    expect(envoys[name].trimEnd().split("\n").length).toBeGreaterThan(9);
  });
});
