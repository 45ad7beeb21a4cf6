import { TestAuthority } from "../../support/certificates.ts";
import { httpListener, OVER_HTTP2, staticCluster } from "../../support/proxy-setup.ts";

/**
 * `good`: the good clients' own. `plain`: HTTP/1.1 and HTTP/2 with Envoy's defaults. `short`: the
 * same with timeouts that a test can wait for. `secure`: the same behind TLS. `edge`: behind one
 * trusted proxy, clients beyond it are strangers. `guarded`: behind policies that deny.
 */
export type ListenerName = "good" | "plain" | "short" | "secure" | "edge" | "guarded";

export const LISTENERS: readonly ListenerName[] = [
  "good",
  "plain",
  "short",
  "secure",
  "edge",
  "guarded",
];

/** A cluster's name that would do harm on a page that does not escape it. */
export const HTML_NAME = "<img src=x onerror=alert(1)>";

/** Ports that the configuration names. */
export interface Ports {
  readonly listeners: Readonly<Record<ListenerName, number>>;
  readonly admin: number;
  readonly origin: number;
  readonly hostile: number;
  /** The origin of the good clients alone. */
  readonly good: number;
}

const FILTERS = "type.googleapis.com/envoy.extensions";
const FORMAT =
  '%PROTOCOL% "%REQ(:METHOD)% %REQ(:PATH)%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%RESPONSE_CODE_DETAILS% "%REQ(:AUTHORITY)%" "%REQ(USER-AGENT)%" %REQ(X-REQUEST-ID)%\n';

const to = (cluster: string, prefix: string): object => ({
  match: { prefix },
  route: { cluster, timeout: "20s" },
});

/** All of a bootstrap, as JSON. */
export async function proxyConfig(ports: Ports, accessLog: string): Promise<string> {
  const admin = { address: at(ports.admin) };
  const listeners = await listenersOf(ports, accessLog);
  const clusters = [
    staticCluster("good", [ports.good]),
    staticCluster("origin", [ports.origin]),
    staticCluster(HTML_NAME, [ports.origin]),
    staticCluster("hostile", [ports.hostile], OVER_HTTP2),
  ];
  return JSON.stringify({ admin, static_resources: { listeners, clusters } });
}

async function listenersOf(ports: Ports, accessLog: string): Promise<readonly unknown[]> {
  const access_log = [
    {
      name: "file",
      typed_config: {
        "@type": `${FILTERS}.access_loggers.file.v3.FileAccessLog`,
        path: accessLog,
        log_format: { text_format_source: { inline_string: FORMAT } },
      },
    },
  ];
  const attacked = [to("hostile", "/hostile"), to("origin", "/")];
  const listener = (name: ListenerName, hcm: object, routes: readonly object[]): object => ({
    ...(httpListener({ name, hcm: { ...hcm }, routes }) as object),
    address: at(ports.listeners[name]),
  });
  const secure = listener("secure", { access_log }, attacked) as { filter_chains: object[] };
  return [
    listener("good", {}, [to("good", "/")]),
    listener("plain", { access_log }, attacked),
    listener("short", { access_log, ...SHORT }, attacked),
    listener("edge", { access_log, ...EDGE }, attacked),
    listener("guarded", { access_log, ...GUARDED }, attacked),
    {
      ...secure,
      listener_filters_timeout: "2s",
      filter_chains: [{ ...secure.filter_chains[0], ...(await tlsSocket()) }],
    },
  ];
}

const header = (name: string, string_match: object): object => ({ header: { name, string_match } });
const LETTERS = header("x-letters", { safe_regex: { regex: "[a-z]*" } });
const SAYS_LETTERS = { header: { name: "x-letters", present_match: true } };

/** Paths are not normalised: the policies have to read them themselves. */
const GUARDED = {
  upgrade_configs: [{ upgrade_type: "websocket" }, { upgrade_type: "connect" }],
  http_filters: [
    {
      name: "rbac",
      typed_config: {
        "@type": `${FILTERS}.filters.http.rbac.v3.RBAC`,
        rules: {
          action: "DENY",
          policies: {
            path: denied({ url_path: { path: { exact: "/admin" } } }),
            role: denied(header("x-role", { exact: "admin" })),
            host: denied(header(":authority", { exact: "secret.svc" })),
            letters: denied({ and_rules: { rules: [SAYS_LETTERS, { not_rule: LETTERS }] } }),
            connect: denied(header(":method", { exact: "CONNECT" })),
          },
        },
      },
    },
    { name: "router", typed_config: { "@type": `${FILTERS}.filters.http.router.v3.Router` } },
  ],
};

function denied(permission: object): object {
  return { permissions: [permission], principals: [{ any: true }] };
}

const EDGE = { use_remote_address: true, xff_num_trusted_hops: 1 };
const SHORT = {
  request_headers_timeout: "0.4s",
  stream_idle_timeout: "0.4s",
  common_http_protocol_options: { idle_timeout: "0.8s" },
};

async function tlsSocket(): Promise<object> {
  const authority = await TestAuthority.create();
  const { chain, key } = await authority.issue({ name: "proxy.example" });
  const common_tls_context = {
    alpn_protocols: ["h2", "http/1.1"],
    tls_certificates: [
      { certificate_chain: { inline_string: chain }, private_key: { inline_string: key } },
    ],
  };
  const type = `${FILTERS}.transport_sockets.tls.v3.DownstreamTlsContext`;
  const typed_config = { "@type": type, common_tls_context };
  return { transport_socket: { name: "tls", typed_config } };
}

function at(port: number): object {
  return { socket_address: { address: "127.0.0.1", port_value: port } };
}
