const SECRET_FIELD =
  /private_?key|passw(?:or)?d|secret|token|credential|api_?key|session_ticket|pkcs12/i;
/** Where a secret is asked for: its name is none. */
const SECRET_PLACE = /sds_secret_configs?$/;
const SECRET_HEADER = /^(?:proxy-)?authorization$|cookie|token|secret|api-?key|password/i;
const REDACTED = "[redacted]";

/**
 * A copy of a configuration without what should stay secret: fields that hold keys, and the values
 * of headers that carry credentials (Envoy writes the same `[redacted]`).
 */
export function redact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== "object" || value === null) return value;
  const fields = value as Readonly<Record<string, unknown>>;
  const header = typeof fields.key === "string" && SECRET_HEADER.test(fields.key);
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      isSecret(name) || (header && name === "value") ? REDACTED : redact(field),
    ]),
  );
}

function isSecret(field: string): boolean {
  return SECRET_FIELD.test(field) && !SECRET_PLACE.test(field);
}
