import { fieldId } from "./field-id.ts";

/** The fields with a value among the entries (RFC 7541 appendix A), in their order. */
const FIELDS = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
] as const;

/** The names that follow them, without a value. */
const NAMES =
  "accept-language accept-ranges accept access-control-allow-origin age allow authorization " +
  "cache-control content-disposition content-encoding content-language content-length " +
  "content-location content-range content-type cookie date etag expect expires from host " +
  "if-match if-modified-since if-none-match if-range if-unmodified-since last-modified link " +
  "location max-forwards proxy-authenticate proxy-authorization range referer refresh " +
  "retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary " +
  "via www-authenticate";

const entries: readonly (readonly [string, string])[] = [
  ["", ""],
  ...FIELDS,
  ...NAMES.split(" ").map((name): [string, string] => [name, ""]),
];

/** The static table by index, from 1 on. */
export const STATIC_NAMES: readonly string[] = entries.map(([name]) => name);
export const STATIC_VALUES: readonly string[] = entries.map(([, value]) => value);
export const STATIC_IDS: readonly number[] = STATIC_NAMES.map(fieldId);

/** Entries of the static table: the dynamic one begins behind it. */
export const STATIC_COUNT: number = entries.length - 1;
