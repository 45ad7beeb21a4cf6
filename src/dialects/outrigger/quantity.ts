import { BYTES } from "./schema/field.ts";

/** Bytes as Kubernetes writes them: `65536`, `64Ki`, `1Mi`; undefined where it is none. */
export function parseBytes(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isInteger(value) ? value : undefined;
  if (typeof value !== "string" || !BYTES.test(value)) return undefined;
  const count = Number.parseInt(value, 10);
  if (value.endsWith("Ki")) return count * 1024;
  return value.endsWith("Mi") ? count * 1024 * 1024 : count;
}
