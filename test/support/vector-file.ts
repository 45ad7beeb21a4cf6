import { readFileSync } from "node:fs";

/** One case of a Markdown file of vectors: a heading, bytes and expected lines in fences. */
export interface Vector {
  readonly name: string;
  /** What stands behind the language of the first fence, as `method=HEAD close`. */
  readonly options: readonly string[];
  readonly bytes: Buffer;
  /** The bytes of a `hex` fence in the parts that its empty lines make; else all in one. */
  readonly parts: readonly Buffer[];
  readonly expected: readonly string[];
}

const HEADING = "^## (?<name>.+)$[\\s\\S]*?";
const WIRE = "^```(?<form>http|hex)(?<options>[^\\n]*)\\n(?<wire>[\\s\\S]*?)^```\\n";
const EVENTS = "```events\\n(?<events>[\\s\\S]*?)\\n?^```$";
const CASE = new RegExp(HEADING + WIRE + EVENTS, "gm");

/** Reads the cases of a file. Throws where a heading has no case. */
export function readVectors(path: URL): readonly Vector[] {
  const text = readFileSync(path, "utf8");
  const vectors = [...text.matchAll(CASE)].map(({ groups = {} }) => {
    const wire = groups.wire ?? "";
    const parts = groups.form === "hex" ? hexParts(wire) : [wireBytes(wire)];
    return {
      name: groups.name ?? "",
      options: (groups.options ?? "").trim().split(" "),
      bytes: Buffer.concat(parts),
      parts,
      expected: (groups.events ?? "").split("\n"),
    };
  });
  const headings = text.match(/^## /gm)?.length ?? 0;
  if (vectors.length !== headings) {
    throw new Error(`${path.pathname}: ${headings} headings, ${vectors.length} cases`);
  }
  return vectors;
}

/** Line ends become CR LF, escapes become bytes, `\` before a line's end takes the end away. */
export function wireBytes(text: string): Buffer {
  const wire = text
    .replaceAll("\\\n", "")
    .replaceAll("\n", "\r\n")
    .replaceAll(/\\(x[0-9a-f]{2}|[rnt0\\])/g, (_, code: string) => byteOf(code));
  return Buffer.from(wire, "latin1");
}

/** Hexadecimal digits; what follows a `;` says what they are. An empty line begins a new part. */
function hexParts(text: string): Buffer[] {
  return text.split(/\n{2,}/).map((part) => {
    const digits = part.replaceAll(/;.*$/gm, "").replaceAll(/\s/g, "");
    const bytes = Buffer.from(digits, "hex");
    if (bytes.length * 2 !== digits.length) throw new Error(`no hexadecimal digits: ${digits}`);
    return bytes;
  });
}

function byteOf(code: string): string {
  if (code.startsWith("x")) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
  return { r: "\r", n: "\n", t: "\t", "0": "\0" }[code] ?? code;
}
