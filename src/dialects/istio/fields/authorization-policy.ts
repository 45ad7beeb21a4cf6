import type { Field, FieldTable } from "./field.ts";
import { executed, listOf, mapOf, object, oneOf, required, STRING } from "./field.ts";

/** Field names beside their `not` forms, each a list of strings. */
function listsOf(...names: readonly string[]): Record<string, Field> {
  const fields = names.flatMap((name) => [
    name,
    `not${name.charAt(0).toUpperCase()}${name.slice(1)}`,
  ]);
  return Object.fromEntries(fields.map((name) => [name, executed(listOf(STRING))]));
}

const TARGET = object({
  group: executed(STRING),
  kind: required(STRING),
  name: required(STRING),
  namespace: executed(STRING),
});

const SOURCE = object(
  listsOf(
    "principals",
    "requestPrincipals",
    "namespaces",
    "serviceAccounts",
    "ipBlocks",
    "remoteIpBlocks",
    "trustDomains",
  ),
);

const OPERATION = object(listsOf("hosts", "ports", "methods", "paths"));

/** istio/api security/v1/authorization_policy.proto. */
export const AUTHORIZATION_POLICY: FieldTable = {
  selector: executed(object({ matchLabels: executed(mapOf(STRING)) })),
  targetRef: executed(TARGET),
  targetRefs: executed(
    listOf(TARGET),
    "`Service`; gateways, gateway classes and ServiceEntries are read, not executed",
  ),
  action: executed(
    oneOf("ALLOW", "DENY", "AUDIT", "CUSTOM"),
    "on TCP ports, and where its provider is not known, what `CUSTOM` would ask about is denied",
  ),
  provider: executed(object({ name: executed(STRING) })),
  rules: executed(
    listOf(
      object({
        from: executed(listOf(object({ source: executed(SOURCE) }))),
        to: executed(listOf(object({ operation: executed(OPERATION) }))),
        when: executed(
          listOf(
            object({
              key: required(STRING),
              values: executed(listOf(STRING)),
              notValues: executed(listOf(STRING)),
            }),
          ),
        ),
      }),
    ),
  ),
};
