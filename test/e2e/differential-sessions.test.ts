import fs from "node:fs";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Origins, type Outcome, ProxyUnderTest } from "../support/differential.ts";
import { freePort } from "../support/envoy-process.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(new URL("differential-sessions.yaml", import.meta.url), "utf8");
const NAMES = ["a", "b", "c", "d", "e"] as const;
type Name = (typeof NAMES)[number];

/** The value of a session's cookie: Envoy's own message, `envoy.Cookie`. */
function message(address: string, expiresS = 0): string {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(address);
  if (expiresS > 0) writer.tag(2, WireType.Varint).uint64(expiresS);
  return Buffer.from(writer.finish()).toString("base64");
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** What both must do alike: with a cookie or header, on a path. */
interface SessionCase {
  readonly name: string;
  readonly path: string;
  /** Made of an origin's address. */
  readonly value: (address: string) => string;
  /** Whose address it is. */
  readonly of?: Name;
  /** It goes there; else anywhere, and the client is told where. */
  readonly kept?: true;
  readonly status?: number;
}

const plain = (address: string) => message(address);

const CASES: readonly SessionCase[] = [
  { name: "a session", path: "/", value: plain, kept: true },
  { name: "one in quotes", path: "/", value: (at) => `"${message(at)}"`, kept: true },
  { name: "the older form, the address alone", path: "/", value: base64, kept: true },
  { name: "one that has not expired", path: "/", value: (at) => message(at, 2 ** 33), kept: true },
  { name: "one that has expired", path: "/", value: (at) => message(at, 1) },
  { name: "an address of nobody", path: "/", value: () => message("10.0.0.1:1") },
  { name: "no Base64", path: "/", value: (at) => at },
  { name: "Base64 without its padding", path: "/", value: (at) => message(at).replace(/=+$/, "!") },
  { name: "nothing", path: "/", value: () => "" },
  { name: "an empty message", path: "/", value: () => base64("\x10\x05") },
  { name: "a strict session", path: "/strict", value: plain, kept: true },
  {
    name: "a strict session with nobody",
    path: "/strict",
    value: () => message("10.0.0.1:1"),
    status: 503,
  },
  { name: "a strict session that has no address", path: "/strict", value: () => "" },
  { name: "sessions that are off", path: "/off", value: plain },
  { name: "another path than the cookie's", path: "/timed/elsewhere", value: plain },
  { name: "the cookie's path", path: "/timed/here", value: plain, kept: true },
  { name: "a path below the cookie's", path: "/timed/here/x", value: plain, kept: true },
  { name: "the cookie's path and a query", path: "/timed/here?x", value: plain, kept: true },
  { name: "a path that goes on", path: "/timed/hereafter", value: plain },
  { name: "an unhealthy endpoint", path: "/mixed", value: plain, of: "b" },
  { name: "a degraded endpoint", path: "/mixed", value: plain, of: "c", kept: true },
  { name: "a draining endpoint", path: "/mixed", value: plain, of: "d" },
  { name: "an endpoint of another priority", path: "/mixed", value: plain, of: "e", kept: true },
  { name: "an unhealthy endpoint, allowed", path: "/allowed", value: plain, of: "b", kept: true },
  { name: "a draining endpoint, allowed", path: "/allowed", value: plain, of: "d", kept: true },
  { name: "a healthy endpoint, not allowed", path: "/allowed", value: plain, of: "e" },
  { name: "a ring's endpoint, whatever the hash", path: "/hashed", value: plain, kept: true },
  { name: "an answer of the proxy itself", path: "/direct", value: plain },
  { name: "a cluster without endpoints", path: "/nobody", value: plain, status: 503 },
  { name: "an endpoint that refuses", path: "/refused", value: () => "", status: 503 },
];

describeWith(["envoy"], "sessions, beside a real Envoy", () => {
  let origins: Origins;
  let envoy: ProxyUnderTest;
  let outrigger: ProxyUnderTest;

  beforeAll(async () => {
    origins = await Origins.start(NAMES);
    const ports = Object.fromEntries(NAMES.map((name) => [`ORIGIN_${name}`, origins.port(name)]));
    const all = { ...ports, REFUSED: await freePort() };
    envoy = await ProxyUnderTest.start("envoy", YAML, all);
    outrigger = await ProxyUnderTest.start("outrigger", YAML, all);
  });

  afterAll(async () => {
    await envoy?.stop();
    await outrigger?.stop();
    origins?.stop();
  });

  function ask(proxy: ProxyUnderTest, path: string, header = ""): Promise<Outcome> {
    const request = `GET ${path} HTTP/1.1\r\nHost: reviews\r\n${header}\r\n`;
    return proxy.exchange(request, origins);
  }

  function originOf({ headers }: Outcome): string {
    return headers.find((line) => line.startsWith("x-origin: "))?.slice(10) ?? "";
  }

  function setCookies({ headers }: Outcome): string[] {
    return headers.filter((line) => line.startsWith("set-cookie: "));
  }

  function addressOf(name: string): string {
    return `127.0.0.1:${origins.port(name)}`;
  }

  describe("cookies", () => {
    it.each(CASES)("with $name", async ({ path, value, of = "b", kept, status = 200 }) => {
      const cookie = value(addressOf(of));
      const said: object[] = [];
      for (const proxy of [envoy, outrigger]) {
        const outcomes: Outcome[] = [];
        // More than endpoints: who takes turns comes to others as well.
        for (let i = 0; i < 6; i++) {
          outcomes.push(await ask(proxy, path, `Cookie: sticky=${cookie}\r\n`));
        }
        const strayed = outcomes.filter((outcome) => originOf(outcome) !== of);
        expect(strayed.length > 0).toBe(kept !== true);
        for (const { statuses } of outcomes) expect(statuses[0]).toContain(` ${status} `);
        const forms = strayed.flatMap((one) =>
          setCookies(one).map((line) => line.replace(/="[^"]*"/, "")),
        );
        const bodies = status === 503 ? outcomes.map(({ body }) => body) : [];
        said.push({ forms: [...new Set(forms)], all: forms.length === strayed.length, bodies });
      }
      expect(said[1]).toEqual(said[0]);
    });

    it.each(["/", "/timed/here"])("of %s name the endpoint alike", async (path) => {
      const values: string[] = [];
      for (const proxy of [envoy, outrigger]) {
        const outcome = await ask(proxy, path);
        const [line = ""] = setCookies(outcome);
        const value = /="([^"]*)"/.exec(line)?.[1] ?? "";
        const bytes = Buffer.from(value, "base64").toString("latin1");
        expect(bytes).toContain(addressOf(originOf(outcome)));
        values.push(line.replace(/="[^"]*"/, ""));
        values.push(String(bytes.length - addressOf(originOf(outcome)).length));
      }
      expect(values.slice(2)).toEqual(values.slice(0, 2));
    });

    it.each(["/", "/timed/here"])("of %s are honoured by the other proxy", async (path) => {
      for (const [maker, other] of [
        [envoy, outrigger],
        [outrigger, envoy],
      ] as const) {
        for (let i = 0; i < 6; i++) {
          const first = await ask(maker, path);
          const cookie = /sticky="[^"]*"/.exec(setCookies(first)[0] ?? "")?.[0] ?? "";
          const again = await ask(other, path, `Cookie: ${cookie}\r\n`);
          expect(originOf(again)).toBe(originOf(first));
          expect(setCookies(again)).toEqual([]);
        }
      }
    });
  });

  it("headers carry the address, and come back when it changes", async () => {
    for (const proxy of [envoy, outrigger]) {
      const first = await ask(proxy, "/header");
      expect(first.headers).toContain(`x-session: ${base64(addressOf(originOf(first)))}`);
      const header = `X-Session: ${base64(addressOf("c"))}\r\n`;
      const kept = await ask(proxy, "/header", header);
      expect(originOf(kept)).toBe("c");
      expect(kept.headers.some((line) => line.startsWith("x-session"))).toBe(false);
    }
  });

  it("retries go elsewhere", async () => {
    for (const proxy of [envoy, outrigger]) {
      const cookie = `Cookie: sticky=${message(addressOf("b"))}\r\nx-origin-status: 503\r\n`;
      const { seen } = await ask(proxy, "/retried", cookie);
      expect(seen[0]?.origin).toBe("b");
      expect(seen.map(({ origin }) => origin).toSorted()).toEqual(["a", "b", "c"]);
    }
  });

  it("statistics of who was not there are alike", async () => {
    const pattern = /cluster\.(three|nobody)\.upstream_cx_none_healthy$/;
    expect(await outrigger.stats(pattern)).toEqual(await envoy.stats(pattern));
  });
});
