// hot path: no allocation per request
import type { HeaderTable } from "../../../codec/http/header-table.ts";
import type { Fraction } from "../../../model/filter/fraction.ts";

const UINT32_MAX = 4_294_967_295;
/** Where numbers of 64 bits end. */
const UINT64_BOUND = 2 ** 64;
const DIGIT_0 = 0x30;
const PLUS = 0x2b;

/**
 * The number in a header of which the first counts; undefined where there is none (Envoy:
 * absl::SimpleAtoi of 64 bits, which lets a plus sign pass).
 */
export function numberIn(headers: HeaderTable, name: string): number | undefined {
  const index = headers.findName(name);
  return index < 0 ? undefined : parseNumber(headers.value(index));
}

/** The share of which a header may take away, and to which it may not add. */
export function shareWithin(share: Fraction, headers: HeaderTable, name: string): number {
  const asked = numberIn(headers, name);
  return asked === undefined || asked > UINT32_MAX
    ? share.numerator
    : Math.min(asked, share.numerator);
}

function parseNumber(text: string): number | undefined {
  const digits = text.trim();
  const start = digits.charCodeAt(0) === PLUS ? 1 : 0;
  if (digits.length === start) return undefined;
  let value = 0;
  for (let i = start; i < digits.length; i++) {
    const digit = digits.charCodeAt(i) - DIGIT_0;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value < UINT64_BOUND ? value : undefined;
}
