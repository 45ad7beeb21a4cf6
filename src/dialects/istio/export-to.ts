import { isLabel } from "./host.ts";
import type { Spec } from "./spec.ts";

/** Everybody. */
const PUBLIC = "*";
/** The namespace of the object. */
const PRIVATE = ".";
/** Nobody; for a ServiceEntry only. */
const NONE = "~";

/** Namespaces that see an object: `["*"]` where nothing is written, names otherwise. */
export function readExportTo(exportTo: Spec, rules: { readonly toNobody: boolean }): string[] {
  const items = exportTo.items();
  const seen = new Set<string>();
  for (const item of items) {
    const value = item.text() ?? "";
    const key = value === PRIVATE ? item.namespace : value;
    item.refuse(duplicateError(value, key, seen) ?? valueError(key, rules.toNobody));
    seen.add(key);
  }
  if (seen.has(PUBLIC) && items.length > 1) {
    exportTo.refuse("cannot have both public (*) and non-public exportTo values for a resource");
  }
  if (seen.has(NONE) && items.length > 1) {
    exportTo.refuse("cannot export service entry to no one (~) and someone");
  }
  if (items.length === 0) return [PUBLIC];
  return [...seen].filter((namespace) => namespace !== NONE);
}

function duplicateError(value: string, key: string, seen: Set<string>): string | undefined {
  if (!seen.has(key)) return undefined;
  return value === key
    ? `duplicate entries in exportTo for entry ${value}`
    : `duplicate entries in exportTo: . and current namespace ${key}`;
}

function valueError(key: string, toNobody: boolean): string | undefined {
  if (key === PUBLIC || isLabel(key) || (key === NONE && toNobody)) return undefined;
  return "only .,*, or a valid DNS 1123 label is allowed as exportTo entry";
}
