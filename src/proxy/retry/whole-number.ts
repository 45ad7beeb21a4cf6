// hot path: no allocation per request

const ZERO = 0x30;
const NINE = 0x39;

/**
 * The whole number, from 0 up, that a header holds, as Envoy reads one (absl::SimpleAtoi into
 * uint64): blanks around it and a plus sign are let pass. -1 where it holds none.
 */
export function wholeNumberIn(text: string): number {
  const digits = text.trim();
  let at = digits.charCodeAt(0) === 0x2b ? 1 : 0;
  if (at === digits.length) return -1;
  let number = 0;
  for (; at < digits.length; at++) {
    const code = digits.charCodeAt(at);
    if (code < ZERO || code > NINE) return -1;
    number = number * 10 + (code - ZERO);
    if (number > UINT64_MAX) return -1;
  }
  return number;
}

const UINT64_MAX = 2 ** 64;
