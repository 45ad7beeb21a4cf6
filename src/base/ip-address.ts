/** IPv4 and IPv6 addresses as bytes, without the sockets' library. */

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
const IPV6_GROUPS = 8;
const OCTET = /^(?:0|[1-9]\d{0,2})$/;
const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** The 4 or 16 bytes of an address; undefined where the text is none. Zones are not understood. */
export function parseIp(text: string): Uint8Array | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** Dotted, or in RFC 5952's form; 4 or 16 bytes. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === IPV4_BYTES) return bytes.join(".");
  const groups: number[] = [];
  for (let i = 0; i < IPV6_BYTES; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  if (isMapped(bytes)) return `::ffff:${bytes.slice(IPV6_BYTES - IPV4_BYTES).join(".")}`;
  const { start, length } = longestZeros(groups);
  if (length < 2) return groups.map(hex).join(":");
  const before = groups.slice(0, start).map(hex).join(":");
  return `${before}::${groups
    .slice(start + length)
    .map(hex)
    .join(":")}`;
}

/** All bits behind the first so many are 0. */
export function maskIp(bytes: Uint8Array, bits: number): Uint8Array {
  return bytes.map((byte, i) => {
    const kept = Math.max(0, Math.min(8, bits - 8 * i));
    return byte & (0xff << (8 - kept));
  });
}

/** Both are of one family, and their first bits are the same. */
export function sharesPrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  if (a.length !== b.length) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (((a[whole] ?? 0) ^ (b[whole] ?? 0)) & (0xff << (8 - rest))) === 0;
}

/** 127.0.0.1 and ::1, as Envoy has it; the rest of 127.0.0.0/8 is not meant. */
export function isLoopback(bytes: Uint8Array): boolean {
  const first = bytes.length === IPV4_BYTES ? 127 : 0;
  const last = bytes.length - 1;
  return bytes.every((byte, i) => byte === (i === last ? 1 : i === 0 ? first : 0));
}

/** One machine's own: neither all zeros, nor IPv4's broadcast, nor multicast. */
export function isUnicast(bytes: Uint8Array): boolean {
  if (bytes.every((byte) => byte === 0)) return false;
  if (bytes.length === IPV6_BYTES) return bytes[0] !== 0xff;
  const first = bytes[0] ?? 0;
  return (first < 224 || first > 239) && !bytes.every((byte) => byte === 0xff);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  const fits = parts.every((part) => OCTET.test(part) && Number(part) <= 255);
  return parts.length === IPV4_BYTES && fits ? Uint8Array.from(parts, Number) : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const [before = "", after, ...more] = text.split("::");
  if (more.length > 0) return undefined;
  const head = groupsOf(before, after === undefined);
  const tail = after === undefined ? [] : groupsOf(after, true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = IPV6_GROUPS - head.length - tail.length;
  if (after === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** `last`: the address ends here, so it may end in dots. */
function groupsOf(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const dotted = last && parts.at(-1)?.includes(".") === true ? parts.pop() : undefined;
  if (!parts.every((part) => GROUP.test(part))) return undefined;
  const groups = parts.map((part) => Number.parseInt(part, 16));
  if (dotted === undefined) return groups;
  const bytes = parseIpv4(dotted);
  if (bytes === undefined) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  return [...groups, (a << 8) | b, (c << 8) | d];
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 0xff));
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === 0) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}

function hex(group: number): string {
  return group.toString(16);
}
