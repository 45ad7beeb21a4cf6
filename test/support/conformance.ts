import { copyFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { callByGrpc } from "./conformance-call.ts";

export interface ConformancePlan {
  /** Where the mesh looks for YAML. */
  readonly folder: string;
  readonly tests: readonly ConformanceTest[];
}

export interface ConformanceTest {
  readonly name: string;
  readonly manifests: readonly string[];
  readonly cases: readonly ConformanceCase[];
  /** Share of the requests to `echo` by backend, instead of cases. */
  readonly weights?: Readonly<Record<string, number>>;
}

export interface Wanted {
  /** Without it HTTP/1.1 is spoken. */
  readonly Protocol?: "grpc";
  readonly Host?: string;
  readonly Path?: string;
  readonly Method?: string;
  readonly Headers?: Readonly<Record<string, string>>;
}

/** As the suite writes it (conformance/utils/http: ExpectedResponse). */
export interface ConformanceCase {
  readonly Request: Wanted;
  readonly ExpectedRequest?: { readonly Request?: Wanted; readonly AbsentHeaders?: string[] };
  readonly Response?: {
    readonly StatusCode?: number;
    readonly StatusCodes?: readonly number[];
    readonly Headers?: Readonly<Record<string, string>>;
    readonly AbsentHeaders?: readonly string[];
  };
  readonly RedirectRequest?: {
    readonly Scheme?: string;
    readonly Host?: string;
    readonly Port?: string;
    readonly Path?: string;
  };
  readonly Backend?: string;
}

/** Empty reasons: it did what the suite wants. */
export interface ConformanceResult {
  readonly test: string;
  readonly index: number;
  readonly reasons: readonly string[];
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly echo: Echo | undefined;
}

export interface Echo {
  readonly pod: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The suite allows 30 s; ours takes a changed file over in less than one. */
const PATIENCE_MS = 30_000;
const POLL_MS = 50;
const CONSECUTIVE = 3;
const REQUESTS = 500;
const TOLERANCE = 0.05;

/** How a request reaches the mesh. */
export interface Door {
  /** An `http_proxy`; undefined where connections are redirected. */
  readonly proxy?: { readonly host: string; readonly port: number };
}

/** Puts the test's manifests into the watched folder, asks, and takes them out again. */
export async function runConformance(
  test: ConformanceTest,
  folder: string,
  door: Door,
): Promise<ConformanceResult[]> {
  const copies = test.manifests.map((manifest) => copyInto(folder, manifest));
  const results: ConformanceResult[] = [];
  const { weights } = test;
  if (weights !== undefined) {
    const reasons = await eventually(() => uneven(weights, door), 1);
    results.push({ test: test.name, index: 0, reasons });
  }
  for (const [index, wanted] of test.cases.entries()) {
    const reasons = await eventually(async () =>
      differences(wanted, await send(wanted.Request, door)),
    );
    results.push({ test: test.name, index, reasons });
  }
  for (const copy of copies) rmSync(copy);
  return results;
}

function copyInto(folder: string, manifest: string): string {
  const copy = join(folder, basename(manifest));
  copyFileSync(manifest, copy);
  return copy;
}

async function eventually(
  attempt: () => Promise<readonly string[]>,
  consecutive: number = CONSECUTIVE,
): Promise<readonly string[]> {
  const deadline = performance.now() + PATIENCE_MS;
  let reasons: readonly string[] = [];
  for (let successes = 0; successes < consecutive; ) {
    reasons = await attempt().catch((error: Error) => [error.message]);
    successes = reasons.length === 0 ? successes + 1 : 0;
    if (successes > 0) continue;
    if (performance.now() > deadline) break;
    await pause(POLL_MS);
  }
  return reasons;
}

async function uneven(weights: Readonly<Record<string, number>>, door: Door): Promise<string[]> {
  const seen = new Map<string, number>();
  for (let sent = 0; sent < REQUESTS; sent++) {
    const { echo } = await send({}, door);
    const backend = echo?.pod.split("-").slice(0, -2).join("-") ?? "nobody";
    seen.set(backend, (seen.get(backend) ?? 0) + 1);
  }
  return Object.entries(weights).flatMap(([backend, share]) => {
    const got = (seen.get(backend) ?? 0) / REQUESTS;
    return Math.abs(got - share) > TOLERANCE ? [`${backend} got ${got}, wanted ${share}`] : [];
  });
}

/** With a proxy, HTTP/2's authority is the Host that it routes by. */
async function call(wanted: Wanted, { proxy }: Door): Promise<Reply> {
  const { Host = "echo:7070", Headers = {} } = wanted;
  const origin = proxy === undefined ? Host : `${proxy.host}:${proxy.port}`;
  const { said, ...reply } = await callByGrpc(`http://${origin}`, Host, Headers);
  return { ...reply, echo: parse(said) };
}

function send(wanted: Wanted, door: Door): Promise<Reply> {
  if (wanted.Protocol === "grpc") return call(wanted, door);
  const { proxy } = door;
  const { Host = "echo", Path = "/", Method = "GET", Headers = {} } = wanted;
  const [host = "", port = "80"] = Host.split(":");
  const headers = Object.fromEntries(
    Object.entries(Headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return new Promise((resolve, reject) => {
    const to = proxy ?? { host, port };
    const path = proxy === undefined ? Path : `http://${Host}${Path}`;
    const options = { ...to, path, method: Method, headers: { host: Host, ...headers } };
    const sent = request({ ...options, timeout: 2000 }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => {
        const { statusCode: status = 0, headers: received } = response;
        resolve({ status, headers: received, echo: status === 200 ? parse(body) : undefined });
      });
    });
    sent.on("timeout", () => sent.destroy(new Error("timed out")));
    sent.on("error", reject);
    sent.end();
  });
}

function parse(body: string): Echo | undefined {
  try {
    return JSON.parse(body) as Echo;
  } catch {
    return undefined;
  }
}

function differences(wanted: ConformanceCase, reply: Reply): string[] {
  return [
    ...statusDifferences(wanted, reply),
    ...headerDifferences("response", wanted.Response ?? {}, reply.headers),
    ...redirectDifferences(wanted, reply),
    ...backendDifferences(wanted, reply),
  ];
}

function statusDifferences({ Response }: ConformanceCase, { status }: Reply): string[] {
  const { StatusCode = 200, StatusCodes = [StatusCode] } = Response ?? {};
  return StatusCodes.includes(status) ? [] : [`status ${status}, wanted ${StatusCodes.join()}`];
}

interface HeaderWish {
  readonly Headers?: Readonly<Record<string, string>>;
  readonly AbsentHeaders?: readonly string[];
}

function headerDifferences(
  where: string,
  { Headers = {}, AbsentHeaders = [] }: HeaderWish,
  received: Readonly<Record<string, string | string[] | undefined>>,
): string[] {
  const value = (name: string) => {
    const found = received[name.toLowerCase()];
    const text = Array.isArray(found) ? found.join() : found;
    return text?.split(/, */).join();
  };
  const wrong = Object.entries(Headers)
    .filter(([name, wish]) => value(name) !== wish.split(/, */).join())
    .map(([name, wish]) => `${where} ${name}: ${value(name)}, wanted ${wish}`);
  const present = AbsentHeaders.filter((name) => value(name) !== undefined);
  return [...wrong, ...present.map((name) => `${where} ${name}: ${value(name)}, wanted none`)];
}

function redirectDifferences(wanted: ConformanceCase, reply: Reply): string[] {
  const wish = wanted.RedirectRequest;
  if (wish === undefined) return [];
  const from = wanted.Request.Host ?? "echo";
  const location = new URL(String(reply.headers.location ?? ""), `http://${from}`);
  const port = location.port === "" && wish.Port === "80" ? "80" : location.port;
  const pairs: [string, string, string | undefined][] = [
    ["scheme", location.protocol.slice(0, -1), wish.Scheme],
    ["host", location.hostname, wish.Host ?? from.split(":")[0]],
    ["port", port, wish.Port],
    ["path", location.pathname, wish.Path ?? wanted.Request.Path],
  ];
  return pairs
    .filter(([, got, want]) => want !== undefined && want !== "" && got !== want)
    .map(([what, got, want]) => `redirect ${what} ${got}, wanted ${want}`);
}

function backendDifferences(wanted: ConformanceCase, { echo }: Reply): string[] {
  const { Backend, ExpectedRequest, RedirectRequest, Response } = wanted;
  if (RedirectRequest !== undefined || (Response?.StatusCode ?? 200) !== 200) return [];
  if (echo === undefined) return ["no backend answered"];
  const other = Backend !== undefined && !echo.pod.startsWith(Backend);
  // A call's path is the client's own: the suite's cases do not name it.
  const asked = wanted.Request.Protocol === "grpc" ? echo.path : "/";
  const path = ExpectedRequest?.Request?.Path ?? wanted.Request.Path ?? asked;
  const wish = {
    ...(ExpectedRequest?.Request?.Headers && { Headers: ExpectedRequest.Request.Headers }),
    ...(ExpectedRequest?.AbsentHeaders && { AbsentHeaders: ExpectedRequest.AbsentHeaders }),
  };
  return [
    ...(other ? [`backend ${echo.pod}, wanted ${Backend}`] : []),
    ...(echo.path === path ? [] : [`backend saw ${echo.path}, wanted ${path}`]),
    ...headerDifferences("request", wish, echo.headers),
  ];
}
