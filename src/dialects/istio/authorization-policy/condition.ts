import type { Condition } from "../../../model/policy/access-policy.ts";
import type { Spec } from "../spec.ts";
import { addressError, portError } from "./value-rules.ts";

/** What a `when` may ask for, and what its values have to be. */
const KEYS: Readonly<Record<string, (value: string) => string | undefined>> = {
  "source.ip": addressError,
  "remote.ip": addressError,
  "source.namespace": anything,
  "source.serviceAccount": anything,
  "source.principal": anything,
  "source.trustDomain": anything,
  "request.auth.principal": anything,
  "request.auth.audiences": anything,
  "request.auth.presenter": anything,
  "destination.ip": addressError,
  "destination.port": portError,
  "connection.sni": anything,
};

/** Keys that name something in brackets. */
const MAPS = ["request.headers", "request.auth.claims", "experimental.envoy.filters."];

const KNOWN = [...Object.keys(KEYS), ...MAPS.map((key) => `${key}[…]`)].join(", ");

/** `when[]`. */
export function readCondition(when: Spec): Condition {
  const key = when.at("key").text() ?? "";
  if (when.at("key").present && key === "") when.at("key").refuse("`key` must not be empty");
  const [values, notValues] = [when.at("values"), when.at("notValues")];
  const condition = { key, values: values.texts(), notValues: notValues.texts() };
  if (key === "") return condition;
  if (values.items().length + notValues.items().length === 0) {
    when.refuse(`at least one of \`values\` or \`notValues\` must be set for key ${key}`);
  }
  when.at("key").refuse(keyError(key), KNOWN);
  for (const [list, name] of [
    [values, "value"],
    [notValues, "notValue"],
  ] as const) {
    for (const item of list.items()) {
      const error = valueError(key, item.text() ?? "");
      if (error !== undefined) item.refuse(`invalid \`${name}\` for \`key\` ${key}: ${error}`);
    }
  }
  return {
    ...condition,
    values: inNamespace(condition.values, key, when.namespace),
    notValues: inNamespace(condition.notValues, key, when.namespace),
  };
}

/** A service account without namespace is the policy's own, as in `from`. */
function inNamespace(values: readonly string[], key: string, namespace: string): readonly string[] {
  if (key !== "source.serviceAccount") return values;
  return values.map((value) => (value.includes("/") ? value : `${namespace}/${value}`));
}

function valueError(key: string, value: string): string | undefined {
  if (value === "") return `empty value not allowed, found in ${key}`;
  return KEYS[key]?.(value);
}

function keyError(key: string): string | undefined {
  if (Object.hasOwn(KEYS, key)) return undefined;
  if (MAPS.some((map) => key.startsWith(map))) {
    return /^[^[]+\[.+\]$/.test(key) ? undefined : `bad key (${key}): should have format a[b]`;
  }
  if (key === "destination.namespace") {
    return `attribute ${key} is replaced by the metadata.namespace`;
  }
  if (key.startsWith("destination.labels")) {
    return `attribute ${key} is replaced by the workload selector`;
  }
  if (key === "destination.name" || key === "destination.user") {
    return `deprecated attribute ${key}: only supported in v1alpha1`;
  }
  return `unknown attribute: ${key}`;
}

function anything(): undefined {
  return undefined;
}
