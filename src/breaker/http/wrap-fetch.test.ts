import http from "node:http";
import type { AddressInfo } from "node:net";
import { Request as UndiciRequest, fetch as undiciFetch } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import type { Breaker, Outcome, Permit } from "../breaker.ts";
import type { Clock } from "../clock.ts";
import { CallTimeoutError, CircuitOpenError } from "../errors.ts";
import { circuit } from "../policy/circuit.ts";
import { compose } from "../policy/compose.ts";
import { fallback } from "../policy/fallback.ts";
import { retry } from "../policy/retry/retry.ts";
import { timeout } from "../policy/timeout.ts";
import { wrapFetch } from "./wrap-fetch.ts";

type Answer = (request: http.IncomingMessage, response: http.ServerResponse) => void;

/** Whoever waits has waited. */
const HASTY: Clock = {
  now: () => 0,
  wall: () => 0,
  after: (_, callback) => {
    queueMicrotask(callback);
    return { cancel: () => undefined };
  },
};

/** Opens after the first failure, for good. */
class OnceBitten implements Breaker {
  readonly state = "closed";
  readonly changedAt = 0;
  readonly seen: Outcome[] = [];

  acquire(): Permit {
    return this.seen.includes("failure") ? 0 : 1;
  }

  allow(): boolean {
    return this.acquire() !== 0;
  }

  record(outcome: Outcome): void {
    this.seen.push(outcome);
  }
}

const statuses: Answer = (request, response) => {
  response.statusCode = Number(request.url?.slice(1));
  response.end(`status ${response.statusCode}`);
};

describe("wrapFetch, on Node's own fetch", () => {
  let server: http.Server;
  let origin: string;
  let answer: Answer;
  let requests: string[];

  beforeEach(async () => {
    requests = [];
    answer = statuses;
    server = http.createServer((request, response) => {
      requests.push(`${request.method} ${request.url}`);
      request.resume();
      answer(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it("gives the caller the failed answer itself, its body unread", async () => {
    const breaker = new OnceBitten();
    const guarded = wrapFetch(fetch, { policy: circuit(breaker) });
    const good = await guarded(`${origin}/200`);
    const failed = await guarded(`${origin}/503`);
    expect(await good.text()).toBe("status 200");
    expect(failed.status).toBe(503);
    expect(failed.bodyUsed).toBe(false);
    expect(await failed.text()).toBe("status 503");
    expect(breaker.seen).toEqual(["success", "failure"]);
    await expect(guarded(`${origin}/200`)).rejects.toBeInstanceOf(CircuitOpenError);
    expect(requests).toHaveLength(2);
  });

  it("is a Hystrix command for each origin where it is told nothing", async () => {
    const guarded = wrapFetch(fetch, {
      command: { requestVolumeThreshold: 2, timeoutEnabled: false },
    });
    for (const status of [500, 502]) {
      const response = await guarded(`${origin}/${status}`);
      expect(await response.text()).toBe(`status ${status}`);
    }
    await expect(guarded(`${origin}/200`)).rejects.toThrow(`circuit ${origin} is open`);
    const [command] = [...guarded.commands];
    expect(command?.stats.snapshot()).toMatchObject({
      name: origin,
      group: "fetch",
      isOpen: true,
      counts: { FAILURE: 2, SHORT_CIRCUITED: 1 },
    });
  });

  it("counts as failures what it is told to", async () => {
    const breaker = new OnceBitten();
    const isFailure = ({ status }: Response): boolean => status === 429;
    const guarded = wrapFetch(fetch, { policy: circuit(breaker), isFailure });
    for (const status of [404, 500, 429]) await (await guarded(`${origin}/${status}`)).text();
    expect(breaker.seen).toEqual(["success", "success", "failure"]);
  });

  it("keeps origins apart where it has a policy for each", async () => {
    const names: string[] = [];
    const guarded = wrapFetch(fetch, {
      policy: (name) => {
        names.push(name);
        return circuit(new OnceBitten(), { name });
      },
    });
    const other = origin.replace("127.0.0.1", "localhost");
    await (await guarded(`${origin}/500`)).text();
    await expect(guarded(new URL("/200", origin))).rejects.toThrow(`circuit ${origin} is open`);
    await guarded(`${other}/200`).catch((error) => expect(error.reason).toBe(undefined));
    expect(names).toEqual([origin, other]);
  });

  it("repeats by method: a GET after 503, a POST never, one with a key again", async () => {
    const guarded = wrapFetch(fetch, { policy: retry({ retries: 1, clock: HASTY }) });
    const ask = async (init: RequestInit): Promise<number> => {
      const before = requests.length;
      expect((await guarded(`${origin}/503`, init)).status).toBe(503);
      return requests.length - before;
    };
    expect(await ask({})).toBe(2);
    expect(await ask({ method: "POST", body: "order" })).toBe(1);
    expect(await ask({ method: "post", body: "o", headers: { "Idempotency-Key": "1" } })).toBe(2);
    expect(await ask({ method: "PUT", body: new Blob(["x"]).stream(), duplex: "half" })).toBe(1);
  });

  it("knows a Request of another fetch, and never sends its body twice", async () => {
    const names: string[] = [];
    const guarded = wrapFetch(undiciFetch as unknown as typeof fetch, {
      policy: (name) => {
        names.push(name);
        return retry({ retries: 1, idempotent: true, clock: HASTY });
      },
    });
    const order = new UndiciRequest(`${origin}/503`, { method: "POST", body: "order" });
    expect((await guarded(order as unknown as Request)).status).toBe(503);
    expect(requests).toEqual(["POST /503"]);
    expect(names).toEqual([origin]);
  });

  it("frees the connections of answers that were repeated", async () => {
    const bodies: boolean[] = [];
    answer = (request, response) => {
      response.statusCode = requests.length < 3 ? 503 : 200;
      response.on("close", () => bodies.push(response.writableFinished));
      if (response.statusCode === 200) response.end("at last");
      else response.write("an answer without an end");
      request.resume();
    };
    const guarded = wrapFetch(fetch, { policy: retry({ retries: 2, clock: HASTY }) });
    const asked = guarded(origin);
    expect(await (await asked).text()).toBe("at last");
    await expect.poll(() => bodies).toEqual(expect.arrayContaining([false, false, true]));
  });

  it("frees an answer that comes when nobody waits any more, good or bad", async () => {
    const clock = new VirtualClock();
    const late: PromiseWithResolvers<Response>[] = [];
    const freed: number[] = [];
    const deaf = () => {
      late.push(Promise.withResolvers<Response>());
      return (late.at(-1) as PromiseWithResolvers<Response>).promise;
    };
    const guarded = wrapFetch(deaf, { policy: timeout({ timeoutMs: 50, clock }) });
    const asked = [guarded(origin), guarded(origin)];
    clock.advance(50);
    for (const each of asked) await expect(each).rejects.toBeInstanceOf(CallTimeoutError);
    for (const [index, status] of [200, 503].entries()) {
      const body = new ReadableStream({ cancel: () => void freed.push(status) });
      late[index]?.resolve(new Response(body, { status }));
    }
    await new Promise((turn) => setImmediate(turn));
    expect(freed).toEqual([200, 503]);
  });

  it("lets a fallback answer for a status", async () => {
    const policy = compose(fallback(() => new Response("[]")));
    const response = await wrapFetch(fetch, { policy })(`${origin}/500`);
    expect(await response.text()).toBe("[]");
  });

  it("gives up a request at its timeout, on the wire as well", async () => {
    const clock = new VirtualClock();
    const closed = Promise.withResolvers<void>();
    answer = (request) => request.on("close", closed.resolve);
    const guarded = wrapFetch(fetch, { policy: timeout({ timeoutMs: 50, clock }) });
    const asked = guarded(origin);
    await expect.poll(() => requests.length).toBe(1);
    clock.advance(50);
    await expect(asked).rejects.toBeInstanceOf(CallTimeoutError);
    await closed.promise;
  });

  it("leaves the body to the caller, who may give it up after the headers", async () => {
    const clock = new VirtualClock();
    answer = (_, response) => response.write("begun");
    const guarded = wrapFetch(fetch, { policy: timeout({ timeoutMs: 50, clock }) });
    const caller = new AbortController();
    const response = await guarded(new Request(origin, { signal: caller.signal }));
    clock.advance(1000);
    const reader = response.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("begun");
    const rest = reader?.read();
    caller.abort();
    await expect(rest).rejects.toMatchObject({ name: "AbortError" });
  });

  it("rejects as fetch does when the caller has left before the headers", async () => {
    answer = () => undefined;
    const breaker = new OnceBitten();
    const caller = new AbortController();
    const guarded = wrapFetch(fetch, { policy: circuit(breaker) });
    const asked = guarded(origin, { signal: caller.signal });
    await expect.poll(() => requests.length).toBe(1);
    caller.abort();
    await expect(asked).rejects.toMatchObject({ name: "AbortError" });
    expect(breaker.seen).toEqual(["ignored"]);
  });
});
