/** Configurations of two sidecars with mTLS between them, for Envoy and for ourselves. */
import fs from "node:fs";
import path from "node:path";
import { TestAuthority } from "./certificates.ts";
import { httpListener, staticCluster } from "./proxy-setup.ts";

const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";
const OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
/** Makes an Outrigger one that carries nothing. */
const ALONE = { id: "it", cluster: "it", metadata: { OUTRIGGER: { carrying: false } } };
const MESH = "spiffe://mesh/ns/default/sa/it";
/** Without the path, which Envoy logs as a redirect has changed it. */
const LOG_FORMAT = "%UPSTREAM_CLUSTER% %RESPONSE_FLAGS% %RESPONSE_CODE% %REQ(:METHOD)%\n";

/** Behind which origins stand. */
export const BEHIND = ["a", "b", "script"] as const;

export type PortsBehind = Readonly<Record<(typeof BEHIND)[number], number>>;

/** The mesh's certificates, as files of a folder. */
export async function writeMesh(folder: string): Promise<void> {
  const authority = await TestAuthority.create();
  const leaf = await authority.issue({ name: "it", sans: [{ type: "url", value: MESH }] });
  fs.writeFileSync(path.join(folder, "ca.crt"), authority.pem);
  fs.writeFileSync(path.join(folder, "leaf.crt"), leaf.chain);
  fs.writeFileSync(path.join(folder, "leaf.key"), leaf.key);
}

function transportSocket(folder: string, side: "Upstream" | "Downstream"): object {
  const file = (name: string): object => ({ filename: path.join(folder, name) });
  const common_tls_context = {
    alpn_protocols: side === "Upstream" ? ["http/1.1"] : ["h2", "http/1.1"],
    tls_certificates: [{ certificate_chain: file("leaf.crt"), private_key: file("leaf.key") }],
    validation_context: { trusted_ca: file("ca.crt") },
  };
  const required = side === "Upstream" ? {} : { require_client_certificate: true };
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: { "@type": `${TLS}.${side}TlsContext`, common_tls_context, ...required },
  };
}

function protocolOptions(
  kind: "explicit_http_config" | "use_downstream_protocol_config",
): Record<string, unknown> {
  const http_protocol_options = { enable_trailers: true };
  return {
    typed_extension_protocol_options: {
      [OPTIONS]: {
        "@type": `type.googleapis.com/${OPTIONS}`,
        [kind]: { http_protocol_options },
      },
    },
  };
}

export interface InboundOptions {
  readonly folder: string;
  readonly carries: boolean;
  readonly listen: Readonly<Record<(typeof BEHIND)[number], number | string>>;
  readonly origins: PortsBehind;
}

/** The sidecar of the servers: a listener for each origin, as a mesh configures it. */
export function inboundFile({ folder, carries, listen, origins }: InboundOptions): string {
  const hcm = {
    server_header_transformation: "PASS_THROUGH",
    http_protocol_options: { accept_http_10: true, enable_trailers: true },
    max_request_headers_kb: 96,
    upgrade_configs: [{ upgrade_type: "websocket" }],
  };
  const routes = (cluster: string): object[] => [
    { match: { prefix: "/" }, route: { cluster, timeout: "0s" } },
  ];
  const listeners = BEHIND.map((name) => {
    const listener = httpListener({ name, hcm, routes: routes(name) }) as {
      filter_chains: object[];
    };
    const transport_socket = transportSocket(folder, "Downstream");
    const [chain] = listener.filter_chains;
    return {
      ...listener,
      address: { socket_address: { address: "127.0.0.1", port_value: listen[name] } },
      filter_chains: [{ ...chain, transport_socket }],
    };
  });
  const clusters = BEHIND.map((name) => {
    const kind = name === "b" ? "use_downstream_protocol_config" : "explicit_http_config";
    return staticCluster(name, [origins[name]], protocolOptions(kind));
  });
  return JSON.stringify({
    ...(carries ? {} : { node: ALONE }),
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: "$ADMIN" } } },
    static_resources: { listeners, clusters },
  });
}

export interface OutboundOptions {
  readonly folder: string;
  readonly carries: boolean;
  /** Its access log. */
  readonly log: string;
}

/** The sidecar of the clients: a file for one proxy, whose clusters are now behind the other. */
export function outboundFile(text: string, { folder, carries, log }: OutboundOptions): string {
  const tls = JSON.stringify(transportSocket(folder, "Upstream"));
  const options = JSON.stringify(protocolOptions("explicit_http_config"))
    .slice(1, -1)
    .replace('":', '": ');
  const access = [
    {
      name: "envoy.access_loggers.file",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
        path: log,
        log_format: { text_format_source: { inline_string: LOG_FORMAT } },
      },
    },
  ];
  const node = carries ? "" : `node: ${JSON.stringify(ALONE)}\n`;
  return (node + text)
    .replaceAll("type: STATIC\n", `type: STATIC\n    transport_socket: ${tls}\n    ${options}\n`)
    .replace("codec_type: HTTP1\n", `$&          access_log: ${JSON.stringify(access)}\n`);
}
