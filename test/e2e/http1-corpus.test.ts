/**
 * The corpora of Http11Probe, smuggler, llhttp and of what other proxies do, sent over real sockets
 * through `outrigger proxy` to an origin that writes down every request that it understands.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { corpusFolder } from "../support/corpus.ts";
import {
  eventually,
  freePort,
  type RunningProgram,
  startOutrigger,
} from "../support/envoy-process.ts";
import { type ProbeCase, stepsOf } from "../support/probe-cases.ts";
import { httpListener, staticCluster } from "../support/proxy-setup.ts";
import { type RawAnswer, sendRaw } from "../support/raw-client.ts";
import { type WitnessedRequest, WitnessOrigin } from "../support/witness-origin.ts";

interface NamedPayload {
  readonly id: string;
  readonly input_b64: string;
  readonly type: string | null;
}

interface Verdict {
  readonly status: readonly number[];
  readonly closed: boolean;
  readonly origin_requests: number;
}

interface SmugglerCase {
  readonly id: string;
  readonly te_line_b64: string;
}

const CANARY = "GET /canary HTTP/1.1\r\nHost: a\r\n\r\n";
/** Many of those lack the end of their head: the corpus lost it. */
const PATIENCE_MS = 300;
const PROXIES = ["envoy", "haproxy", "nginx"] as const;

const folder = corpusFolder("http1");

function read<T>(name: string, none: T): T {
  return folder === undefined ? none : (JSON.parse(readFileSync(join(folder, name), "utf8")) as T);
}

const probes = read<readonly ProbeCase[]>("http11probe.json", []);
const mutations = read<readonly SmugglerCase[]>("smuggler-te.json", []);
const llhttp = read<readonly NamedPayload[]>("llhttp.json", []);
const verdicts = read<Readonly<Record<string, Record<string, Verdict>>>>("proxy-verdicts.json", {});

let origin: WitnessOrigin;
let program: RunningProgram;
let port = 0;
let adminPort = 0;

beforeAll(async () => {
  origin = await WitnessOrigin.listen();
  [port, adminPort] = [await freePort(), await freePort()];
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
  const hcm = { http_protocol_options: { accept_http_10: true } };
  const listener = { ...(httpListener({ hcm, routes }) as object), address: addressOf(port) };
  const clusters = [staticCluster("origin", [origin.port])];
  const static_resources = { listeners: [listener], clusters };
  program = startOutrigger(
    JSON.stringify({ admin: { address: addressOf(adminPort) }, static_resources }),
  );
  await eventually("the proxy is ready", async () => (await page("/ready")) === "LIVE\n");
});

afterAll(async () => {
  await program?.stop();
  origin?.stop();
});

function addressOf(portValue: number): unknown {
  return { socket_address: { address: "127.0.0.1", port_value: portValue } };
}

/** A page of the admin server; empty while there is none. */
async function page(path: string): Promise<string> {
  try {
    return await (await fetch(`http://127.0.0.1:${adminPort}${path}`)).text();
  } catch {
    return "";
  }
}

interface Exchanged {
  readonly answer: RawAnswer;
  readonly seen: readonly WitnessedRequest[];
}

async function exchange(parts: readonly Buffer[], patienceMs?: number): Promise<Exchanged> {
  origin.take();
  const answer = await sendRaw(port, parts, patienceMs);
  return { answer, seen: origin.take() };
}

function finalOf({ statuses }: RawAnswer): readonly number[] {
  return statuses.filter((status) => status >= 200);
}

/** 4xx or 501 and 505 with the connection's end, or its end alone; nothing of it is completed. */
async function isRefused({ answer, seen }: Exchanged): Promise<void> {
  const [status] = finalOf(answer);
  expect(status === undefined || (status >= 400 && status <= 505), answer.text).toBe(true);
  expect(finalOf(answer).length).toBeLessThanOrEqual(1);
  expect(answer.closed, "the connection ends").toBe(true);
  expect(seen.length).toBeLessThanOrEqual(1);
  expect(seen.filter(({ complete }) => complete)).toEqual([]);
  // A connection on which half a request was sent is never used again.
  await expect.poll(() => seen.every(({ lost }) => lost)).toBe(true);
}

/** What the corpus says in words: those that are valid, those that are not for a proxy to judge. */
const ANSWERED = new Set([
  "COMP-POST-CL-BODY",
  "COMP-CHUNKED-MULTI",
  "COMP-UPGRADE-MISSING-CONN",
  "COMP-CHUNKED-EXTENSION",
  "COMP-CONNECTION-CLOSE",
  "COMP-CHUNKED-TRAILER-VALID",
  "COMP-CHUNKED-HEX-UPPERCASE",
  "COMP-RANGE-POST",
  "COMP-HEAD-NO-BODY",
  "COMP-DATE-HEADER",
  "COMP-NO-1XX-HTTP10",
  "COMP-NO-CL-IN-204",
  "SMUG-TRAILER-CL",
  "SMUG-TRAILER-TE",
  "SMUG-TRAILER-HOST",
  "SMUG-HEAD-CL-BODY",
  "SMUG-OPTIONS-CL-BODY",
  "SMUG-ABSOLUTE-URI-HOST-MISMATCH",
]);
/** A request whose end has not come: no answer, and nothing complete at the origin. */
const UNFINISHED = new Set(["COMP-CHUNKED-NO-FINAL", "MAL-POST-CL-HUGE-NO-BODY"]);
/** No route of ours switches protocols. */
const NOT_SWITCHED = new Set(["COMP-UPGRADE-POST", "COMP-UPGRADE-INVALID-VER"]);

const isValid = ({ id, status }: ProbeCase): boolean =>
  ANSWERED.has(id) || status?.startsWith("Range2xx") === true;
const must = probes.filter(({ level }) => level === "Must");
const refused = must.filter(
  (one) => !isValid(one) && !UNFINISHED.has(one.id) && !NOT_SWITCHED.has(one.id),
);

describe.runIf(probes.length > 0)("what Http11Probe says must be so", () => {
  it("names only cases that are there", () => {
    const ids = new Set(must.map(({ id }) => id));
    expect([...ANSWERED, ...UNFINISHED, ...NOT_SWITCHED].filter((id) => !ids.has(id))).toEqual([]);
    expect(must.filter((one) => stepsOf(one) === undefined)).toEqual([]);
  });

  it.each(refused)("$id is refused, and nothing behind it is read", async (one) => {
    const [first = Buffer.alloc(0), ...more] = stepsOf(one) ?? [];
    const behind = Buffer.concat([first, Buffer.from(CANARY)]);
    await isRefused(await exchange([behind, ...more]));
    await isRefused(await exchange([first, ...more]));
  });

  it.each(must.filter(isValid))("$id is answered, and forwarded once", async (one) => {
    const { answer, seen } = await exchange(stepsOf(one) ?? []);
    expect(finalOf(answer)).toEqual([200]);
    expect(seen).toHaveLength(1);
    expect(seen[0]?.trailers).toEqual([]);
    expect(seen[0]?.fields.filter((field) => /evil|example\.com:/.test(field))).toEqual([]);
    if (one.id === "COMP-CONNECTION-CLOSE") expect(answer.closed).toBe(true);
    if (one.id === "COMP-HEAD-NO-BODY") expect(answer.text).toMatch(/\r\n\r\n$/);
    if (one.id === "COMP-DATE-HEADER") expect(answer.text).toMatch(/\r\ndate: \w{3}, \d\d /);
    if (one.id === "COMP-NO-1XX-HTTP10") expect(answer.statuses).toEqual([200]);
    if (one.id === "SMUG-ABSOLUTE-URI-HOST-MISMATCH") {
      expect(seen[0]?.fields).toContain("host: other.example.com");
    }
  });

  it.each(must.filter(({ id }) => UNFINISHED.has(id)))("$id is waited for", async (one) => {
    const { answer, seen } = await exchange(stepsOf(one) ?? []);
    expect(answer.statuses).toEqual([]);
    expect(seen.filter(({ complete }) => complete)).toEqual([]);
    await expect.poll(() => seen.every(({ lost }) => lost)).toBe(true);
  });

  it.each(must.filter(({ id }) => NOT_SWITCHED.has(id)))("$id switches nothing", async (one) => {
    const { answer } = await exchange(stepsOf(one) ?? []);
    expect(answer.statuses).toEqual([403]);
    expect(answer.closed).toBe(true);
  });
});

describe.runIf(probes.length > 0)("what Http11Probe leaves open", () => {
  const open = probes.filter((one) => one.level !== "Must" && stepsOf(one) !== undefined);

  it.each(open)("$id makes as many requests as it has steps, or fewer", async (one) => {
    const steps = stepsOf(one) ?? [];
    const { answer, seen } = await exchange(steps);
    expect(seen.length).toBeLessThanOrEqual(steps.length);
    expect(finalOf(answer).length).toBeLessThanOrEqual(steps.length);
    // What is refused ends the connection.
    if (finalOf(answer).some((status) => status >= 400 && status !== 404)) {
      expect(answer.closed).toBe(true);
    }
  });
});

describe.runIf(mutations.length > 0)("smuggler", () => {
  const refusedOr = (expected: readonly string[], { answer, seen }: Exchanged): void => {
    const lines = seen.filter(({ complete }) => complete).map(({ line }) => line);
    if (finalOf(answer)[0] === 200) expect(lines).toEqual(expected);
    else expect(lines).toEqual([]);
    if (finalOf(answer)[0] !== 200) expect([400, 501]).toContain(finalOf(answer)[0]);
  };

  it.each(mutations)("$id beside a length: one request, or none", async (one) => {
    const body = `0\r\n\r\n${CANARY}`;
    const head = `POST /outer HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n`;
    const line = Buffer.from(one.te_line_b64, "base64");
    const end = Buffer.from(`\r\n\r\n${body}`);
    const exchanged = await exchange([Buffer.concat([Buffer.from(head), line, end])]);
    refusedOr(["POST /outer"], exchanged);
    // Harmless: one framing, its length, and a body that is no request.
    for (const { fields, body: got } of exchanged.seen.filter(({ complete }) => complete)) {
      expect(got).toBe(body);
      expect(fields.filter((field) => /^transfer.?encoding/.test(field))).toEqual([]);
    }
  });
});

/** Whether all three proxies refused, whatever the origin saw of a first valid request. */
function refusedByAll(of: Readonly<Record<string, Verdict>>): boolean {
  return PROXIES.every((proxy) => {
    const { status = [], origin_requests: requests = 0 } = of[proxy] ?? {};
    return requests === 0 && !status.some((code) => code >= 200 && code < 400);
  });
}

/** By the names in the table of verdicts; its other payloads are not in the corpus. */
const payloads = new Map<string, readonly Buffer[]>([
  ...probes.flatMap((one) => {
    const steps = stepsOf(one);
    return steps === undefined ? [] : [[one.id, steps] as const];
  }),
  ...llhttp
    .filter(({ type }) => type === "request")
    .map(({ id, input_b64 }) => [id, [Buffer.from(input_b64, "base64")]] as const),
]);
const unanimous = Object.entries(verdicts).filter(
  ([id, of]) => payloads.has(id) && refusedByAll(of),
);

describe.runIf(unanimous.length > 0)("what Envoy, HAProxy and nginx all refuse", () => {
  it("is a good part of all cases", () => {
    expect(unanimous.length).toBeGreaterThan(50);
  });

  it.each(unanimous)("%s is accepted by us neither", async (id) => {
    const { answer, seen } = await exchange(payloads.get(id) ?? [], PATIENCE_MS);
    expect(finalOf(answer).filter((status) => status < 400)).toEqual([]);
    expect(seen.filter(({ complete }) => complete)).toEqual([]);
  });
});

describe.runIf(probes.length > 0)("after all of them", () => {
  it("the origin has read every request, and no connection is left half used", async () => {
    expect(origin.malformed).toEqual([]);
    const { answer, seen } = await exchange([Buffer.from(CANARY)]);
    expect(finalOf(answer)).toEqual([200]);
    expect(seen.map(({ line }) => line)).toEqual(["GET /canary"]);
    expect(await page("/stats?filter=upstream_cx_protocol_error$")).toMatch(/: 0\n$/);
    expect(await page("/stats?filter=^http.in.downstream_rq_active$")).toMatch(/: 0\n$/);
    expect(await page("/stats?filter=upstream_rq_active$")).toMatch(/: 0\n$/);
    expect((await page("/errors")).split("\n")).toHaveLength(65);
    expect(program.log()).not.toContain("internal error");
  });
});
