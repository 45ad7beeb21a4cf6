import { request as ask, createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer as createTcp } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Ledger } from "./ledger.ts";
import { type LoadOptions, runLoad, startLoad } from "./load.ts";
import type { FailureMode } from "./origin/failure.ts";
import { LedgerOrigin, type OriginOptions } from "./origin/origin.ts";
import { bodyOf, FIELD, type OutcomeKind, type Protocol } from "./request.ts";
import { expectNoneFailed, judge, toLine, toTable } from "./verdict.ts";

const PROTOCOLS: readonly Protocol[] = ["http1", "http2", "grpc", "websocket", "tcp"];
const running: { stop(): Promise<void> | void }[] = [];

afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

async function start(
  options: Omit<OriginOptions, "ledger"> = {},
): Promise<{ ledger: Ledger; origin: LedgerOrigin }> {
  const ledger = new Ledger();
  const origin = await LedgerOrigin.start({ ledger, ...options });
  running.push(origin);
  return { ledger, origin };
}

function portOf({ ports }: LedgerOrigin, protocol: Protocol): number {
  if (protocol === "tcp") return ports.tcp;
  return protocol === "http2" || protocol === "grpc" ? ports.http2 : ports.http1;
}

describe.each(PROTOCOLS)("a load over %s", (protocol) => {
  it("has nothing to complain of where all is well, open and closed loop", async () => {
    const { ledger, origin } = await start();
    const load: LoadOptions = { protocol, port: portOf(origin, protocol), postShare: 0.5 };
    const closed = await runLoad({ ...load, requests: 100, clients: 8 });
    const open = await runLoad({ ...load, requests: 100, ratePerSecond: 2000 });
    const verdict = judge([...closed, ...open], ledger);
    expectNoneFailed(verdict);
    expect(verdict.outcomes.ok).toBe(200);
    expect(ledger.executions).toBe(200);
    expect(closed.filter(({ request }) => request.method === "POST").length).toBe(50);
  });

  it("carries bodies of many pieces", async () => {
    const { ledger, origin } = await start();
    const sizes = { bodyBytes: 300_000, replyBytes: 300_000, postShare: 1 };
    const port = portOf(origin, protocol);
    const records = await runLoad({ protocol, port, requests: 8, ...sizes });
    expectNoneFailed(judge(records, ledger));
  });

  // A message is there or not.
  const cut: OutcomeKind = protocol === "websocket" ? "reset" : "truncated";
  const MODES: readonly (readonly [FailureMode, OutcomeKind])[] = [
    ["resetBeforeReply", "reset"],
    ["closeBeforeReply", "reset"],
    ["resetMidReply", cut],
    ["closeMidReply", cut],
    ["wrongBody", "wrongBody"],
    ["shortBody", "truncated"],
    ["unavailable", "failedByOrigin"],
    ["silent", "timeout"],
    ["refuse", "reset"],
  ];
  it.each(MODES)("sees an origin that fails by %s as %s", async (mode, kind) => {
    const { ledger, origin } = await start({ failures: [{ mode, every: 1 }] });
    const port = portOf(origin, protocol);
    const timeoutMs = mode === "silent" ? 200 : 10_000;
    const load = { protocol, port, requests: 3, timeoutMs, replyBytes: 100_000 };
    const verdict = judge(await runLoad({ ...load, connections: 1 }), ledger);
    expect({ line: toLine(verdict), count: verdict.outcomes[kind] }).toEqual({
      line: expect.stringContaining("3 failed"),
      count: 3,
    });
    expect(ledger.executions).toBe(mode === "refuse" ? 0 : 3);
    expect(verdict.executedUnseen).toBe(mode === "refuse" ? 0 : 3);
  });

  it("goes on where connections end with their answers", async () => {
    const { ledger, origin } = await start({ failures: [{ mode: "sayClose", every: 3 }] });
    const port = portOf(origin, protocol);
    const records = await runLoad({ protocol, port, requests: 60, connections: 1 });
    expect(judge(records, ledger).executedTwice).toBe(0);
    if (protocol !== "websocket" && protocol !== "tcp") expectNoneFailed(judge(records, ledger));
  });

  it("sees an origin that is killed, and one that lives again", async () => {
    const { ledger, origin } = await start();
    const port = portOf(origin, protocol);
    await origin.kill();
    const dead = judge(await runLoad({ protocol, port, requests: 5 }), ledger);
    // A WebSocket client says nothing of why.
    expect(dead.outcomes[protocol === "websocket" ? "reset" : "connectRefused"]).toBe(5);
    await origin.revive();
    expectNoneFailed(judge(await runLoad({ protocol, port, requests: 5 }), ledger));
  });
});

type Middleman = (request: IncomingMessage, body: Buffer, response: ServerResponse) => unknown;

/** Something between the load and its origin that does as it likes. */
async function middleman(does: Middleman): Promise<number> {
  const server = createServer((request, response) => {
    void request.toArray().then((chunks) => does(request, Buffer.concat(chunks), response));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  running.push({ stop: () => server.closeAllConnections() ?? void server.close() });
  return (server.address() as AddressInfo).port;
}

function forward(
  port: number,
  { method, headers }: IncomingMessage,
  body: Buffer,
  response?: ServerResponse,
): void {
  const onward = ask({ port, method, headers, host: "127.0.0.1" }, (answer) => {
    if (response === undefined) answer.resume();
    else answer.pipe(response.writeHead(answer.statusCode ?? 0, answer.headers));
  });
  onward.on("error", () => undefined).end(body);
}

async function through(does: (port: number) => Middleman) {
  const { ledger, origin } = await start();
  const port = await middleman(does(origin.ports.http1));
  const load = { protocol: "http1" as const, port, requests: 20, postShare: 0.5 };
  return { records: await runLoad(load), ledger };
}

describe("a verdict", () => {
  it("finds what was executed twice", async () => {
    const { records, ledger } = await through((port) => (request, body, response) => {
      forward(port, request, body);
      forward(port, request, body, response);
    });
    await expect.poll(() => ledger.executions).toBe(40);
    const verdict = judge(records, ledger);
    expect(verdict).toMatchObject({ failed: 20, executedTwice: 20, outcomes: { ok: 20 } });
    expect(() => expectNoneFailed(verdict)).toThrow("20 executedTwice");
    const retried = judge(records, ledger, { getsMayRepeat: true });
    expect(retried).toMatchObject({ failed: 10, executedTwice: 10, repeated: 10 });
  });

  it("finds what was answered and never executed", async () => {
    const { records, ledger } = await through(() => ({ headers }, _, response) => {
      const body = bodyOf(String(headers[FIELD.id]), Number(headers[FIELD.replyBytes]));
      response.writeHead(200, { [FIELD.origin]: "origin" }).end(body);
    });
    expect(judge(records, ledger)).toMatchObject({ failed: 20, lost: 20, outcomes: { ok: 20 } });
  });

  it("finds the answer to another request", async () => {
    let last: Buffer<ArrayBufferLike> = Buffer.alloc(512, "first");
    const { records, ledger } = await through((port) => (request, body, response) => {
      forward(port, request, body);
      response.writeHead(200, { [FIELD.origin]: "origin" }).end(last);
      last = bodyOf(String(request.headers[FIELD.id]), 512);
    });
    expect(judge(records, ledger).outcomes.wrongBody).toBe(20);
  });

  it("finds a request whose body came to an origin as another", async () => {
    const { records, ledger } = await through((port) => (request, body, response) => {
      forward(port, request, Buffer.alloc(body.length, "?"), response);
    });
    expect(judge(records, ledger)).toMatchObject({ failed: 10, wrongRequestBody: 10 });
  });

  it("finds a request that nobody sent", async () => {
    const { records, ledger } = await through((port) => (request, body, response) => {
      forward(port, request, body, response);
    });
    ledger.executes("of somebody else", "origin", "");
    expect(judge(records, ledger)).toMatchObject({ failed: 1, unknown: 1 });
  });

  it("counts answers of the proxy itself, with its words", async () => {
    const { records, ledger } = await through(() => (_, __, response) => {
      response.writeHead(503).end("no healthy upstream");
    });
    const verdict = judge(records, ledger);
    expect(verdict.outcomes.refusedByProxy).toBe(20);
    expect([...verdict.reasons]).toEqual([["http1 refusedByProxy: 503 no healthy upstream", 20]]);
    expect(toTable({ refused: verdict })).toMatch(/^load .*\nrefused +20 +20 +0 +20 /);
  });

  it("finds bytes of a stream that came twice", async () => {
    const { ledger, origin } = await start();
    const twice = createTcp((client) => {
      const upstream = connect(origin.ports.tcp, "127.0.0.1");
      client.on("data", (bytes: Buffer) => upstream.write(Buffer.concat([bytes, bytes])));
      upstream.pipe(client);
      for (const socket of [client, upstream]) {
        socket.on("error", () => undefined).on("close", () => client.destroy());
      }
      client.on("close", () => upstream.destroy());
    });
    await new Promise<void>((listening) => twice.listen(0, "127.0.0.1", listening));
    running.push({ stop: () => void twice.close() });
    const { port } = twice.address() as AddressInfo;
    const records = await runLoad({ protocol: "tcp", port, requests: 5, connections: 1 });
    const verdict = judge(records, ledger);
    expect(verdict.executedTwice).toBe(5);
    expect(verdict.failed).toBe(5);
  });
});

describe("an origin of fixed capacity", () => {
  it("serves no more at once, and an open loop counts all that requests waited", async () => {
    const { ledger, origin } = await start({ capacity: { slots: 2, serviceMs: 10 } });
    const load = { protocol: "http1" as const, port: origin.ports.http1, connections: 100 };
    const records = await runLoad({ ...load, requests: 40, ratePerSecond: 4000 });
    const verdict = judge(records, ledger);
    expectNoneFailed(verdict);
    expect(origin.mostAtOnce).toBe(2);
    // Twenty rounds of 10 ms; timers may come a millisecond early.
    expect(verdict.latencyMs.max).toBeGreaterThan(150);
  });
});

describe("a load that goes on", () => {
  it("can be waited for, and ends when it is stopped", async () => {
    const { ledger, origin } = await start({ latency: { kind: "longTail", p50Ms: 1, p99Ms: 20 } });
    const load = startLoad({ protocol: "http1", port: origin.ports.http1, ratePerSecond: 500 });
    await load.sentAtLeast(20);
    await load.more(20);
    const records = await load.stop();
    expect(records.length).toBe(load.sent);
    // Those that more() waited for may be among those that had been sent before.
    expect(records.length).toBeGreaterThanOrEqual(20);
    expectNoneFailed(judge(records, ledger));
    await load.more(1);
  });
});
