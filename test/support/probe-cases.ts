/** Http11Probe's cases, and the payloads that its corpus describes instead of holding them. */

export interface ProbeCase {
  readonly id: string;
  readonly level: "Must" | "Should" | "May" | "OughtTo" | "NotApplicable";
  readonly status: string | null;
  readonly steps_b64: readonly string[] | null;
  readonly payload_b64: string | null;
}

const HOST = "Host: localhost\r\n";
const SMUGGLED = `GET /smuggled HTTP/1.1\r\n${HOST}\r\n`;
const CHUNKED = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n`;

function withLength(coding: string, body: string): string {
  return `POST / HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n${coding}\r\n\r\n${body}`;
}

/** From the descriptions; the non-ASCII ones are UTF-8 as bytes. */
const DESCRIBED: Readonly<Record<string, string>> = {
  "COMP-LONG-URL-OK": `GET /${"a".repeat(8000)} HTTP/1.1\r\n${HOST}\r\n`,
  "COOK-OVERSIZED": `GET / HTTP/1.1\r\n${HOST}Cookie: a=${"b".repeat(65_536)}\r\n\r\n`,
  "COOK-MANY-PAIRS": `GET / HTTP/1.1\r\n${HOST}Cookie: ${"k=v; ".repeat(1000)}k=v\r\n\r\n`,
  "MAL-LONG-URL": `GET /${"a".repeat(102_400)} HTTP/1.1\r\n${HOST}\r\n`,
  "MAL-LONG-HEADER-VALUE": `GET / HTTP/1.1\r\n${HOST}X: ${"a".repeat(102_400)}\r\n\r\n`,
  "MAL-LONG-HEADER-NAME": `GET / HTTP/1.1\r\n${HOST}${"a".repeat(102_400)}: x\r\n\r\n`,
  "MAL-NON-ASCII-HEADER-NAME": `GET / HTTP/1.1\r\n${HOST}X-T\xc3\xabst: x\r\n\r\n`,
  "MAL-NON-ASCII-URL": `GET /caf\xc3\xa9 HTTP/1.1\r\n${HOST}\r\n`,
  "MAL-EMPTY-REQUEST": "",
  "MAL-H2-PREFACE": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "MAL-RANGE-OVERLAPPING": `GET / HTTP/1.1\r\n${HOST}Range: bytes=${"0-,".repeat(999)}0-\r\n\r\n`,
  "SMUG-CHUNK-EXT-CTRL": `${CHUNKED}\r\n5;a\0b\r\nhello\r\n0\r\n\r\n`,
  "SMUG-TE-FORMFEED": withLength("Transfer-Encoding: \x0cchunked", "0\r\n\r\n"),
  "SMUG-TE-NULL": withLength("Transfer-Encoding: chunked\0", "0\r\n\r\n"),
  "SMUG-CL-TE-BOTH": withLength("Transfer-Encoding: chunked", "0\r\n\r\n"),
  "SMUG-CLTE-SMUGGLED-GET": withLength("Transfer-Encoding: chunked", `0\r\n\r\n${SMUGGLED}`),
  "SMUG-CLTE-SMUGGLED-GET-TE-LEADING-COMMA": withLength(
    "Transfer-Encoding: , chunked",
    `0\r\n\r\n${SMUGGLED}`,
  ),
  "SMUG-TECL-SMUGGLED-GET":
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n` +
    `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
};

/** What is sent, step by step; undefined where nobody says what. */
export function stepsOf(one: ProbeCase): readonly Buffer[] | undefined {
  if (one.payload_b64 !== null) return [Buffer.from(one.payload_b64, "base64")];
  if (one.steps_b64 !== null) return one.steps_b64.map((step) => Buffer.from(step, "base64"));
  const described = DESCRIBED[one.id];
  return described === undefined ? undefined : [Buffer.from(described, "latin1")];
}
