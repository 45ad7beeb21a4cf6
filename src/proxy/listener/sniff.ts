/** What the first bytes of a connection are (Envoy: http_inspector). */
export type Sniffed = "http/1.0" | "http/1.1" | "h2c" | "other" | "more";

const H2_PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const REQUEST_LINE_MAX = 8192;
const METHOD = /^[A-Z-]{1,16}$/;
const METHOD_PREFIX = /^[A-Z-]{0,16}$/;

/** Whether a client's first bytes are HTTP/2's (RFC 9113 section 3.4); as soon as that is plain. */
export function startsHttp2(bytes: Buffer): "yes" | "no" | "more" {
  const text = bytes.toString("latin1", 0, Math.min(bytes.length, H2_PREFACE.length));
  if (text === H2_PREFACE) return "yes";
  return H2_PREFACE.startsWith(text) ? "more" : "no";
}

/** Decides as early as it can; `more` asks for more bytes. */
export function sniff(bytes: Buffer): Sniffed {
  const text = bytes.toString("latin1", 0, Math.min(bytes.length, REQUEST_LINE_MAX));
  if (text.startsWith(H2_PREFACE)) return "h2c";
  if (H2_PREFACE.startsWith(text)) return "more";
  const start = text.startsWith("\r\n") ? 2 : 0;
  const space = text.indexOf(" ", start);
  if (space < 0) return METHOD_PREFIX.test(text.slice(start)) ? "more" : "other";
  if (!METHOD.test(text.slice(start, space))) return "other";
  const end = text.indexOf("\n", start);
  if (end < 0) return text.length < REQUEST_LINE_MAX ? "more" : "other";
  const line = text.slice(start, end).trimEnd();
  if (line.endsWith(" HTTP/1.0")) return "http/1.0";
  return /HTTP\/\d/.test(line) ? "http/1.1" : "other";
}
