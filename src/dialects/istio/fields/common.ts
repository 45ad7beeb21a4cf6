import type { FieldTable, ObjectShape } from "./field.ts";
import {
  BOOLEAN,
  DURATION,
  DURATION_OR_ZERO,
  executed,
  INTEGER,
  listOf,
  mapOf,
  NUMBER,
  object,
  oneOf,
  reported,
  required,
  STRING,
  UNSIGNED,
} from "./field.ts";

/** At most one of the three; none asks for presence. */
export const STRING_MATCH: ObjectShape = object(
  { exact: executed(STRING), prefix: executed(STRING), regex: executed(STRING) },
  "StringMatch",
);

export const PERCENT: ObjectShape = object({ value: executed(NUMBER) }, "Percent");

export const DESTINATION: ObjectShape = object({
  host: required(STRING),
  subset: executed(STRING),
  port: executed(object({ number: executed(UNSIGNED) })),
});

const HEADER_OPERATIONS = object({
  set: executed(mapOf(STRING)),
  add: executed(mapOf(STRING)),
  remove: executed(listOf(STRING)),
});

export const HEADERS: ObjectShape = object({
  request: executed(HEADER_OPERATIONS),
  response: executed(HEADER_OPERATIONS),
});

export const SELECTOR_LABELS: ObjectShape = object({ labels: executed(mapOf(STRING)) });

export const CONNECTION_POOL: ObjectShape = object({
  tcp: executed(
    object({
      maxConnections: executed(INTEGER),
      connectTimeout: executed(DURATION),
      tcpKeepalive: executed(
        object({
          probes: executed(UNSIGNED),
          time: executed(DURATION),
          interval: executed(DURATION),
        }),
      ),
      maxConnectionDuration: executed(DURATION),
      idleTimeout: executed(DURATION_OR_ZERO, "of HTTP's connections too, unless `http` has one"),
    }),
  ),
  http: executed(
    object({
      http1MaxPendingRequests: executed(INTEGER),
      http2MaxRequests: executed(INTEGER),
      maxRequestsPerConnection: executed(INTEGER),
      maxRetries: executed(INTEGER),
      idleTimeout: executed(DURATION),
      h2UpgradePolicy: executed(oneOf("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE")),
      useClientProtocol: executed(BOOLEAN),
      maxConcurrentStreams: executed(INTEGER),
      http2KeepAlive: executed(
        object({ interval: executed(DURATION), timeout: executed(DURATION) }),
      ),
    }),
  ),
});

/** WorkloadEntry, by itself or inline in a ServiceEntry. */
export const WORKLOAD_ENTRY: FieldTable = {
  address: executed(STRING),
  ports: executed(mapOf(UNSIGNED)),
  labels: executed(mapOf(STRING)),
  weight: executed(UNSIGNED),
  serviceAccount: executed(STRING),
  network: reported(STRING, "all endpoints are taken to be on one network"),
  locality: executed(STRING),
};
