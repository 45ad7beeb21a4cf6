import type { FieldTable } from "./field.ts";
import { BOOLEAN, DURATION, executed, listOf, mapOf, object, required, STRING } from "./field.ts";

const TARGET = object({
  group: executed(STRING),
  kind: required(STRING),
  name: required(STRING),
  namespace: executed(STRING),
});

const RULE = object({
  issuer: executed(STRING),
  audiences: executed(listOf(STRING)),
  jwks: executed(STRING, "public keys; shared secrets (`oct`) are refused"),
  jwksUri: executed(
    STRING,
    "of a service in the mesh it is asked by the pods' sidecars, else by the control plane",
  ),
  fromHeaders: executed(listOf(object({ name: required(STRING), prefix: executed(STRING) }))),
  fromParams: executed(listOf(STRING)),
  fromCookies: executed(listOf(STRING)),
  outputPayloadToHeader: executed(STRING),
  outputClaimToHeaders: executed(
    listOf(object({ header: required(STRING), claim: required(STRING) })),
  ),
  forwardOriginalToken: executed(BOOLEAN),
  timeout: executed(DURATION),
  spaceDelimitedClaims: executed(listOf(STRING)),
});

/** istio/api security/v1/request_authentication.proto and jwt.proto. */
export const REQUEST_AUTHENTICATION: FieldTable = {
  selector: executed(object({ matchLabels: executed(mapOf(STRING)) })),
  targetRef: executed(TARGET),
  targetRefs: executed(
    listOf(TARGET),
    "`Service`; gateways, gateway classes and ServiceEntries are read, not executed",
  ),
  jwtRules: executed(listOf(RULE)),
};
