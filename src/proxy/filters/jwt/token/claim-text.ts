import type { MetadataFields, MetadataValue } from "../../dynamic-metadata.ts";

const UINT64_END = 2 ** 64;

/** What no header may hold (RFC 9110 section 5.5): a claim that does is left out. */
const CONTROL = /(?!\t)[\p{Cc}--[\x80-\x9f]]/v;

/**
 * What a header says of a claim, whose dots lead into nested ones (Envoy: addJWTClaimToHeader).
 * Undefined where there is none, or nothing to say.
 */
export function claimText(payload: MetadataFields, claim: string): string | undefined {
  const value = claimAt(payload, claim);
  if (value === undefined || value === null) return undefined;
  const text = textOf(value);
  return text === "" || CONTROL.test(text) ? undefined : text;
}

function claimAt(payload: MetadataFields, claim: string): MetadataValue | undefined {
  let value: MetadataValue = payload;
  for (const name of claim.split(".")) {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
    if (!Object.hasOwn(value, name)) return undefined;
    value = (value as MetadataFields)[name] as MetadataValue;
  }
  return value;
}

function textOf(value: MetadataValue): string {
  if (typeof value === "string") return Buffer.from(value).toString("latin1");
  if (typeof value === "number") return numberText(value);
  if (typeof value === "boolean") return String(value);
  return Buffer.from(JSON.stringify(value)).toString("base64");
}

/** Whole numbers as such, others as C++ prints them. */
function numberText(value: number): string {
  if (value < 0 || value >= UINT64_END || !Number.isInteger(value)) return value.toFixed(6);
  return BigInt(value).toString();
}
