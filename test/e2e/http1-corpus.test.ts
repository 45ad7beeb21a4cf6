/**
 * The corpora of Http11Probe and smuggler, sent over real sockets through a proxy to an origin that
 * writes down every request that it understands.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { corpusFolder } from "../support/corpus.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../support/proxy-setup.ts";

interface ProbeCase {
  readonly id: string;
  readonly level: string;
  readonly status: string | null;
  readonly payload_b64: string | null;
}

interface SmugglerCase {
  readonly id: string;
  readonly te_line_b64: string;
}

const CANARY = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
/** A proxy that neither answers nor hangs up for so long waits for more bytes. */
const SILENCE_MS = 200;

const folder = corpusFolder("http1");

function read<T>(name: string): readonly T[] {
  return folder === undefined ? [] : (JSON.parse(readFileSync(join(folder, name), "utf8")) as T[]);
}

const refused = read<ProbeCase>("http11probe.json").filter(
  ({ level, payload_b64, status }) =>
    level === "Must" && status === "Exact(400)" && payload_b64 !== null,
);
const mutations = read<SmugglerCase>("smuggler-te.json");

let origin: http.Server;
let setup: ProxySetup;
let seen: string[] = [];

beforeAll(async () => {
  origin = http.createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    request.resume();
    request.on("end", () => response.end("ok"));
  });
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  const { port } = origin.address() as { port: number };
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
  setup = await startSetup([httpListener({ routes })], [staticCluster("origin", [port])]);
});

afterAll(async () => {
  await setup?.stop();
  origin?.close();
  origin?.closeAllConnections();
});

/** All that comes back until the proxy hangs up, or has been silent. */
async function exchange(bytes: Buffer): Promise<string> {
  const bound = setup.proxy.dataPlane.listeners.get("in")?.boundAddress;
  if (bound?.kind !== "socket") throw new Error("the listener is not bound");
  const socket = connect(bound.port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.setTimeout(SILENCE_MS, () => socket.destroy());
  socket.on("end", () => socket.destroy());
  socket.write(bytes);
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

describe.runIf(refused.length > 0)("Http11Probe over sockets", () => {
  it.each(refused)("$id is refused, and nothing of it reaches the origin", async (one) => {
    seen = [];
    const answer = await exchange(
      Buffer.concat([Buffer.from(one.payload_b64 ?? "", "base64"), Buffer.from(CANARY)]),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer.match(/^HTTP\/1\.1 /gm)?.length).toBe(1);
    expect(seen).toEqual([]);
  });
});

describe.runIf(mutations.length > 0)("smuggler over sockets", () => {
  it("no mutated Transfer-Encoding makes a second request", async () => {
    seen = [];
    const body = `0\r\n\r\n${CANARY}`;
    const send = (one: SmugglerCase): Promise<string> => {
      const head = `POST /outer HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n`;
      const line = Buffer.from(one.te_line_b64, "base64");
      return exchange(Buffer.concat([Buffer.from(head), line, Buffer.from(`\r\n\r\n${body}`)]));
    };
    for (let i = 0; i < mutations.length; i += 32) {
      await Promise.all(mutations.slice(i, i + 32).map(send));
    }
    expect(seen.filter((request) => request !== "POST /outer")).toEqual([]);
    expect(setup.stat("origin", "upstream_cx_protocol_error")).toBe(0);
  }, 30_000);
});
