import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ask } from "../../../../test/support/ask.ts";
import { parseExposition } from "../../../../test/support/exposition.ts";
import { VirtualClock } from "../../../base/clock.ts";
import { counter } from "../../../metrics/column.ts";
import { Registry } from "../../../metrics/registry.ts";
import { socketAddress } from "../../../model/address.ts";
import { type RunningPodServers, startPodServers } from "../pod-servers.ts";
import { AppPart } from "./app-part.ts";

const ANYWHERE = socketAddress("127.0.0.1", 0);
const SCRAPES = "outrigger_app_scrapes_total";

describe("a sidecar's page of metrics", () => {
  let app: http.Server;
  let serve: http.RequestListener;
  let asked: http.IncomingMessage[];
  let registry: Registry;
  let clock: VirtualClock;
  let pod: RunningPodServers;

  beforeEach(async () => {
    asked = [];
    serve = (_, response) => response.end("# TYPE app_total counter\napp_total 7\n");
    app = http.createServer((request, response) => {
      asked.push(request);
      serve(request, response);
    });
    await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
    const { port } = app.address() as AddressInfo;
    registry = new Registry();
    const columns = [counter("own_total", "Ours.")];
    registry.table({ name: "own", columns, labelNames: [], rowsMax: 1 }).row([]);
    clock = new VirtualClock();
    const servers = {
      metrics: [ANYWHERE, ANYWHERE],
      health: undefined,
      appMetrics: { host: "127.0.0.1", port, path: "/metrics?all=1" },
    };
    pod = await startPodServers(servers, { registry, clock, state: () => "LIVE" });
  });

  afterEach(async () => {
    await pod.close();
    app.closeAllConnections();
    await new Promise((resolve) => app.close(resolve));
  });

  async function page(index = 0, query = ""): Promise<string> {
    const address = pod.address.metrics[index] ?? ANYWHERE;
    const { status, body, headers } = await ask(address, `/stats/prometheus${query}`);
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    parseExposition(body);
    expect(body).toContain("\nown_total 0\n");
    return body;
  }

  /** What the page counts, after another scrape. */
  async function counted(result: string): Promise<number | undefined> {
    const families = parseExposition(await page(1));
    return families.get(SCRAPES)?.samples.get(`${SCRAPES}{result="${result}"}`);
  }

  it("has the app's metrics after the sidecar's own", async () => {
    const text = await page();
    expect(text.endsWith("# TYPE app_total counter\napp_total 7\n")).toBe(true);
    expect(asked[0]?.url).toBe("/metrics?all=1");
    expect(asked[0]?.headers).toMatchObject({
      accept: "text/plain;version=0.0.4",
      "x-prometheus-scrape-timeout-seconds": "5",
    });
    expect(await counted("success")).toBe(1);
  });

  it("has them on the first address only, and not where it is filtered", async () => {
    expect(await page(1)).not.toContain("app_total");
    expect(await page(0, "?filter=own")).not.toContain("app_total");
    expect(asked).toHaveLength(0);
  });

  it("leaves out families whose names are the sidecar's, and counts them", async () => {
    serve = (_, response) => response.end("own_total 9\n# TYPE app_total counter\napp_total 7\n");
    const text = await page();
    expect(text).toContain("app_total 7\n");
    expect(text).not.toContain("own_total 9");
    expect(await page(1)).toContain("\noutrigger_app_dropped_families_total 1\n");
  });

  it.each<[string, string, http.RequestListener]>([
    ["an error", "status", (_, response) => response.writeHead(500).end("own_total 1\n")],
    ["a way to somewhere else", "status", (_, r) => r.writeHead(302, { location: "/x" }).end()],
    ["something else", "invalid", (_, response) => response.end("app_total 7\n<html>\n")],
    ["half an answer", "unreachable", (_, r) => r.write("app_total 7\n", () => r.destroy())],
    ["no answer", "unreachable", (_, response) => response.destroy()],
    ["bytes", "not_text", (_, response) => response.end(Buffer.from([0xff, 0xfe]))],
    [
      "what nobody asked for",
      "not_text",
      (_, r) => r.writeHead(200, { "content-encoding": "gzip" }).end("app_total 7\n"),
    ],
    [
      "too much, as it says itself",
      "too_large",
      (_, r) => r.writeHead(200, { "content-length": String(11 * 1024 * 1024) }).write("a"),
    ],
    [
      "too much",
      "too_large",
      (_, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write("a 1\n".repeat(10_000)));
        };
        response.on("drain", more);
        more();
      },
    ],
  ])("is whole where the app sends %s", async (_, result, listener) => {
    serve = listener;
    expect(await page()).not.toContain("app_total 7");
    expect(await counted(result)).toBe(1);
  });

  it("does not wait longer for the app than it may", async () => {
    serve = () => undefined;
    const answer = page();
    await expect.poll(() => asked).toHaveLength(1);
    clock.advance(5000);
    expect(await answer).not.toContain("app_total");
    expect(await counted("timeout")).toBe(1);
  });

  it("asks the app once for all who ask at the same time", async () => {
    const { port } = app.address() as AddressInfo;
    const target = { host: "127.0.0.1", port, path: "/" };
    const part = new AppPart(target, new Registry(), clock);
    const texts = await Promise.all([part.families(), part.families()]);
    expect(texts[0]).toEqual(["# TYPE app_total counter\napp_total 7\n"]);
    expect(texts[1]).toBe(texts[0]);
    expect(asked).toHaveLength(1);
    expect(await part.families()).toEqual(texts[0]);
    expect(asked).toHaveLength(2);
  });
});
