/** Certificates that nobody should believe, shown to a real Envoy and to Outrigger. */
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type net from "node:net";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { badCertificates, TRUST_DOMAIN } from "../support/bad-certificates.ts";
import { ProxyUnderTest } from "../support/differential.ts";
import type { Shown } from "../support/odd-authority.ts";
import { describeWith } from "../support/tools.ts";

const EXTENSIONS = "type.googleapis.com/envoy.extensions";
const { bad, below, ca, crl, good } = badCertificates();
const ALL: readonly Shown[] = [good, below, ...bad];
/** The library of the test's own side must not refuse before the proxy does. */
const CARELESS = { ciphers: "DEFAULT@SECLEVEL=0", rejectUnauthorized: false } as const;

let envoy: ProxyUnderTest;
let outrigger: ProxyUnderTest;
const closing: (() => void)[] = [];

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
  const typed_config = {
    "@type": `${EXTENSIONS}.transport_sockets.tls.v3.${kind}TlsContext`,
    common_tls_context: { tls_certificates: [pair], validation_context },
    ...(kind === "Downstream" ? { require_client_certificate: true } : {}),
  };
  return { name: "tls", typed_config };
}

function manager(name: string, routes: readonly object[]): object {
  const typed_config = {
    "@type": `${EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: name,
    route_config: { name, virtual_hosts: [{ name: "all", domains: ["*"], routes }] },
    http_filters: [
      {
        name: "router",
        typed_config: { "@type": `${EXTENSIONS}.filters.http.router.v3.Router` },
      },
    ],
  };
  return { name: "hcm", typed_config };
}

function cluster(name: string, port: number, more: object = {}): object {
  const address = { socket_address: { address: "127.0.0.1", port_value: port } };
  const endpoints = [{ lb_endpoints: [{ endpoint: { address } }] }];
  return {
    name,
    connect_timeout: "2s",
    load_assignment: { cluster_name: name, endpoints },
    ...more,
  };
}

/** TLS for clients of `lax` and `listed`; plain requests go to the cluster of a certificate. */
function configOf(counting: number, ports: readonly number[]): string {
  const address = (port: string): object => ({
    socket_address: { address: "127.0.0.1", port_value: port },
  });
  const chain = (name: string, withCrl: boolean): object => ({
    filter_chain_match: { server_names: [`${name}.example`] },
    transport_socket: context("Downstream", withCrl),
    filters: [manager(name, [{ match: { prefix: "/" }, route: { cluster: "counting" } }])],
  });
  const routes = ports.map((_, i) => ({ match: { path: `/${i}` }, route: { cluster: `c${i}` } }));
  const inspector = `${EXTENSIONS}.filters.listener.tls_inspector.v3.TlsInspector`;
  const listener = {
    name: "in",
    address: address("$PORT"),
    listener_filters: [{ name: "tls", typed_config: { "@type": inspector } }],
    filter_chains: [
      chain("lax", false),
      chain("listed", true),
      {
        filter_chain_match: { transport_protocol: "raw_buffer" },
        filters: [manager("out", routes)],
      },
    ],
  };
  const clusters = ports.map((port, i) => {
    const certificate = ALL[i];
    const withCrl = certificate !== undefined && "withCrl" in certificate && certificate.withCrl;
    return cluster(`c${i}`, port, { transport_socket: context("Upstream", withCrl === true) });
  });
  return JSON.stringify({
    admin: { address: address("$ADMIN") },
    static_resources: {
      listeners: [listener],
      clusters: [cluster("counting", counting), ...clusters],
    },
  }).replaceAll(/"(\$[A-Z]+)"/g, "$1");
}

async function listen(server: net.Server): Promise<number> {
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  return (server.address() as net.AddressInfo).port;
}

describeWith(["envoy"], "Envoy and Outrigger, before bad certificates", () => {
  beforeAll(async () => {
    const counting = http.createServer((_, response) => response.end("forwarded"));
    const port = await listen(counting);
    closing.push(() => counting.closeAllConnections());
    const ports: number[] = [];
    for (const { chain: cert, key } of ALL) {
      const options = { cert, key, ...CARELESS };
      const server = https.createServer(options, (_, response) => response.end("served"));
      ports.push(await listen(server));
      closing.push(() => server.closeAllConnections());
    }
    const yaml = configOf(port, ports);
    envoy = await ProxyUnderTest.start("envoy", yaml, {});
    outrigger = await ProxyUnderTest.start("outrigger", yaml, {});
  });

  afterAll(async () => {
    await envoy?.stop();
    await outrigger?.stop();
    for (const close of closing) close();
  });

  describe("clients", () => {
    it.each([good, below])("with good ones are served by both", async (certificate) => {
      for (const name of ["lax", "listed"]) {
        expect(await asClient(envoy, name, certificate)).toContain("forwarded");
        expect(await asClient(outrigger, name, certificate)).toContain("forwarded");
      }
    });

    it.each(bad)("with one $name: Envoy serves $envoyTakes", async (certificate) => {
      const name = certificate.withCrl ? "listed" : "lax";
      const taken = certificate.envoyTakes.includes("client") ? "forwarded" : "";
      expect(await asClient(envoy, name, certificate)).toContain(taken);
      if (taken === "") expect(await asClient(envoy, name, certificate)).toBe("");
      expect(await asClient(outrigger, name, certificate)).toBe("");
    });
  });

  describe("servers", () => {
    it.each([good, below])("with good ones are asked by both", async (certificate) => {
      expect(await asServer(envoy, certificate)).toBe("200 served");
      expect(await asServer(outrigger, certificate)).toBe("200 served");
    });

    it.each(bad)("with one $name: Envoy asks $envoyTakes", async (certificate) => {
      const taken = certificate.envoyTakes.includes("server") ? "200 served" : "503";
      expect(await asServer(envoy, certificate)).toContain(taken);
      expect(await asServer(outrigger, certificate)).toContain("503");
    });
  });
});

/** What comes of a client's request; empty where the connection is closed instead. */
async function asClient(
  { port }: ProxyUnderTest,
  name: string,
  { chain: cert, key }: Shown,
): Promise<string> {
  const servername = `${name}.example`;
  const socket = tls.connect({ host: "127.0.0.1", port, servername, cert, key, ...CARELESS });
  let text = "";
  socket.on("error", () => undefined);
  socket.on("data", (bytes) => {
    text += String(bytes);
  });
  socket.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return text.split("\r\n\r\n")[1] ?? "";
}

async function asServer({ port }: ProxyUnderTest, certificate: Shown): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/${ALL.indexOf(certificate)}`);
  return `${response.status} ${await response.text()}`;
}
