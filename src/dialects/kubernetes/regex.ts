/** For `allowed`: proxies refuse the rest, because it can take exponential time. */
export const REGEX_WORDS = "an RE2 expression: no lookaround, no back references";
