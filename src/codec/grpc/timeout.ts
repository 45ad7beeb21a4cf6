// hot path: no allocation per request

/** A `grpc-timeout` has at most eight digits (grpc: doc/PROTOCOL-HTTP2.md, TimeoutValue). */
const DIGITS_MAX = 8;
const VALUE_MAX = 99_999_999;
const DIGIT_0 = 0x30;

/** Milliseconds a unit; 0 for what is no unit. */
function unitMs(unit: string): number {
  switch (unit) {
    case "H":
      return 3_600_000;
    case "M":
      return 60_000;
    case "S":
      return 1000;
    case "m":
      return 1;
    case "u":
      return 0.001;
    case "n":
      return 0.000_001;
    default:
      return 0;
  }
}

/** A `grpc-timeout` in milliseconds, fractions rounded up as in Envoy; -1 where it is none. */
export function parseGrpcTimeout(text: string): number {
  const digits = text.length - 1;
  if (digits < 1 || digits > DIGITS_MAX) return -1;
  let value = 0;
  for (let i = 0; i < digits; i++) {
    const digit = text.charCodeAt(i) - DIGIT_0;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  const unit = unitMs(text.charAt(digits));
  if (unit === 0) return -1;
  return unit >= 1 ? value * unit : Math.ceil(value / Math.round(1 / unit));
}

/** As Envoy writes it: the finest of m, S, M and H that eight digits suffice for. */
export function formatGrpcTimeout(timeoutMs: number): string {
  let value = Math.trunc(timeoutMs);
  if (value <= VALUE_MAX) return `${value}m`;
  value = Math.trunc(value / 1000);
  if (value <= VALUE_MAX) return `${value}S`;
  value = Math.trunc(value / 60);
  if (value <= VALUE_MAX) return `${value}M`;
  return `${Math.min(VALUE_MAX, Math.trunc(value / 60))}H`;
}
