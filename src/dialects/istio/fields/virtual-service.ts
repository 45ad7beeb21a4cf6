import { DESTINATION, HEADERS, PERCENT, STRING_MATCH } from "./common.ts";
import type { FieldTable } from "./field.ts";
import {
  BOOLEAN,
  DURATION,
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
} from "./field.ts";

const MATCH = object({
  name: executed(STRING),
  uri: executed(STRING_MATCH),
  ignoreUriCase: executed(BOOLEAN),
  scheme: executed(STRING_MATCH),
  method: executed(STRING_MATCH),
  authority: executed(STRING_MATCH),
  headers: executed(mapOf(STRING_MATCH)),
  withoutHeaders: executed(mapOf(STRING_MATCH)),
  queryParams: executed(mapOf(STRING_MATCH)),
  port: executed(UNSIGNED),
  sourceLabels: executed(mapOf(STRING)),
  sourceNamespace: executed(STRING),
  gateways: executed(listOf(STRING)),
  statPrefix: reported(STRING, "no statistics are kept under it"),
});

const REWRITE = object({
  uri: executed(STRING),
  authority: executed(STRING),
  uriRegexRewrite: executed(object({ match: executed(STRING), rewrite: executed(STRING) })),
});

const REDIRECT = object({
  uri: executed(STRING),
  prefixRewrite: executed(STRING),
  authority: executed(STRING),
  scheme: executed(STRING),
  port: executed(UNSIGNED),
  derivePort: executed(
    oneOf("FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"),
    "`FROM_REQUEST_PORT` where the rule's matches name the port",
  ),
  redirectCode: executed(UNSIGNED, "301, 302, 303, 307, 308"),
});

const RETRIES = object({
  attempts: executed(INTEGER),
  perTryTimeout: executed(DURATION),
  retryOn: executed(STRING),
  backoff: executed(DURATION),
  retryIgnorePreviousHosts: executed(BOOLEAN),
  retryRemoteLocalities: reported(
    BOOLEAN,
    "a retry goes to the localities that any request goes to",
    false,
  ),
});

const FAULT = object({
  delay: executed(
    object({
      fixedDelay: executed(DURATION),
      exponentialDelay: executed(DURATION),
      percent: executed(INTEGER),
      percentage: executed(PERCENT),
    }),
  ),
  abort: executed(
    object({
      httpStatus: executed(INTEGER),
      grpcStatus: executed(STRING),
      http2Error: executed(STRING),
      percentage: executed(PERCENT),
    }),
  ),
});

const CORS = object({
  allowOrigin: executed(listOf(STRING)),
  allowOrigins: executed(listOf(STRING_MATCH)),
  allowMethods: executed(listOf(STRING)),
  allowHeaders: executed(listOf(STRING)),
  exposeHeaders: executed(listOf(STRING)),
  maxAge: executed(DURATION),
  allowCredentials: executed(BOOLEAN),
  unmatchedPreflights: executed(oneOf("UNSPECIFIED", "FORWARD", "IGNORE")),
});

const HTTP = object({
  name: executed(STRING),
  match: executed(listOf(MATCH)),
  route: executed(
    listOf(
      object({
        destination: required(DESTINATION),
        weight: executed(INTEGER),
        headers: executed(HEADERS),
      }),
    ),
  ),
  redirect: executed(REDIRECT),
  directResponse: executed(
    object({
      status: required(UNSIGNED),
      body: executed(object({ string: executed(STRING), bytes: executed(STRING) })),
    }),
  ),
  rewrite: executed(REWRITE),
  timeout: executed(DURATION),
  retries: executed(RETRIES),
  headers: executed(HEADERS),
  fault: executed(FAULT),
  mirror: executed(DESTINATION),
  mirrors: executed(
    listOf(object({ destination: required(DESTINATION), percentage: executed(PERCENT) })),
  ),
  mirrorPercentage: executed(PERCENT),
  mirrorPercent: executed(UNSIGNED),
  mirror_percent: executed(UNSIGNED),
  corsPolicy: executed(CORS),
  delegate: reported(
    object({ name: executed(STRING), namespace: executed(STRING) }),
    "the rule is left out, so its requests go on to the rules below it",
  ),
});

const LAYER4_MATCH: FieldTable = {
  destinationSubnets: executed(listOf(STRING)),
  port: executed(UNSIGNED),
  sourceLabels: executed(mapOf(STRING)),
  sourceNamespace: executed(STRING),
  gateways: executed(listOf(STRING)),
};

const LAYER4_ROUTE = listOf(
  object({ destination: required(DESTINATION), weight: executed(INTEGER) }),
);

const TLS = object({
  match: required(listOf(object({ sniHosts: required(listOf(STRING)), ...LAYER4_MATCH }))),
  route: executed(LAYER4_ROUTE),
});

const TCP = object({
  match: executed(
    listOf(
      object({
        ...LAYER4_MATCH,
        sourceSubnet: reported(STRING, "connections of all sources match"),
      }),
    ),
  ),
  route: executed(LAYER4_ROUTE),
});

export const VIRTUAL_SERVICE: FieldTable = {
  hosts: executed(listOf(STRING)),
  gateways: executed(listOf(STRING), "`mesh`; others are read, not executed"),
  exportTo: executed(listOf(STRING)),
  http: executed(listOf(HTTP)),
  tls: executed(listOf(TLS)),
  tcp: executed(listOf(TCP)),
};
