import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answered, oneHop, originServer, running } from "../../test/support/one-hop.ts";
import type { PeerServer } from "../../test/support/peer.ts";
import { httpListener, type ProxySetup, startSetup } from "../../test/support/proxy-setup.ts";

const FILE = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";
const FORMAT = "%REQ(:PATH)% %REQ(X-ENVOY-ORIGINAL-PATH)% %REQ(:AUTHORITY)% %RESPONSE_CODE%\n";

const BASE = { normalize_path: true };
const MERGE = { ...BASE, merge_slashes: true };
const DECODE = { ...MERGE, path_with_escaped_slashes_action: "UNESCAPE_AND_FORWARD" };
const REDIRECT = { ...MERGE, path_with_escaped_slashes_action: "UNESCAPE_AND_REDIRECT" };
const REJECT = { ...MERGE, path_with_escaped_slashes_action: "REJECT_REQUEST" };

/** What policy would say: nobody gets below `/admin`. */
const ROUTES = [
  {
    match: { path_separated_prefix: "/admin" },
    direct_response: { status: 403 },
  },
  {
    match: { prefix: "/old/" },
    redirect: { prefix_rewrite: "/new/" },
  },
  { match: { prefix: "/" }, route: { cluster: "origin" } },
];

let folder: string;
let files = 0;

beforeAll(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "one-path-"));
});

afterAll(() => fs.rmSync(folder, { recursive: true }));

interface Logging {
  readonly setup: ProxySetup;
  readonly origin: PeerServer;
  readonly lines: () => Promise<string>;
}

async function logging(hcm: Record<string, unknown>): Promise<Logging> {
  const file = path.join(folder, `${++files}.log`);
  const log_format = { text_format_source: { inline_string: FORMAT } };
  const typed_config = { "@type": FILE, path: file, log_format };
  const access_log = [{ name: "file", typed_config }];
  const origin = await originServer();
  const setup = await oneHop(origin, { hcm: { access_log, ...hcm }, routes: ROUTES });
  const lines = async (): Promise<string> => {
    running.splice(running.indexOf(setup), 1);
    await setup.stop();
    return fs.readFileSync(file, "utf8");
  };
  return { setup, origin, lines };
}

async function ask({ setup }: Logging, target: string): Promise<string> {
  const client = await setup.client();
  client.sends(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  return await client.sees("end");
}

describe("what is matched is what is logged", () => {
  it.each([
    ["/app/../admin", BASE],
    ["/app/%2E./admin", BASE],
    ["/app\\..\\admin/x", BASE],
    ["/%61dmin", BASE],
    ["/public/..;/admin", BASE],
    ["/public/%2e%2e;x/admin", BASE],
    ["//admin", MERGE],
    ["/app//../..//admin", MERGE],
    ["/%2fadmin", DECODE],
    ["/%5Cadmin%2fx", DECODE],
    ["/app%2f..%2fadmin", DECODE],
  ])("and %s is no way round a route", async (target, hcm) => {
    const proxy = await logging(hcm);
    expect(await ask(proxy, target)).toMatch(/^HTTP\/1\.1 403 /);
    expect(await proxy.lines()).toMatch(/^\/admin(?:\/x)? - a 403\n$/);
    expect(proxy.origin.connections).toBe(0);
  });
});

describe("what is matched is what is forwarded", () => {
  it.each([
    ["/x/%2e%2e/b%2fc//d?e=/../f", BASE, "/b%2fc//d?e=/../f"],
    ["/b%2fc//d", MERGE, "/b%2fc/d"],
    ["/b%2fc//d", DECODE, "/b/c/d"],
    ["/%252e%252e/admin", DECODE, "/%252e%252e/admin"],
    ["//admin/../b", {}, "//admin/../b"],
  ])("%s", async (target, hcm, normal) => {
    const proxy = await logging(hcm);
    const answer = ask(proxy, target);
    const head = await answered(await proxy.origin.accepts());
    expect(head.split(" ")[1]).toBe(normal);
    await answer;
    expect(await proxy.lines()).toBe(`${normal} - a 200\n`);
  });
});

describe("an escaped slash", () => {
  it("sends the client to the path in normal form, which is logged", async () => {
    const proxy = await logging(REDIRECT);
    const answer = await ask(proxy, "/x%2f..%2fadmin?q=%2f");
    expect(answer).toMatch(/^HTTP\/1\.1 307 [\s\S]*\r\nlocation: \/admin\?q=%2f\r\n/);
    const { http } = { http: proxy.setup.proxy.telemetry.http("in") };
    expect(http.value("downstream_rq_redirected_with_normalized_path")).toBe(1);
    expect(await proxy.lines()).toBe("/admin?q=%2f - a 307\n");
  });

  it.each([
    ["is refused", REJECT, "/a%5Cb"],
    ["with an escaped NUL is refused as well", DECODE, "/a%00b"],
  ])("%s, and counted", async (_, hcm, target) => {
    const proxy = await logging(hcm);
    expect(await ask(proxy, target)).toMatch(/^HTTP\/1\.1 400 /);
    const http = proxy.setup.proxy.telemetry.http("in");
    expect(http.value("downstream_rq_failed_path_normalization")).toBe(1);
    expect(proxy.origin.connections).toBe(0);
  });

  it("is no redirect for a gRPC client, which would not follow it", async () => {
    const proxy = await logging(REDIRECT);
    const client = await proxy.setup.client();
    client.sends(
      "POST /x%2fy HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\n" +
        "Content-Length: 0\r\nConnection: close\r\n\r\n",
    );
    expect(await client.sees("end")).toMatch(/grpc-status: 13\r\n/);
  });
});

it("a redirected path is logged as the client is sent to it, with where it came for", async () => {
  const proxy = await logging(BASE);
  expect(await ask(proxy, "/old/%41?q")).toContain("location: http://a/new/A?q\r\n");
  expect(await proxy.lines()).toBe("/new/A?q /old/A?q a 301\n");
});

describe("one host, however it is written", () => {
  const HOSTS = ["ADMIN.svc", "admin.svc.", "admin.svc:PORT", "Admin.SVC.:PORT"];
  const virtual_hosts = [
    {
      name: "admin",
      domains: ["admin.svc"],
      routes: [{ match: { prefix: "/" }, direct_response: { status: 403 } }],
    },
    {
      name: "others",
      domains: ["*"],
      routes: [{ match: { prefix: "/" }, direct_response: { status: 200 } }],
    },
  ];

  it.each(HOSTS)("%s", async (host) => {
    const route_config = { name: "in", validate_clusters: false, virtual_hosts };
    const hcm = { strip_matching_host_port: true, strip_trailing_host_dot: true, route_config };
    const setup = await startSetup([httpListener({ hcm, routes: [] })], []);
    running.push(setup);
    const client = await setup.client();
    const named = host.replace("PORT", String(setup.port()));
    client.sends(`GET / HTTP/1.1\r\nHost: ${named}\r\n\r\n`);
    expect((await client.receivesResponse()).head).toMatch(/^HTTP\/1\.1 403 /);
    client.sends("GET / HTTP/1.1\r\nHost: admin.svc:9\r\n\r\n");
    expect((await client.receivesResponse()).head).toMatch(/^HTTP\/1\.1 200 /);
  });
});
