import fs from "node:fs";
import http from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Origins, ProxyUnderTest } from "../support/differential.ts";
import { eventually, freePort } from "../support/envoy-process.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(new URL("differential-balance.yaml", import.meta.url), "utf8");
const ORIGINS = ["a", "b", "c", "d", "e", "f"];
const KEYS = Array.from({ length: 520 }, (_, i) => keyOf(i));
const PICKS = 800;
const AT_ONCE = 8;

/** Short and long, some of more than one stripe of XXH64, with bytes outside of ASCII. */
function keyOf(number: number): string {
  const tail = ["", "-b", "\xe9\xff", "-a-key-that-is-longer-than-thirty-two-bytes"][number % 4];
  return `${number}${tail}${"x".repeat(number % 13)}`;
}

interface Asked {
  readonly path: string;
  readonly headers?: http.OutgoingHttpHeaders;
}

interface Answered {
  readonly status: number;
  readonly origin: string;
  readonly cookies: readonly string[];
}

/** Asks on connections that are kept, many at once where `agent` allows it. */
function ask(port: number, agent: http.Agent, { path, headers = {} }: Asked): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: "127.0.0.1", port, agent, path, headers }, (response) => {
      response.resume();
      response.on("end", () => {
        const { statusCode: status = 0, headers: found } = response;
        const origin = String(found["x-origin"] ?? "");
        resolve({ status, origin, cookies: found["set-cookie"] ?? [] });
      });
    });
    request.on("error", reject);
  });
}

const BY = {
  header: (key: string) => ({ path: "/", headers: { "x-key": key } }),
  cookie: (key: string) => ({ path: "/", headers: { cookie: `a=b; session="${key}"; c=d` } }),
  query: (key: string) => ({ path: `/?other=1&key=${encodeURIComponent(key)}&key=2` }),
  source: (key: string) => ({ path: "/", headers: { "x-forwarded-for": addressOf(key) } }),
};

function addressOf(key: string): string {
  const number = Number.parseInt(key, 10);
  return number % 5 === 0 ? `2001:db8::${number}` : `10.1.${number >> 4}.${number % 251}`;
}

describeWith(["envoy"], "balancing, beside a real Envoy", () => {
  let origins: Origins;
  let envoy: ProxyUnderTest;
  let outrigger: ProxyUnderTest;
  let tcp: { readonly envoy: number; readonly outrigger: number };
  const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const oneByOne = new http.Agent({ keepAlive: true, maxSockets: 1 });

  beforeAll(async () => {
    origins = await Origins.start(ORIGINS);
    const known = ORIGINS.map((name) => [`ORIGIN_${name}`, origins.port(name)]);
    const ports = { ...Object.fromEntries(known), REFUSED: await freePort() };
    tcp = { envoy: await freePort(), outrigger: await freePort() };
    envoy = await ProxyUnderTest.start("envoy", YAML, { ...ports, TCP: tcp.envoy });
    outrigger = await ProxyUnderTest.start("outrigger", YAML, { ...ports, TCP: tcp.outrigger });
  });

  afterAll(async () => {
    agent.destroy();
    oneByOne.destroy();
    await envoy?.stop();
    await outrigger?.stop();
    origins?.stop();
  });

  async function hosts(proxy: ProxyUnderTest, questions: readonly Asked[]): Promise<string[]> {
    const answers = await Promise.all(questions.map((one) => ask(proxy.port, agent, one)));
    origins.take();
    return answers.map(({ status, origin }) => (status === 200 ? origin : String(status)));
  }

  async function compare(questions: readonly Asked[]): Promise<string[]> {
    const wanted = await hosts(envoy, questions);
    const found = await hosts(outrigger, questions);
    expect(found).toEqual(wanted);
    return found;
  }

  describe.each([
    { cluster: "ring", by: ["header", "cookie", "query", "source"] },
    { cluster: "maglev", by: ["header", "cookie", "query", "source"] },
    { cluster: "murmur", by: ["header", "source"] },
    { cluster: "ring_weighted", by: ["header"] },
    { cluster: "ring_small", by: ["header"] },
    { cluster: "ring_localities", by: ["header"] },
    { cluster: "ring_named", by: ["header"] },
    { cluster: "ring_panic", by: ["header"] },
    { cluster: "ring_spill", by: ["header"] },
    { cluster: "maglev_weighted", by: ["header"] },
    { cluster: "maglev_localities", by: ["header"] },
    { cluster: "maglev_spill", by: ["header"] },
    { cluster: "typed_ring", by: ["header"] },
    { cluster: "typed_maglev", by: ["header"] },
  ] as const)("$cluster", ({ cluster, by }) => {
    it.each(by)(`chooses the same host for each of ${KEYS.length} keys by %s`, async (kind) => {
      const questions = KEYS.map((key) => {
        const { path, ...rest }: Asked = BY[kind](key);
        return { path: `/${cluster}${path}`, ...rest };
      });
      const found = await compare(questions);
      expect(new Set(found).size).toBeGreaterThan(2);
    });
  });

  describe("hash policies", () => {
    it("combine alike", async () => {
      await compare(
        KEYS.slice(0, 200).map((key, i) => ({
          path: i % 3 === 0 ? "/several" : `/several?key=${i}`,
          headers: { "x-forwarded-for": addressOf(key), ...(i % 2 === 0 ? { "x-key": key } : {}) },
        })),
      );
    });

    it.each([
      { name: "a header of several values, in any order", headers: { "x-key": ["b", "a", "c"] } },
      { name: "the same, turned round", headers: { "x-key": ["c", "b", "a"] } },
      { name: "an empty header", headers: { "x-key": "" } },
      { name: "an empty cookie", headers: { cookie: "session=" } },
      { name: "an empty cookie in quotes", headers: { cookie: 'session=""' } },
      { name: "a cookie between others without blanks", headers: { cookie: "x=1;session=7;y" } },
      { name: "the first of two cookies", headers: { cookie: "session=1; session=2" } },
      { name: "cookies in two headers", headers: { cookie: ["x=1", "session=9"] } },
      { name: "a cookie whose name only ends so", headers: { cookie: "asession=1; session=5" } },
      { name: "a cookie with a blank before =", headers: { cookie: "session =1; session=6" } },
      { name: "a parameter without value", path: "/ring/?key" },
      { name: "an empty parameter", path: "/ring/?key=&key=1" },
      { name: "a parameter with escapes, as it stands", path: "/ring/?a&key=%41+b" },
      { name: "a parameter whose name is escaped", path: "/ring/?%6bey=1&key=2" },
    ])("take $name alike", async ({ path = "/ring/", headers = {} }) => {
      // The client's address would decide where the case finds nothing: 40 of them.
      const questions = Array.from({ length: 40 }, (_, i) => ({
        path,
        headers: { ...headers, "x-forwarded-for": `10.9.0.${i}` },
      }));
      await compare(questions);
    });

    it("hash what a regular expression leaves", async () => {
      const found = await compare(
        KEYS.map((key) => ({ path: "/rewritten", headers: { "x-key": key } })),
      );
      expect(new Set(found).size).toBeGreaterThan(1);
    });

    it("hash what the route has made of the request", async () => {
      await compare(
        Array.from({ length: 100 }, (_, i) => ({
          path: "/authority",
          headers: { host: `${i}.example` },
        })),
      );
      await compare(Array.from({ length: 100 }, (_, i) => ({ path: `/path/${i}` })));
      const added = await compare(Array.from({ length: 50 }, () => ({ path: "/added" })));
      expect(new Set(added).size).toBe(1);
    });
  });

  it("TCP connections go by their source address", async () => {
    const hostsOf = async (port: number) => {
      const found: string[] = [];
      for (let last = 2; last < 122; last++) {
        const source = new http.Agent({ localAddress: `127.0.0.${last}` });
        found.push((await ask(port, source, { path: "/" })).origin);
        source.destroy();
      }
      return found;
    };
    const found = await hostsOf(tcp.outrigger);
    expect(found).toEqual(await hostsOf(tcp.envoy));
    expect(new Set(found).size).toBeGreaterThan(2);
  });

  it("a bounded load overflows to the same hosts, in the same order", async () => {
    const order = async (proxy: ProxyUnderTest) => {
      const held = new http.Agent();
      const found: string[] = [];
      origins.take();
      for (let i = 0; i < 40; i++) {
        const headers = { "x-key": "hot", "x-origin-silent": "1" };
        ask(proxy.port, held, { path: "/ring_bounded/", headers }).catch(() => undefined);
        await eventually("the request is there", () => {
          found.push(...origins.take().map(({ origin }) => origin));
          return Promise.resolve(found.length > i);
        });
      }
      held.destroy();
      return found;
    };
    const found = await order(outrigger);
    expect(found).toEqual(await order(envoy));
    // Ports, and so the ring, are others each time.
    expect(new Set(found).size).toBeGreaterThan(2);
  });

  describe("retries", () => {
    it.each(["/retried", "/retried-maglev"])("of %s go on to the same hosts", async (path) => {
      for (const key of KEYS.slice(0, 40)) {
        const question = { path, headers: { "x-key": key, "x-origin-status": "503" } };
        const visited: string[][] = [];
        for (const proxy of [envoy, outrigger]) {
          origins.take();
          await ask(proxy.port, oneByOne, question);
          visited.push(origins.take().map(({ origin }) => origin));
        }
        expect(visited[1]).toEqual(visited[0]);
        expect(visited[0]).toHaveLength(4);
      }
    });
  });

  describe("cookies that are made", () => {
    async function cookieOf(proxy: ProxyUnderTest, path: string): Promise<string> {
      const { cookies } = await ask(proxy.port, oneByOne, { path });
      expect(cookies).toHaveLength(1);
      return cookies[0] ?? "";
    }

    it.each(["/made", "/for-the-session"])("for %s look alike", async (path) => {
      const masked = async (proxy: ProxyUnderTest) =>
        (await cookieOf(proxy, path)).replace(/"[0-9a-f]{16}"/, "…");
      expect(await masked(outrigger)).toEqual(await masked(envoy));
      expect(await masked(envoy)).toContain("…");
    });

    it("are honoured by the other proxy", async () => {
      for (const [maker, other] of [
        [envoy, outrigger],
        [outrigger, envoy],
      ] as const) {
        const { cookies, origin } = await ask(maker.port, oneByOne, { path: "/made" });
        const cookie = cookies[0]?.split(";")[0] ?? "";
        const again = await ask(other.port, oneByOne, { path: "/made", headers: { cookie } });
        expect(again).toMatchObject({ origin, cookies: [] });
      }
    });

    it.each([
      { name: "a refused connection", path: "/refused", headers: {} },
      { name: "two cookies", path: "/made-twice", headers: {} },
      { name: "one of two cookies", path: "/made-twice", headers: { cookie: "made=1" } },
      { name: "a retry", path: "/made-twice", headers: { "x-origin-status": "503" } },
    ])("are as many with $name", async ({ path, headers }) => {
      const numbers: string[][] = [];
      for (const proxy of [envoy, outrigger]) {
        const { cookies } = await ask(proxy.port, oneByOne, { path, headers });
        numbers.push(cookies.map((cookie) => cookie.replace(/"[^"]*"/, "…")));
      }
      expect(numbers[1]).toEqual(numbers[0]);
    });

    it("are made for nobody who does not hash", async () => {
      for (const proxy of [envoy, outrigger]) {
        const { cookies } = await ask(proxy.port, oneByOne, { path: "/not-hashed" });
        expect(cookies).toEqual([]);
      }
    });
  });

  describe("shares", () => {
    async function counts(proxy: ProxyUnderTest, cluster: string): Promise<number[]> {
      const questions = Array.from({ length: PICKS }, () => ({ path: `/${cluster}/` }));
      const found = await hosts(proxy, questions);
      return [...ORIGINS, "503"].map((name) => found.filter((one) => one === name).length);
    }

    it.each([
      "spread",
      "weighted",
      "least_request",
      "least_weighted",
      "localities",
      "spill",
      "degraded",
      "panic",
      "no_panic",
      "overprovisioned",
      "typed_full_scan",
      "typed_random",
    ])("of %s are alike", async (cluster) => {
      const wanted = await counts(envoy, cluster);
      const found = await counts(outrigger, cluster);
      for (const [i, count] of wanted.entries()) {
        const mean = (count + (found[i] ?? 0)) / 2;
        // Two draws of the same chance differ by more than this once in a hundred million.
        const bound = 6 * Math.sqrt(2 * mean * (1 - mean / PICKS)) + 2;
        expect(Math.abs((found[i] ?? 0) - count), `${found} for ${wanted}`).toBeLessThan(bound);
        if (count === 0) expect(found[i]).toBe(0);
      }
    });
  });

  it("statistics are alike", async () => {
    const pattern = /ring_hash_lb|maglev_lb|lb_healthy_panic|membership_(total|healthy|degraded)$/;
    expect(await outrigger.stats(pattern)).toEqual(await envoy.stats(pattern));
  });
});
