import http from "node:http";
import type { AddressInfo } from "node:net";
import { Agent, request, fetch as undiciFetch, upgrade } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Breaker, Outcome, Permit } from "../breaker.ts";
import { breakerInterceptor } from "./dispatcher.ts";

class WitnessBreaker implements Breaker {
  readonly state = "closed";
  readonly changedAt = 0;
  readonly seen: Outcome[] = [];
  isOpen = false;

  acquire(): Permit {
    return this.isOpen ? 0 : 1;
  }

  allow(): boolean {
    return this.acquire() !== 0;
  }

  record(outcome: Outcome): void {
    this.seen.push(outcome);
  }
}

describe("breakerInterceptor, on undici's Agent", () => {
  let server: http.Server;
  let origin: string;
  let requests: number;
  let breaker: WitnessBreaker;
  let agent: Agent;

  beforeEach(async () => {
    requests = 0;
    server = http.createServer((asked, response) => {
      requests++;
      if (asked.url === "/never") return;
      if (asked.url === "/broken") return response.destroy();
      if (asked.url === "/early") response.writeEarlyHints({ link: "</a>; rel=preload" });
      response.statusCode = asked.url === "/503" ? 503 : 200;
      response.end("answer");
    });
    server.on("upgrade", (_, socket) => {
      socket.end(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n",
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    breaker = new WitnessBreaker();
    agent = new Agent();
  });

  afterEach(async () => {
    await agent.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it("tells the breaker what became of each request, and changes no answer", async () => {
    const dispatcher = agent.compose(breakerInterceptor({ breaker }));
    for (const path of ["/200", "/503", "/early"]) {
      const { body } = await request(origin + path, { dispatcher });
      expect(await body.text()).toBe("answer");
    }
    await expect(request(`${origin}/broken`, { dispatcher })).rejects.toThrow();
    expect(breaker.seen).toEqual(["success", "failure", "success", "failure"]);
  });

  it("says nothing of the service where the caller's own request is wrong", async () => {
    const dispatcher = agent.compose(breakerInterceptor({ breaker }));
    const asked = dispatcher.request({ origin, path: "no-path", method: "GET" });
    await expect(asked).rejects.toThrow("path must be");
    expect(breaker.seen).toEqual(["ignored"]);
  });

  it("sends nothing while the circuit is open", async () => {
    const dispatcher = agent.compose(breakerInterceptor({ breaker }));
    breaker.isOpen = true;
    await expect(request(origin, { dispatcher })).rejects.toMatchObject({
      name: "CircuitOpenError",
      reason: "circuit_open",
      policy: origin,
    });
    expect(requests).toBe(0);
    expect(breaker.seen).toEqual([]);
  });

  it("serves undici's fetch, which hides the error in its cause", async () => {
    const dispatcher = agent.compose(breakerInterceptor({ breaker }));
    expect(await (await undiciFetch(origin, { dispatcher })).text()).toBe("answer");
    breaker.isOpen = true;
    const error = await undiciFetch(origin, { dispatcher }).catch((reason) => reason);
    expect(error.cause).toMatchObject({ reason: "circuit_open" });
    expect(breaker.seen).toEqual(["success"]);
  });

  it("takes an upgrade for a success", async () => {
    const dispatcher = agent.compose(breakerInterceptor({ breaker }));
    const { socket } = await upgrade(origin, { dispatcher, protocol: "echo" });
    socket.destroy();
    expect(breaker.seen).toEqual(["success"]);
  });

  it("says nothing of what its caller gave up", async () => {
    const dispatcher = agent.compose(breakerInterceptor({ breaker }));
    const caller = new AbortController();
    const asked = request(`${origin}/never`, { dispatcher, signal: caller.signal });
    await expect.poll(() => requests).toBe(1);
    caller.abort(new Error("gone"));
    await expect(asked).rejects.toThrow("gone");
    expect(breaker.seen).toEqual(["ignored"]);
  });

  it("keeps origins apart where it has a breaker for each", async () => {
    const origins: string[] = [];
    const byOrigin = (name: string): Breaker => {
      origins.push(name);
      return breaker;
    };
    const dispatcher = agent.compose(breakerInterceptor({ breaker: byOrigin }));
    for (let i = 0; i < 2; i++) await (await request(origin, { dispatcher })).body.dump();
    expect(origins).toEqual([origin]);
  });
});
