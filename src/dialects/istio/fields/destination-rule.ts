import { CONNECTION_POOL } from "./common.ts";
import type { FieldTable, Shape } from "./field.ts";
import {
  BOOLEAN,
  DURATION,
  DURATION_OR_ZERO,
  executed,
  INTEGER,
  listOf,
  mapOf,
  object,
  oneOf,
  reported,
  required,
  STRING,
  UNSIGNED,
  within,
} from "./field.ts";

const CONSISTENT_HASH = object({
  httpHeaderName: executed(STRING),
  httpCookie: executed(
    object({
      name: required(STRING),
      path: executed(STRING),
      ttl: executed(DURATION_OR_ZERO),
      attributes: executed(listOf(object({ name: required(STRING), value: executed(STRING) }))),
    }),
  ),
  useSourceIp: executed(BOOLEAN),
  httpQueryParameterName: executed(STRING),
  ringHash: executed(object({ minimumRingSize: executed(UNSIGNED) })),
  maglev: executed(object({ tableSize: executed(UNSIGNED) })),
  minimumRingSize: executed(UNSIGNED),
});

const FAILOVER: FieldTable = {
  enabled: executed(BOOLEAN),
  failover: executed(listOf(object({ from: executed(STRING), to: executed(STRING) }))),
  failoverPriority: executed(listOf(STRING)),
};

/** LocalityLoadBalancerSetting. */
export const LOCALITY: Shape = object({
  ...FAILOVER,
  distribute: executed(listOf(object({ from: executed(STRING), to: executed(mapOf(UNSIGNED)) }))),
});

const ZONE_OFF = "zones get traffic by their weights and endpoints alone";

const LOAD_BALANCER = object({
  simple: executed(
    oneOf("UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"),
  ),
  consistentHash: executed(CONSISTENT_HASH),
  backendUtilization: reported(
    object({
      errorUtilizationPenaltyPercent: executed(UNSIGNED),
      metricNamesForComputingUtilization: executed(listOf(STRING)),
      weightExpirationPeriod: executed(DURATION_OR_ZERO),
      weightStabilizationPeriod: executed(DURATION_OR_ZERO),
      weightUpdatePeriod: executed(DURATION_OR_ZERO),
    }),
    "requests are balanced by LEAST_REQUEST instead",
  ),
  localityLbSetting: executed(LOCALITY),
  zoneAwareLbSetting: reported(
    object({
      ...FAILOVER,
      minClusterSize: executed({ type: "integer", min: 1, max: 2 ** 32 - 1 }),
    }),
    ZONE_OFF,
  ),
  warmup: executed(
    object({
      duration: required(DURATION),
      minimumPercent: executed(within(0, 100)),
      aggression: executed(within(0, Infinity)),
    }),
  ),
  warmupDurationSecs: executed(DURATION),
});

const OUTLIER_DETECTION = object({
  consecutive5xxErrors: executed(UNSIGNED),
  consecutiveGatewayErrors: executed(UNSIGNED),
  consecutiveErrors: executed(INTEGER, "deprecated, as in Istio: it only warns"),
  consecutiveLocalOriginFailures: executed(UNSIGNED),
  splitExternalLocalOriginErrors: executed(BOOLEAN),
  interval: executed(DURATION),
  baseEjectionTime: executed(DURATION),
  maxEjectionPercent: executed(INTEGER),
  minHealthPercent: executed(INTEGER),
  outlierDetectionHttpErrorCodes: reported(
    listOf({ type: "integer", min: 100, max: 599 }),
    "answers of 500 and more are errors, and no others",
  ),
});

const TLS = object(
  {
    mode: executed(oneOf("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL")),
    clientCertificate: executed(STRING),
    privateKey: executed(STRING),
    caCertificates: executed(STRING),
    credentialName: executed(STRING),
    subjectAltNames: executed(listOf(STRING)),
    sni: executed(STRING),
    insecureSkipVerify: executed(BOOLEAN),
    caCrl: executed(STRING),
  },
  "ClientTLSSettings",
);

const BLOCKS: FieldTable = {
  loadBalancer: executed(LOAD_BALANCER),
  connectionPool: executed(CONNECTION_POOL),
  outlierDetection: executed(OUTLIER_DETECTION),
  tls: executed(TLS, "see docs/mtls.md"),
};

const PORT_LEVEL: Shape = listOf(
  object(
    { port: executed(object({ number: executed(UNSIGNED) })), ...BLOCKS },
    "PortTrafficPolicy",
  ),
);

const TRAFFIC_POLICY = object({
  ...BLOCKS,
  portLevelSettings: executed(PORT_LEVEL, "the four blocks, field by field as above"),
  retryBudget: executed(
    object({
      percent: executed(within(0, 100)),
      minRetryConcurrency: executed(UNSIGNED),
      budgetInterval: reported(DURATION_OR_ZERO, "the budget counts the requests in flight"),
    }),
  ),
  tunnel: reported(
    object({
      protocol: executed(STRING),
      targetHost: required(STRING),
      targetPort: required(UNSIGNED),
    }),
    "no CONNECT tunnel is opened: connections go straight to the endpoint",
  ),
  proxyProtocol: reported(
    object({ version: executed(oneOf("V1", "V2")) }),
    "no PROXY protocol header is sent",
  ),
});

export const DESTINATION_RULE: FieldTable = {
  host: required(STRING),
  trafficPolicy: executed(TRAFFIC_POLICY),
  subsets: executed(
    listOf(
      object({
        name: required(STRING),
        labels: executed(mapOf(STRING)),
        trafficPolicy: executed(
          { ...TRAFFIC_POLICY, name: "TrafficPolicy" },
          "block by block, field by field as above",
        ),
      }),
    ),
  ),
  exportTo: executed(listOf(STRING)),
  workloadSelector: executed(object({ matchLabels: executed(mapOf(STRING)) })),
};
