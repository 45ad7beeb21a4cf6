// hot path: no allocation per request
import type { Random } from "../../base/random.ts";
import type { Hash64 } from "../balance/hash/hash64.ts";
import { xxHash64 } from "../balance/hash/xx-hash.ts";

/** Longer texts get a buffer of their own. */
const ROOM = 4096;

const scratch = Buffer.allocUnsafe(ROOM);

/** XXH64 of a header's value, or of anything else whose characters are bytes; seed as there. */
export function hashText(text: string, out: Hash64): void {
  const bytes = text.length <= ROOM ? scratch : Buffer.allocUnsafe(text.length);
  bytes.write(text, 0, "latin1");
  xxHash64(bytes, text.length, out);
}

/** Of a client by its address; without one (empty), by chance. */
export function hashClient(ip: string, out: Hash64, random: Random): void {
  out.set(0, 0);
  if (ip === "") drawHash(out, random);
  else hashText(ip, out);
}

/** For what has nothing to go by: anywhere. */
export function drawHash(out: Hash64, random: Random): void {
  out.set(random.below(0x1_0000_0000), random.below(0x1_0000_0000));
}

/** The address in `10.0.0.7:41522` or `[::1]:41522`, in its one form (RFC 5952). */
export function ipOf(address: string): string {
  const colon = address.lastIndexOf(":");
  if (colon < 0) return address;
  if (address.charCodeAt(0) !== 0x5b) return address.slice(0, colon);
  const url = URL.parse(`http://${address.slice(0, colon)}/`);
  return url === null ? address.slice(1, colon - 1) : url.hostname.slice(1, -1);
}
