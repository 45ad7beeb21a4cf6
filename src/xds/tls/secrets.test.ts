import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { decodeJson } from "../../../test/support/resource-json.ts";

const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";
const CA = { filename: "ca.pem" };
const PAIR = { certificate_chain: { filename: "s.pem" }, private_key: { filename: "s.key" } };
const COMMON = "transport_socket.typed_config.common_tls_context";
const VALIDATOR = "envoy.tls.cert_validator.spiffe";

function upstream(common: JsonObject) {
  const context = { "@type": `${TLS}.UpstreamTlsContext`, common_tls_context: common };
  const { model, problems } = decodeJson("cluster", {
    name: "c",
    transport_socket: { name: "tls", typed_config: context },
  });
  return { tls: model?.tls, problems };
}

/** As Istio writes it into every sidecar. */
const AGENT = {
  api_config_source: {
    api_type: "GRPC",
    grpc_services: [{ envoy_grpc: { cluster_name: "sds-grpc" } }],
    set_node_on_first_message_only: true,
    transport_api_version: "V3",
  },
  initial_fetch_timeout: "0s",
  resource_api_version: "V3",
};

describe.each<{ from: string; sds_config: JsonObject | undefined; source: object }>([
  { from: "the ADS stream", sds_config: { ads: {} }, source: { kind: "ads" } },
  {
    from: "a file",
    sds_config: { path_config_source: { path: "/etc/sds.yaml" } },
    source: { kind: "file", path: "/etc/sds.yaml" },
  },
  { from: "Istio's agent", sds_config: AGENT, source: { kind: "cluster", cluster: "sds-grpc" } },
  { from: "the bootstrap", sds_config: undefined, source: { kind: "static" } },
])("a secret of $from", ({ sds_config, source }) => {
  const asked = { name: "default", ...(sds_config === undefined ? {} : { sds_config }) };

  it("is asked for as a certificate", () => {
    const { problems, tls } = upstream({ tls_certificate_sds_secret_configs: [asked] });
    expect(problems).toEqual([]);
    expect(tls?.certificateSecrets).toEqual([{ name: "default", source }]);
  });

  it("is asked for as those to believe", () => {
    const { problems, tls } = upstream({ validation_context_sds_secret_config: asked });
    expect(problems).toEqual([]);
    expect(tls?.validation).toBeUndefined();
    expect(tls?.validationSecret).toEqual({ name: "default", source });
  });
});

describe("a combined validation context", () => {
  it("may have names without a CA, which the secret brings", () => {
    const { problems, tls } = upstream({
      combined_validation_context: {
        default_validation_context: {
          match_typed_subject_alt_names: [{ san_type: "URI", matcher: { exact: "spiffe://a/b" } }],
        },
        validation_context_sds_secret_config: { name: "ROOTCA", sds_config: AGENT },
      },
    });
    expect(problems).toEqual([]);
    expect(tls?.validation?.sans).toHaveLength(1);
    expect(tls?.validationSecret?.name).toBe("ROOTCA");
  });
});

describe("a secret", () => {
  it("is a certificate with its key", () => {
    expect(decodeJson("secret", { name: "default", tls_certificate: PAIR })).toEqual({
      problems: [],
      model: {
        kind: "certificate",
        name: "default",
        certificate: {
          certificateChain: { kind: "file", path: "s.pem" },
          privateKey: { kind: "file", path: "s.key" },
        },
      },
    });
  });

  it("is whom to believe, of each trust domain", () => {
    const { model, problems } = decodeJson("secret", {
      name: "ROOTCA",
      validation_context: {
        custom_validator_config: {
          name: VALIDATOR,
          typed_config: {
            "@type": `${TLS}.SPIFFECertValidatorConfig`,
            trust_domains: [{ name: "cluster.local", trust_bundle: CA }],
          },
        },
      },
    });
    expect(problems).toEqual([]);
    expect(model).toMatchObject({
      kind: "validation",
      validation: {
        trustedCa: undefined,
        trustDomains: [{ name: "cluster.local", bundle: { kind: "file", path: "ca.pem" } }],
      },
    });
  });
});

const SPIFFE = "validation_context.custom_validator_config.typed_config";

function spiffe(...trust_domains: JsonObject[]): JsonObject {
  const typed_config = { "@type": `${TLS}.SPIFFECertValidatorConfig`, trust_domains };
  return { validation_context: { custom_validator_config: { name: VALIDATOR, typed_config } } };
}

describe.each<{ name: string; secret: JsonObject; expected: string }>([
  {
    name: "the keys of session tickets",
    secret: { session_ticket_keys: { keys: [CA] } },
    expected: "session_ticket_keys: is not executed by Outrigger",
  },
  {
    name: "a secret of any other kind",
    secret: { generic_secret: { secret: CA } },
    expected: "generic_secret: is not executed by Outrigger",
  },
  { name: "nothing at all", secret: {}, expected: "holds nothing" },
  {
    name: "a certificate without its key",
    secret: { tls_certificate: { certificate_chain: CA } },
    expected: "tls_certificate.private_key: is missing",
  },
  {
    name: "names that nobody vouches for",
    secret: {
      validation_context: {
        match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: "a" } }],
      },
    },
    expected: "validation_context.trusted_ca: is missing",
  },
  {
    name: "a trust domain without a bundle",
    secret: spiffe({ name: "td" }),
    expected: `${SPIFFE}.trust_domains[0].trust_bundle: is missing`,
  },
  {
    name: "a trust domain twice",
    secret: spiffe({ name: "td", trust_bundle: CA }, { name: "td", trust_bundle: CA }),
    expected: `${SPIFFE}.trust_domains[1].name: stands twice`,
  },
  {
    name: "another validator",
    secret: {
      validation_context: {
        custom_validator_config: {
          name: VALIDATOR,
          typed_config: { "@type": `${TLS}.DownstreamTlsContext` },
        },
      },
    },
    expected: `${SPIFFE}: is no validator that is executed`,
  },
])("decoding a secret", ({ name, secret, expected }) => {
  it(`refuses ${name}`, () => {
    const { problems } = decodeJson("secret", { name: "s", ...secret });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });
});

describe.each<{ name: string; sds_config: JsonObject; expected: string }>([
  {
    name: "no source that is known",
    sds_config: { self: {} },
    expected: "sds_config.self: is not executed by Outrigger",
  },
  {
    name: "REST",
    sds_config: { api_config_source: { ...AGENT.api_config_source, api_type: "REST" } },
    expected: "sds_config.api_config_source.api_type: has a value that is not executed",
  },
  {
    name: "two servers",
    sds_config: {
      api_config_source: {
        ...AGENT.api_config_source,
        grpc_services: ["a", "b"].map((cluster_name) => ({ envoy_grpc: { cluster_name } })),
      },
    },
    expected: "sds_config.api_config_source.grpc_services: name more than one server",
  },
])("a secret's source", ({ name, sds_config, expected }) => {
  it(`is refused where it names ${name}`, () => {
    const asked = { name: "s", sds_config };
    const { problems } = upstream({ tls_certificate_sds_secret_configs: [asked] });
    const [first] = problems;
    expect(first).toContain(`${COMMON}.tls_certificate_sds_secret_configs[0].${expected}`);
  });
});
