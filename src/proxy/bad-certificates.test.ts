import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { badCertificates, TRUST_DOMAIN } from "../../test/support/bad-certificates.ts";
import { parseExposition } from "../../test/support/exposition.ts";
import type { Shown } from "../../test/support/odd-authority.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../test/support/proxy-setup.ts";
import { renderPrometheus } from "../metrics/text-format.ts";

const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";
const { bad, below, ca, crl, good } = badCertificates();
/** The library of the test's own side must not refuse before the proxy does. */
const CARELESS = { ciphers: "DEFAULT@SECLEVEL=0", rejectUnauthorized: false } as const;
const REFUSED = 1;

interface Served {
  readonly certificate: Shown;
  port: number;
  requests: number;
}

let setup: ProxySetup;
let forwarded = 0;
const closing: (() => void)[] = [];
const servers = new Map<Shown, Served>();

function context(kind: "Upstream" | "Downstream", withCrl: boolean): object {
  const validation_context = {
    trusted_ca: { inline_string: ca },
    ...(withCrl ? { crl: { inline_string: crl } } : {}),
    match_typed_subject_alt_names: [
      { san_type: "URI", matcher: { prefix: `spiffe://${TRUST_DOMAIN}/` } },
    ],
  };
  const pair = {
    certificate_chain: { inline_string: good.chain },
    private_key: { inline_string: good.key },
  };
  const common_tls_context = { tls_certificates: [pair], validation_context };
  const typed_config = { "@type": `${TLS}.${kind}TlsContext`, common_tls_context };
  const more = kind === "Downstream" ? { require_client_certificate: true } : {};
  return { name: "tls", typed_config: { ...typed_config, ...more } };
}

/** A listener that forwards to an origin that counts, where its clients are believed. */
function listener(name: string, withCrl: boolean): object {
  const routes = [{ match: { prefix: "/" }, route: { cluster: "counting" } }];
  const plain = httpListener({ name, routes }) as { filter_chains: object[] };
  const filter_chains = plain.filter_chains.map((chain) => ({
    ...chain,
    transport_socket: context("Downstream", withCrl),
  }));
  return { ...plain, filter_chains };
}

async function serve(certificate: Shown): Promise<Served> {
  const options = { cert: certificate.chain, key: certificate.key, ...CARELESS };
  const served = { certificate, port: 0, requests: 0 };
  const server = createServer(options, (_, response) => {
    served.requests++;
    response.end("served");
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  served.port = (server.address() as AddressInfo).port;
  return served;
}

beforeAll(async () => {
  const counting = createServer({ cert: good.chain, key: good.key }, (_, response) => {
    forwarded++;
    response.end("forwarded");
  });
  counting.listen(0, "127.0.0.1");
  await once(counting, "listening");
  closing.push(
    () => counting.close(),
    () => counting.closeAllConnections(),
  );
  const all: readonly Shown[] = [good, below, ...bad];
  for (const certificate of all) servers.set(certificate, await serve(certificate));
  const clusters = all.map((certificate, i) => {
    const withCrl = "withCrl" in certificate && certificate.withCrl === true;
    const transport_socket = context("Upstream", withCrl);
    return staticCluster(`c${i}`, [servers.get(certificate)?.port ?? 0], { transport_socket });
  });
  const port = (counting.address() as AddressInfo).port;
  const unverified = { name: "tls", typed_config: { "@type": `${TLS}.UpstreamTlsContext` } };
  const routes = all.map((_, i) => ({
    match: { path: `/${i}` },
    route: { cluster: `c${i}` },
    response_headers_to_add: [
      { header: { key: "x-why", value: "%UPSTREAM_TRANSPORT_FAILURE_REASON%" } },
    ],
  }));
  setup = await startSetup(
    [listener("lax", false), listener("listed", true), httpListener({ name: "out", routes })],
    [staticCluster("counting", [port], { transport_socket: unverified }), ...clusters],
  );
});

afterAll(async () => {
  await setup?.stop();
  for (const close of closing) close();
});

/** The number of the series with these labels, in the proxy's own text. */
function refusals(family: string, labels: string): number {
  const text = [...renderPrometheus(setup.proxy.telemetry.registry)].join("");
  const samples = parseExposition(text).get(family)?.samples ?? new Map<string, number>();
  const found = [...samples].filter(([name]) => name.includes(labels));
  return found.reduce((sum, [, value]) => sum + value, 0);
}

/** What comes of a client's request; empty where the connection is closed instead. */
async function ask(listenerName: string, certificate?: Shown): Promise<string> {
  const shown = certificate && { cert: certificate.chain, key: certificate.key };
  const socket = connect({ port: setup.port(listenerName), ...CARELESS, ...shown });
  let text = "";
  socket.on("error", () => undefined);
  socket.on("data", (bytes) => {
    text += String(bytes);
  });
  socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return text.split("\r\n\r\n")[1] ?? "";
}

describe("a client with a certificate", () => {
  it.each([
    { name: "that is good", certificate: good },
    { name: "below an intermediate authority", certificate: below },
  ])("$name is served", async ({ certificate }) => {
    const before = forwarded;
    expect(await ask("lax", certificate)).toContain("forwarded");
    expect(await ask("listed", certificate)).toContain("forwarded");
    expect(forwarded).toBe(before + 2);
  });

  it.each(bad)("$name is refused: $refusal", async (certificate) => {
    const before = forwarded;
    const reason = `reason="${certificate.refusal}"`;
    const family = "outrigger_listener_certificates_refused_total";
    const counted = refusals(family, reason);
    expect(await ask(certificate.withCrl ? "listed" : "lax", certificate)).toBe("");
    expect(forwarded).toBe(before);
    await expect.poll(() => refusals(family, reason)).toBe(counted + REFUSED);
  });

  it("that is not there is refused", async () => {
    const family = "outrigger_listener_certificates_refused_total";
    expect(await ask("lax")).toBe("");
    expect(forwarded).toBeGreaterThan(0);
    await expect.poll(() => refusals(family, 'reason="no_certificate"')).toBe(REFUSED);
  });
});

/** The proxy's answer to a request for a cluster. */
async function askFor(
  certificate: Shown,
): Promise<{ status: number; body: string; why: string | undefined }> {
  const index = [...servers.keys()].indexOf(certificate);
  const client = await setup.client("out");
  client.sends(`GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const { head, body } = await client.receivesResponse();
  const why = /^x-why: (.*)$/m.exec(head)?.[1];
  return { status: Number(head.split(" ")[1]), body, why };
}

describe("a server with a certificate", () => {
  it.each([
    { name: "that is good", certificate: good },
    { name: "below an intermediate authority", certificate: below },
  ])("$name is asked", async ({ certificate }) => {
    expect(await askFor(certificate)).toMatchObject({ status: 200, body: "served" });
    expect(servers.get(certificate)?.requests).toBe(1);
  });

  it.each(bad)("$name is refused: $serverRefusal", async (certificate) => {
    const { serverRefusal } = certificate;
    const index = [...servers.keys()].indexOf(certificate);
    const { status, why } = await askFor(certificate);
    expect(status).toBe(503);
    expect(servers.get(certificate)?.requests).toBe(0);
    if (serverRefusal === undefined) return;
    expect(why).toContain(":CERTIFICATE_VERIFY_FAILED:verify_cert_failed:_");
    const labels = `reason="${serverRefusal}",envoy_cluster_name="c${index}"`;
    expect(refusals("outrigger_cluster_certificates_refused_total", labels)).toBe(REFUSED);
  });
});
