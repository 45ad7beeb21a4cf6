/** PEM (RFC 7468). */

const LINE_CHARS = 64;
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----\s+([A-Za-z0-9+/=\s]*?)-----END \1-----/g;

/** One block, with a line end after it. */
export function pemOf(label: string, der: Uint8Array): string {
  const text = Buffer.from(der).toString("base64");
  const lines = text.match(new RegExp(`.{1,${LINE_CHARS}}`, "g")) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** The bytes of every block with this label, in order. What is no block is passed over. */
export function pemBlocks(text: string, label: string): Buffer[] {
  return [...text.matchAll(BLOCK)]
    .filter(([, found]) => found === label)
    .map(([, , body = ""]) => Buffer.from(body, "base64"));
}
