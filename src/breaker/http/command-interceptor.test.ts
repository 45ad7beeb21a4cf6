import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { Agent, request } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import type { CommandOptions } from "../command/options.ts";
import type { CommandSnapshot } from "../stats/command-statistics.ts";
import { type CommandInterceptor, commandInterceptor } from "./command-interceptor.ts";

describe("commandInterceptor, on undici's Agent", () => {
  let server: http.Server;
  let origin: string;
  let asked: string[];
  let agent: Agent;
  let clock: VirtualClock;
  let interceptor: CommandInterceptor;
  let dispatcher: ReturnType<Agent["compose"]>;

  beforeEach(async () => {
    asked = [];
    server = http.createServer((request, response) => {
      asked.push(request.url ?? "");
      if (request.url === "/never") return;
      response.statusCode = request.url === "/503" ? 503 : 200;
      response.end("answer");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    agent = new Agent();
    clock = new VirtualClock();
    guard();
  });

  afterEach(async () => {
    await agent.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  function guard(options: CommandOptions = {}): void {
    interceptor = commandInterceptor({ command: { clock, ...options } });
    dispatcher = agent.compose(interceptor);
  }

  function snapshot(): CommandSnapshot | undefined {
    return [...interceptor.commands][0]?.stats.snapshot();
  }

  it("counts what became of each request, and changes no answer", async () => {
    for (const path of ["/200", "/503"]) {
      const { statusCode, body } = await request(origin + path, { dispatcher });
      expect([`/${statusCode}`, await body.text()]).toEqual([path, "answer"]);
    }
    expect(snapshot()).toMatchObject({
      name: origin,
      group: "undici",
      executing: 0,
      counts: { SUCCESS: 1, FAILURE: 1 },
    });
  });

  it("says nothing of the service where the caller's own request is wrong", async () => {
    const asked = dispatcher.request({ origin, path: "no-path", method: "GET" });
    await expect(asked).rejects.toThrow("path must be");
    expect(snapshot()).toMatchObject({ executing: 0, counts: { BAD_REQUEST: 1, FAILURE: 0 } });
  });

  it("sends nothing while the circuit is open", async () => {
    guard({ requestVolumeThreshold: 1 });
    await (await request(`${origin}/503`, { dispatcher })).body.dump();
    const error = await request(`${origin}/200`, { dispatcher }).catch((reason) => reason);
    expect(error).toMatchObject({ reason: "circuit_open", policy: origin });
    expect(asked).toEqual(["/503"]);
  });

  it("lets only so many wait for an answer at one time", async () => {
    guard({ maxConcurrentRequests: 1, timeoutEnabled: false });
    const first = request(`${origin}/never`, { dispatcher }).catch(() => undefined);
    const error = await request(`${origin}/200`, { dispatcher }).catch((reason) => reason);
    expect(error).toMatchObject({ reason: "bulkhead_full" });
    await agent.destroy();
    await first;
  });

  it("ends a request that is not answered in time, on the wire as well", async () => {
    guard({ timeoutInMilliseconds: 50 });
    const closed = new Promise((resolve) => {
      server.on("connection", (socket) => socket.on("close", resolve));
    });
    const answer = request(`${origin}/never`, { dispatcher }).catch((reason) => reason);
    await expect.poll(() => asked).toEqual(["/never"]);
    clock.advance(50);
    expect(await answer).toMatchObject({ reason: "timeout", timeoutMs: 50 });
    await closed;
    expect(snapshot()?.counts).toMatchObject({ TIMEOUT: 1, FAILURE: 0, CANCELLED: 0 });
  });

  it("ends one in time that has no connection yet, and never sends it", async () => {
    const connections: net.Socket[] = [];
    let received = "";
    const slow = net.createServer((socket) => {
      connections.push(socket);
      socket.setEncoding("latin1").on("data", (text: string) => {
        received += text;
      });
      socket.on("error", () => undefined);
    });
    await new Promise<void>((resolve) => slow.listen(0, "127.0.0.1", resolve));
    const place = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`;
    // One connection, which the first request holds: the second one waits for it.
    await agent.destroy();
    agent = new Agent({ connections: 1, pipelining: 1 });
    guard({ timeoutInMilliseconds: 50 });
    const answers = [1, 2].map((id) =>
      request(`${place}/${id}`, { dispatcher }).catch((reason) => reason.reason),
    );
    await expect.poll(() => received).toContain("/1");
    clock.advance(50);
    expect(await Promise.all(answers)).toEqual(["timeout", "timeout"]);
    await agent.close();
    expect(received).not.toContain("/2");
    for (const socket of connections) socket.destroy();
    await new Promise((resolve) => slow.close(resolve));
  });

  it("counts a connection that cannot be made, and what its caller gave up", async () => {
    const caller = new AbortController();
    const left = request(`${origin}/never`, { dispatcher, signal: caller.signal });
    await expect.poll(() => asked).toEqual(["/never"]);
    caller.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    expect(snapshot()?.counts).toMatchObject({ CANCELLED: 1, FAILURE: 0 });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(request(origin, { dispatcher })).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(snapshot()?.counts).toMatchObject({ CANCELLED: 1, FAILURE: 1 });
    server.listen(0, "127.0.0.1");
  });
});
