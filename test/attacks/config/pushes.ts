import { type DescMessage, fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { ClusterSchema } from "../../../src/gen/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "../../../src/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "../../../src/gen/envoy/config/listener/v3/listener_pb.js";
import { REGISTRY } from "../../../src/xds/message/any.ts";
import { httpListener, staticCluster } from "../../support/proxy-setup.ts";
import { anyOf } from "./hostile-control-plane.ts";

export const CLUSTER = "envoy.config.cluster.v3.Cluster";
export const LISTENER = "envoy.config.listener.v3.Listener";
const ENDPOINT = "envoy.config.endpoint.v3.ClusterLoadAssignment";

/** Ports that a push may name. */
export interface PushPorts {
  readonly origin: number;
  readonly listener: number;
  /** Somebody listens there already. */
  readonly taken: number;
  /** The proxy's own admin server. */
  readonly admin: number;
}

/** A response that must not harm a proxy that serves. */
export interface HostilePush {
  readonly name: string;
  readonly type: string;
  readonly resources: (ports: PushPorts) => readonly Any[];
  /** What the NACK says; `ACK` where it is to be taken. */
  readonly verdict: RegExp;
}

const SCHEMAS: Readonly<Record<string, DescMessage>> = {
  [CLUSTER]: ClusterSchema,
  [LISTENER]: ListenerSchema,
  [ENDPOINT]: ClusterLoadAssignmentSchema,
};

/** A resource from Envoy's JSON. */
export function packed(type: string, json: unknown): Any {
  const schema = SCHEMAS[type] as DescMessage;
  return anyOf(type, toBinary(schema, fromJson(schema, json as JsonValue, { registry: REGISTRY })));
}

export function goodCluster({ origin }: PushPorts): Any {
  return packed(CLUSTER, staticCluster("origin", [origin]));
}

export function goodListener({ listener }: PushPorts): Any {
  return listenerAt(listener, [{ match: { prefix: "/" }, route: { cluster: "origin" } }]);
}

function listenerAt(port: number, routes: readonly unknown[], name = "in"): Any {
  const address = { socket_address: { address: "127.0.0.1", port_value: port } };
  return packed(LISTENER, { ...(httpListener({ name, routes }) as object), address });
}

function routed(route: (ports: PushPorts) => unknown): HostilePush["resources"] {
  return (ports) => [listenerAt(ports.listener, [route(ports)])];
}

const weighted = (...weights: readonly number[]): unknown => ({
  match: { prefix: "/" },
  route: { weighted_clusters: { clusters: weights.map((weight) => ({ name: "origin", weight })) } },
});

/** A Struct in a Struct and so on, in a listener's metadata: written by hand, inside out. */
function deepStruct(levels: number): Uint8Array {
  let bytes: Buffer = Buffer.alloc(0);
  const field = (number: number, value: Buffer): Buffer => {
    const length: number[] = [];
    for (let left = value.length; ; left >>>= 7) {
      length.push(left > 127 ? (left & 127) | 128 : left);
      if (left <= 127) break;
    }
    return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), value]);
  };
  for (let i = 0; i < levels; i++) {
    const entry = Buffer.concat([field(1, Buffer.from("a")), field(2, field(5, bytes))]);
    bytes = field(1, entry);
  }
  const filterMetadata = Buffer.concat([field(1, Buffer.from("x")), field(2, bytes)]);
  return Buffer.concat([field(1, Buffer.from("deep")), field(25, field(1, filterMetadata))]);
}

const HTML = "<img src=x onerror=alert(1)>";

export const PUSHES: readonly HostilePush[] = [
  {
    name: "another type's resource",
    type: CLUSTER,
    resources: () => [anyOf(LISTENER, Buffer.alloc(0))],
    verdict: /is of another type/,
  },
  {
    name: "a type that nobody knows",
    type: CLUSTER,
    resources: () => [anyOf("evil.Type", Buffer.from("x"))],
    verdict: /is of another type/,
  },
  {
    name: "bytes that are no message",
    type: CLUSTER,
    resources: (ports) => [goodCluster(ports), anyOf(CLUSTER, Buffer.alloc(100, 0xff))],
    verdict: /resources\[1\]/,
  },
  {
    name: "a length beyond the message",
    type: CLUSTER,
    resources: () => [anyOf(CLUSTER, Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x07]))],
    verdict: /resources\[0\]/,
  },
  {
    name: "a name twice",
    type: CLUSTER,
    resources: (ports) => [goodCluster(ports), goodCluster(ports)],
    verdict: /stands twice/,
  },
  {
    name: "no name",
    type: CLUSTER,
    resources: () => [anyOf(CLUSTER, Buffer.alloc(0))],
    verdict: /name/,
  },
  {
    name: "a message of 10,000 levels",
    type: CLUSTER,
    resources: (ports) => [goodCluster(ports), anyOf(CLUSTER, deepStruct(10_000))],
    verdict: /resources\[1\]/,
  },
  {
    name: "an endpoint at port 70000",
    type: CLUSTER,
    resources: () => [packed(CLUSTER, staticCluster("origin", [70_000]))],
    verdict: /port_value/,
  },
  {
    name: "an endpoint that is our own admin server",
    type: CLUSTER,
    resources: ({ admin, origin }) => [packed(CLUSTER, staticCluster("origin", [origin, admin]))],
    verdict: /own admin server/,
  },
  {
    name: "weights that sum to 0",
    type: LISTENER,
    resources: routed(() => weighted(0, 0)),
    verdict: /weight/,
  },
  {
    name: "weights beyond 2^32",
    type: LISTENER,
    resources: routed(() => weighted(0xffff_ffff, 0xffff_ffff)),
    verdict: /weight/,
  },
  {
    name: "an expression that is none",
    type: LISTENER,
    resources: routed(() => ({
      match: { safe_regex: { regex: "(" } },
      route: { cluster: "origin" },
    })),
    verdict: /is no regular expression/,
  },
  {
    name: "an expression of a million instructions",
    type: LISTENER,
    resources: routed(() => ({
      match: { safe_regex: { regex: "((a{0,100}){0,100}){0,100}" } },
      route: { cluster: "origin" },
    })),
    verdict: /is no regular expression/,
  },
  {
    name: "a line end in a header to add",
    type: LISTENER,
    resources: routed(() => ({
      match: { prefix: "/" },
      route: { cluster: "origin" },
      response_headers_to_add: [{ header: { key: "a", value: "b\r\nset-cookie: c" } }],
    })),
    verdict: /value/,
  },
  {
    name: "a listener at a port of somebody else",
    type: LISTENER,
    resources: (ports) => [
      goodListener(ports),
      listenerAt(ports.taken, [{ match: { prefix: "/" }, route: { cluster: "origin" } }], "taken"),
    ],
    verdict: /^ACK$|taken/,
  },
  {
    name: "a certificate with another's key",
    type: LISTENER,
    resources: (ports) => [withTls(ports)],
    verdict: /certificate|key/,
  },
  {
    name: "routes that nobody sends",
    type: LISTENER,
    resources: (ports) => [dangling(ports)],
    verdict: /^ACK$/,
  },
  {
    name: "HTML as a name",
    type: CLUSTER,
    resources: (ports) => [goodCluster(ports), packed(CLUSTER, staticCluster(HTML, [1]))],
    verdict: /^ACK$/,
  },
  {
    name: "__proto__ and constructor as names",
    type: CLUSTER,
    resources: (ports) => [
      goodCluster(ports),
      packed(CLUSTER, staticCluster("__proto__", [1])),
      packed(CLUSTER, staticCluster("constructor", [1])),
    ],
    verdict: /^ACK$/,
  },
  {
    name: "5,000 clusters at once",
    type: CLUSTER,
    resources: (ports) => [
      goodCluster(ports),
      ...Array.from({ length: 5000 }, (_, i) => packed(CLUSTER, staticCluster(`c${i}`, [1]))),
    ],
    verdict: /^ACK$/,
  },
];

/** Routes that RDS never brings: the listener before goes on. */
function dangling({ listener }: PushPorts): Any {
  const hcm = {
    route_config: undefined,
    rds: { route_config_name: "nobody", config_source: { ads: {}, resource_api_version: "V3" } },
  };
  const address = { socket_address: { address: "127.0.0.1", port_value: listener } };
  const json = JSON.parse(
    JSON.stringify({ ...(httpListener({ hcm, routes: [] }) as object), address }),
  );
  return packed(LISTENER, json);
}

function withTls(ports: PushPorts): Any {
  const type = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
  const certificate = {
    certificate_chain: { inline_string: "no certificate" },
    private_key: { inline_string: "no key" },
  };
  const typed_config = { "@type": type, common_tls_context: { tls_certificates: [certificate] } };
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
  const plain = httpListener({ routes }) as { readonly filter_chains: readonly object[] };
  return packed(LISTENER, {
    ...plain,
    address: { socket_address: { address: "127.0.0.1", port_value: ports.listener } },
    filter_chains: [{ ...plain.filter_chains[0], transport_socket: { name: "tls", typed_config } }],
  });
}
