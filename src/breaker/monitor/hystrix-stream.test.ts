import { EventEmitter } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import { circuitBreaker } from "../circuit-breaker.ts";
import type { Command } from "../command/command.ts";
import { HystrixStream } from "./hystrix-stream.ts";

/** Without one of these the dashboard throws "Key Missing" and drops the tile. */
const REQUIRED = [
  "type",
  "name",
  "group",
  "isCircuitBreakerOpen",
  "errorPercentage",
  "errorCount",
  "requestCount",
  "rollingCountCollapsedRequests",
  "rollingCountExceptionsThrown",
  "rollingCountFailure",
  "rollingCountFallbackFailure",
  "rollingCountFallbackRejection",
  "rollingCountFallbackSuccess",
  "rollingCountResponsesFromCache",
  "rollingCountSemaphoreRejected",
  "rollingCountShortCircuited",
  "rollingCountSuccess",
  "rollingCountThreadPoolRejected",
  "rollingCountTimeout",
  "currentConcurrentExecutionCount",
  "latencyExecute_mean",
  "latencyExecute",
  "propertyValue_circuitBreakerRequestVolumeThreshold",
  "propertyValue_circuitBreakerSleepWindowInMilliseconds",
  "propertyValue_circuitBreakerErrorThresholdPercentage",
  "propertyValue_circuitBreakerForceOpen",
  "propertyValue_circuitBreakerForceClosed",
  "propertyValue_executionIsolationStrategy",
  "propertyValue_executionIsolationThreadTimeoutInMilliseconds",
  "propertyValue_executionIsolationThreadInterruptOnTimeout",
  "propertyValue_executionIsolationSemaphoreMaxConcurrentRequests",
  "propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests",
  "propertyValue_metricsRollingStatisticalWindowInMilliseconds",
  "propertyValue_requestCacheEnabled",
  "propertyValue_requestLogEnabled",
];
const OPTIONAL = [
  "currentTime",
  "latencyTotal",
  "latencyTotal_mean",
  "propertyValue_circuitBreakerEnabled",
  "propertyValue_executionIsolationThreadPoolKeyOverride",
  "propertyValue_executionTimeoutInMilliseconds",
  "reportingHosts",
  "rollingCountBadRequests",
  "rollingCountEmit",
  "rollingCountFallbackEmit",
  "rollingCountFallbackMissing",
  "rollingMaxConcurrentExecutionCount",
  "threadPool",
];

async function used(clock: VirtualClock): Promise<Command> {
  const guarded = circuitBreaker(
    async (fails: boolean) => {
      clock.advance(fails ? 30.4 : 10.4);
      if (fails) throw new Error("down");
    },
    { name: "ratings", group: "books", timeoutInMilliseconds: 250.5, clock, fallback: () => {} },
  );
  for (const fails of [false, false, true]) await guarded(fails);
  return guarded.breaker;
}

/** The events of a stream, as they come. */
class Reader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = "";

  constructor(response: Response) {
    this.#reader = (response.body as ReadableStream<Uint8Array>).getReader();
  }

  async event(): Promise<string> {
    let end = this.#text.indexOf("\n\n");
    while (end < 0) {
      const { value } = await this.#reader.read();
      this.#text += new TextDecoder().decode(value);
      end = this.#text.indexOf("\n\n");
    }
    const event = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 2);
    return event;
  }

  async data(): Promise<Record<string, unknown>> {
    const event = await this.event();
    expect(event.startsWith("data: {")).toBe(true);
    return JSON.parse(event.slice("data: ".length));
  }

  cancel(): Promise<void> {
    return this.#reader.cancel();
  }
}

/** As Node's responses of HTTP/2 are: it does not say whether it needs to drain. */
class FullResponse extends EventEmitter {
  destroyed = false;
  written = 0;

  writeHead(): void {}

  write(): boolean {
    this.written++;
    return false;
  }

  end(): void {}
}

describe("hystrix.stream", () => {
  it("has every key that the dashboard and Turbine read, and no other", async () => {
    const clock = new VirtualClock();
    const stream = new HystrixStream([await used(clock)], { clock });
    const data = await new Reader(stream.response()).data();
    expect(Object.keys(data).sort()).toEqual([...REQUIRED, ...OPTIONAL].sort());
  });

  it("writes numbers as Hystrix does: whole milliseconds and percents", async () => {
    const clock = new VirtualClock(1_700_000_000_000);
    const stream = new HystrixStream([await used(clock)], { clock });
    const data = await new Reader(stream.response()).data();
    const numbers = Object.entries(data).filter(([, value]) => typeof value === "number");
    expect(numbers.filter(([, value]) => !Number.isInteger(value))).toEqual([]);
    expect(data).toMatchObject({
      type: "HystrixCommand",
      name: "ratings",
      group: "books",
      threadPool: "books",
      isCircuitBreakerOpen: false,
      currentTime: 1_700_000_000_051,
      requestCount: 3,
      errorCount: 1,
      errorPercentage: 33,
      rollingCountSuccess: 2,
      rollingCountFailure: 1,
      rollingCountFallbackSuccess: 1,
      reportingHosts: 1,
      propertyValue_executionIsolationStrategy: "SEMAPHORE",
      propertyValue_executionIsolationThreadPoolKeyOverride: null,
      propertyValue_circuitBreakerForceOpen: false,
    });
    const keys = ["0", "25", "50", "75", "90", "95", "99", "99.5", "100"].sort();
    for (const name of ["latencyExecute", "latencyTotal"]) {
      const latency = data[name] as Record<string, number>;
      expect(Object.keys(latency).sort()).toEqual(keys);
      expect(Object.values(latency).every(Number.isInteger)).toBe(true);
      expect(latency["0"]).toBeGreaterThanOrEqual(9);
      expect(latency["100"]).toBeLessThanOrEqual(33);
    }
  });

  it("has a number where a setting has no end", async () => {
    const { breaker } = circuitBreaker(() => 1, {
      maxConcurrentRequests: Number.POSITIVE_INFINITY,
    });
    const data = await new Reader(new HystrixStream([breaker]).response()).data();
    const name = "propertyValue_executionIsolationSemaphoreMaxConcurrentRequests";
    expect(data[name]).toBe(2_147_483_647);
  });

  it("reports twice a second, on a stream that nobody caches", async () => {
    const clock = new VirtualClock();
    const stream = new HystrixStream([await used(clock)], { clock });
    const response = stream.response();
    expect(Object.fromEntries(response.headers)).toEqual({
      "content-type": "text/event-stream;charset=UTF-8",
      "cache-control": "no-cache, no-store, max-age=0, must-revalidate",
      pragma: "no-cache",
    });
    const reader = new Reader(response);
    const times = [(await reader.data()).currentTime];
    for (let reports = 0; reports < 2; reports++) {
      const next = reader.data();
      clock.advance(500);
      times.push((await next).currentTime);
    }
    const [first = 0, ...later] = times as number[];
    expect(later).toEqual([first + 500, first + 1000]);
  });

  it("pings while there is nothing to report", async () => {
    const stream = new HystrixStream([], { clock: new VirtualClock() });
    expect(await new Reader(stream.response()).event()).toBe("ping: ");
  });

  it("serves five readers, refuses the sixth, and takes one when another has left", async () => {
    const stream = new HystrixStream([], { clock: new VirtualClock() });
    const readers = [1, 2, 3, 4, 5].map(() => new Reader(stream.response()));
    expect(stream.response().status).toBe(503);
    await readers[0]?.cancel();
    expect(stream.connections).toBe(4);
    expect(stream.response().status).toBe(200);
  });

  it("keeps no reports for a reader that does not read", async () => {
    const clock = new VirtualClock();
    let asked = 0;
    const commands = {
      *[Symbol.iterator]() {
        asked++;
        yield circuitBreaker(() => 1, { name: "ratings" }).breaker;
      },
    };
    const stream = new HystrixStream(commands, { clock });
    const reader = new Reader(stream.response());
    clock.advance(60_000);
    expect(asked).toBe(1);
    await reader.event();
    clock.advance(500);
    await reader.event();
    expect(asked).toBe(2);
  });

  it("writes nothing more to a response that is full, until it has drained", () => {
    const clock = new VirtualClock();
    const response = new FullResponse();
    new HystrixStream([], { clock }).handler(undefined, response);
    clock.advance(60_000);
    expect(response.written).toBe(1);
    response.emit("drain");
    clock.advance(500);
    expect(response.written).toBe(2);
  });

  it("keeps no place for a client that has left before it is served", () => {
    const clock = new VirtualClock();
    const stream = new HystrixStream([], { clock });
    const response = new FullResponse();
    response.destroyed = true;
    stream.handler(undefined, response);
    clock.advance(5000);
    expect([stream.connections, response.written]).toEqual([0, 0]);
  });

  it("serves Node's http too, until the client leaves", async () => {
    const stream = new HystrixStream([await used(new VirtualClock())], { maxConnections: 1 });
    const server = http.createServer(stream.handler);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hystrix.stream`;
    try {
      const response = await fetch(url);
      expect(response.headers.get("content-type")).toBe("text/event-stream;charset=UTF-8");
      const reader = new Reader(response);
      expect((await reader.data()).name).toBe("ratings");
      const refused = await fetch(url);
      expect([refused.status, await refused.text()]).toEqual([
        503,
        "MaxConcurrentConnections reached\n",
      ]);
      await reader.cancel();
      await expect.poll(() => stream.connections).toBe(0);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
