import { LOCALITY } from "./destination-rule.ts";
import type { FieldTable } from "./field.ts";
import {
  ANY,
  BOOLEAN,
  DURATION,
  DURATION_OR_ZERO,
  executed,
  listOf,
  mapOf,
  object,
  oneOf,
  reported,
  required,
  STRING,
  UNSIGNED,
} from "./field.ts";

const DEFAULTS = "the built-in default holds";

/** What has no effect on traffic in this mesh is still named: nobody should rely on it. */
const REPORTED = [
  "proxyListenPort",
  "proxyInboundListenPort",
  "proxyHttpPort",
  "connectTimeout",
  "tcpKeepalive",
  "ingressClass",
  "ingressService",
  "ingressControllerMode",
  "ingressSelector",
  "enableTracing",
  "enableEnvoyAccessLogService",
  "disableEnvoyListenerLog",
  "defaultConfig",
  "inboundTrafficPolicy",
  "configSources",
  "caCertificates",
  "defaultServiceExportTo",
  "defaultVirtualServiceExportTo",
  "defaultDestinationRuleExportTo",
  "dnsRefreshRate",
  "h2UpgradePolicy",
  "inboundClusterStatName",
  "outboundClusterStatName",
  "verifyCertificateAtClient",
  "defaultProviders",
  "discoverySelectors",
  "defaultHttpRetryPolicy",
  "defaultInboundHttpRetryPolicy",
  "defaultTrafficPolicy",
  "tlsDefaults",
  "serviceSettings",
  "serviceScopeConfigs",
  "hboneIdleTimeout",
  "ca",
  "certificates",
  "thriftConfig",
] as const;

const AUTHORIZATION_BODY = object({
  maxRequestBytes: executed(UNSIGNED),
  allowPartialMessage: executed(BOOLEAN),
  packAsBytes: executed(BOOLEAN),
});

const ASKED = {
  service: required(STRING),
  port: required(UNSIGNED),
  timeout: executed(DURATION),
  failOpen: executed(BOOLEAN),
  clearRouteCache: executed(BOOLEAN),
  statusOnError: executed(STRING),
  includeRequestBodyInCheck: executed(AUTHORIZATION_BODY),
};

const NAMES = executed(listOf(STRING));
const NO_PROVIDER = "nothing is sent to it";

/** ExtensionProvider: those that decide about requests; the others tell of them. */
const PROVIDER = object({
  name: required(STRING),
  envoyExtAuthzGrpc: executed(object(ASKED)),
  envoyExtAuthzHttp: executed(
    object({
      ...ASKED,
      pathPrefix: executed(STRING),
      includeHeadersInCheck: NAMES,
      includeRequestHeadersInCheck: NAMES,
      includeAdditionalHeadersInCheck: executed(mapOf(STRING)),
      headersToUpstreamOnAllow: NAMES,
      headersToDownstreamOnDeny: NAMES,
      headersToDownstreamOnAllow: NAMES,
    }),
  ),
  zipkin: reported(ANY, NO_PROVIDER),
  lightstep: reported(ANY, NO_PROVIDER),
  datadog: reported(ANY, NO_PROVIDER),
  stackdriver: reported(ANY, NO_PROVIDER),
  opencensus: reported(ANY, NO_PROVIDER),
  skywalking: reported(ANY, NO_PROVIDER),
  opentelemetry: reported(ANY, NO_PROVIDER),
  prometheus: reported(ANY, NO_PROVIDER),
  envoyFileAccessLog: reported(ANY, NO_PROVIDER),
  envoyHttpAls: reported(ANY, NO_PROVIDER),
  envoyTcpAls: reported(ANY, NO_PROVIDER),
  envoyOtelAls: reported(ANY, NO_PROVIDER),
  sds: reported(ANY, NO_PROVIDER),
});

/** istio/api mesh/v1alpha1/config.proto. */
export const MESH_CONFIG: FieldTable = {
  trustDomain: executed(STRING),
  trustDomainAliases: executed(listOf(STRING)),
  rootNamespace: executed(STRING),
  enableAutoMtls: executed(BOOLEAN),
  meshMTLS: executed(
    object({
      minProtocolVersion: executed(oneOf("TLS_AUTO", "TLSV1_2", "TLSV1_3")),
      ecdhCurves: reported(listOf(STRING), "the library's curves are used"),
      cipherSuites: reported(listOf(STRING), "Istio's six suites are used under TLS 1.2"),
    }),
  ),
  accessLogFile: executed(STRING),
  accessLogEncoding: executed(oneOf("TEXT", "JSON")),
  accessLogFormat: executed(STRING),
  protocolDetectionTimeout: executed(DURATION_OR_ZERO),
  outboundTrafficPolicy: executed(
    object({ mode: executed(oneOf("REGISTRY_ONLY", "ALLOW_ANY", "ALLOW_ANY_DYNAMIC_DNS")) }),
  ),
  pathNormalization: executed(
    object({
      normalization: executed(
        oneOf("DEFAULT", "NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"),
      ),
    }),
  ),
  enablePrometheusMerge: executed(BOOLEAN),
  localityLbSetting: executed(LOCALITY),
  extensionProviders: executed(listOf(PROVIDER)),
  ...Object.fromEntries(REPORTED.map((name) => [name, reported(ANY, DEFAULTS)])),
};
