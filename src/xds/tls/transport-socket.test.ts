import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { decodeJson } from "../../../test/support/resource-json.ts";

const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";
const FILES = { certificate_chain: { filename: "s.pem" }, private_key: { filename: "s.key" } };
const CA = { filename: "ca.pem" };

function socket(type: string, context: JsonObject): JsonObject {
  return { name: "tls", typed_config: { "@type": `${TLS}.${type}`, ...context } };
}

function clusterWith(transport_socket: JsonObject) {
  return decodeJson("cluster", { name: "c", transport_socket });
}

function upstream(common: JsonObject, more: JsonObject = {}) {
  return clusterWith(socket("UpstreamTlsContext", { common_tls_context: common, ...more }));
}

function downstream(common: JsonObject, more: JsonObject = {}) {
  const context = { common_tls_context: common, ...more };
  const tcp = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
    stat_prefix: "t",
    cluster: "c",
  };
  return decodeJson("listener", {
    name: "l",
    address: { pipe: { path: "/run/l" } },
    filter_chains: [
      {
        filters: [{ name: "tcp", typed_config: tcp }],
        transport_socket: socket("DownstreamTlsContext", context),
      },
    ],
  });
}

const COMMON = "transport_socket.typed_config.common_tls_context";

describe("a TLS context with nothing in it", () => {
  it("is TLS 1.2 towards clusters, as Envoy's clients have it, and believes anybody", () => {
    expect(upstream({}).model?.tls).toEqual({
      certificates: [],
      validation: undefined,
      alpnProtocols: [],
      minVersion: "TLSv1.2",
      maxVersion: "TLSv1.2",
      cipherSuites: [],
      ecdhCurves: [],
      sni: "",
      maxSessionKeys: 1,
    });
  });

  it("is up to TLS 1.3 on listeners, with tickets and without client certificates", () => {
    const { model, problems } = downstream({ tls_certificates: [FILES] });
    expect(problems).toEqual([]);
    expect(model?.filterChains[0]?.tls).toMatchObject({
      certificates: [
        {
          certificateChain: { kind: "file", path: "s.pem" },
          privateKey: { kind: "file", path: "s.key" },
        },
      ],
      maxVersion: "TLSv1.3",
      requireClientCertificate: false,
      sessionTickets: true,
    });
  });
});

describe("whom a context believes", () => {
  it("takes a name of the deprecated list for every kind of name", () => {
    const context = { trusted_ca: CA, match_subject_alt_names: [{ exact: "a" }] };
    const sans = upstream({ validation_context: context }).model?.tls?.validation?.sans;
    expect(sans?.map(({ san }) => san)).toEqual(["dns", "uri", "email", "ip"]);
  });

  it("leaves the deprecated list where there is a typed one", () => {
    const context = {
      trusted_ca: CA,
      match_subject_alt_names: [{ exact: "a" }],
      match_typed_subject_alt_names: [{ san_type: "URI", matcher: { prefix: "spiffe://" } }],
    };
    expect(upstream({ validation_context: context }).model?.tls?.validation?.sans).toEqual([
      { san: "uri", match: { kind: "prefix", value: "spiffe://", ignoreCase: false } },
    ]);
  });

  it("reads a fingerprint with colons as the same hash without", () => {
    const fingerprint = Array.from({ length: 32 }, () => "AB").join(":");
    const { model } = upstream({ validation_context: { verify_certificate_hash: [fingerprint] } });
    expect(model?.tls?.validation?.certificateHashes).toEqual(["ab".repeat(32)]);
  });
});

const CONTEXT = `${COMMON}.validation_context`;

describe.each<{ name: string; problems: readonly string[]; expected: string }>([
  {
    name: "names without a CA that vouches for them",
    problems: upstream({
      validation_context: {
        match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: "a" } }],
      },
    }).problems,
    expected: `${CONTEXT}.trusted_ca: is missing, and without it a subject alternative name`,
  },
  {
    name: "a CRL without the CA that issues it",
    problems: upstream({ validation_context: { crl: CA } }).problems,
    expected: `${CONTEXT}.trusted_ca: is missing, and without it no crl`,
  },
  {
    name: "a hash that is none",
    problems: upstream({ validation_context: { verify_certificate_hash: ["z".repeat(64)] } })
      .problems,
    expected: `${CONTEXT}.verify_certificate_hash[0]: is no SHA-256`,
  },
  {
    name: "a hash that is too short to be one, once",
    problems: upstream({ validation_context: { verify_certificate_hash: ["zz"] } }).problems,
    expected: `${CONTEXT}.verify_certificate_hash[0]: is too short`,
  },
  {
    name: "a public key's hash that is too short to be one, once",
    problems: upstream({ validation_context: { verify_certificate_spki: ["%"] } }).problems,
    expected: `${CONTEXT}.verify_certificate_spki[0]: is too short`,
  },
  {
    name: "a certificate without its key",
    problems: upstream({ tls_certificates: [{ certificate_chain: CA }] }).problems,
    expected: `${COMMON}.tls_certificates[0].private_key: is missing`,
  },
  {
    name: "two certificates of a client",
    problems: upstream({ tls_certificates: [FILES, FILES] }).problems,
    expected: `${COMMON}.tls_certificates: are too many for a client`,
  },
  {
    name: "a server without a certificate",
    problems: downstream({}).problems,
    expected: `filter_chains[0].${COMMON}.tls_certificates: are missing`,
  },
  {
    name: "a server's certificate in place, and another by SDS",
    problems: downstream({
      tls_certificates: [FILES],
      tls_certificate_sds_secret_configs: [{ name: "s" }],
    }).problems,
    expected: `filter_chains[0].${COMMON}.tls_certificate_sds_secret_configs: stand beside`,
  },
  {
    name: "a certificate without a chain, and says nothing else of it",
    problems: upstream({ tls_certificates: [{ private_key: CA }] }).problems,
    expected: `${COMMON}.tls_certificates[0].certificate_chain: is missing`,
  },
  {
    name: "versions that exclude each other",
    problems: upstream({ tls_params: { tls_minimum_protocol_version: "TLSv1_3" } }).problems,
    expected: `${COMMON}.tls_params.tls_maximum_protocol_version: lies below the minimum`,
  },
  {
    name: "versions that are no longer safe",
    problems: upstream({ tls_params: { tls_minimum_protocol_version: "TLSv1_0" } }).problems,
    expected: `${COMMON}.tls_params.tls_minimum_protocol_version: has a value that is not executed`,
  },
  {
    name: "groups of ciphers, which OpenSSL does not know",
    problems: upstream({ tls_params: { cipher_suites: ["[A|B]"] } }).problems,
    expected: `${COMMON}.tls_params.cipher_suites[0]: is no single cipher suite`,
  },
  {
    name: "a list of protocols in one string",
    problems: upstream({ alpn_protocols: ["h2,http/1.1"] }).problems,
    expected: `${COMMON}.alpn_protocols[0]: is no ALPN protocol`,
  },
  {
    name: "two secrets of a client",
    problems: upstream({ tls_certificate_sds_secret_configs: [{ name: "s" }, { name: "t" }] })
      .problems,
    expected: `${COMMON}.tls_certificate_sds_secret_configs: are too many for a client`,
  },
  {
    name: "a listener's context on a cluster",
    problems: clusterWith(socket("DownstreamTlsContext", {})).problems,
    expected: "transport_socket.typed_config: is not for this side",
  },
])("decoding TLS", ({ name, problems, expected }) => {
  it(`refuses ${name}`, () => {
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });
});
