import { LOCALITY } from "./destination-rule.ts";
import type { FieldTable } from "./field.ts";
import {
  ANY,
  DURATION_OR_ZERO,
  executed,
  listOf,
  object,
  oneOf,
  reported,
  STRING,
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
  "enableAutoMtls",
  "caCertificates",
  "defaultServiceExportTo",
  "defaultVirtualServiceExportTo",
  "defaultDestinationRuleExportTo",
  "dnsRefreshRate",
  "h2UpgradePolicy",
  "inboundClusterStatName",
  "outboundClusterStatName",
  "enablePrometheusMerge",
  "verifyCertificateAtClient",
  "extensionProviders",
  "defaultProviders",
  "discoverySelectors",
  "defaultHttpRetryPolicy",
  "defaultInboundHttpRetryPolicy",
  "defaultTrafficPolicy",
  "meshMTLS",
  "tlsDefaults",
  "serviceSettings",
  "serviceScopeConfigs",
  "hboneIdleTimeout",
  "ca",
  "certificates",
  "thriftConfig",
] as const;

/** istio/api mesh/v1alpha1/config.proto. */
export const MESH_CONFIG: FieldTable = {
  trustDomain: executed(STRING),
  trustDomainAliases: executed(listOf(STRING)),
  rootNamespace: executed(STRING),
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
  localityLbSetting: executed(LOCALITY),
  ...Object.fromEntries(REPORTED.map((name) => [name, reported(ANY, DEFAULTS)])),
};
