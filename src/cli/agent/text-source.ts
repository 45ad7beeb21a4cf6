import { closeSync, readFileSync } from "node:fs";
import { fileFault } from "../../base/file-fault.ts";

/** Where a token or a bundle of roots comes from. */
export type TextSource =
  | { readonly kind: "file"; readonly path: string }
  /** An open descriptor, which is read to its end and closed. */
  | { readonly kind: "descriptor"; readonly fd: number }
  /** A variable, which is taken out of the environment. */
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "stdin" };

const STDIN = 0;
const FIRST_FD = 3;
const BYTES_MAX = 1024 * 1024;

/** `FILE`, `fd:3`, `env:NAME`, or `-` for standard input; undefined for what is none of them. */
export function parseTextSource(text: string): TextSource | undefined {
  if (text === "") return undefined;
  if (text === "-") return { kind: "stdin" };
  if (text.startsWith("env:")) {
    return text.length > 4 ? { kind: "variable", name: text.slice(4) } : undefined;
  }
  if (!text.startsWith("fd:")) return { kind: "file", path: text };
  const fd = /^fd:\d{1,4}$/.test(text) ? Number(text.slice(3)) : -1;
  return fd >= FIRST_FD ? { kind: "descriptor", fd } : undefined;
}

/** Reads all of it. Throws an Error, a whole sentence, where that cannot be done. */
export function readText(source: TextSource, env: NodeJS.ProcessEnv): string {
  switch (source.kind) {
    case "variable":
      return takeVariable(source.name, env);
    case "file":
      return read(source.path, source.path);
    case "stdin":
      return read(STDIN, "standard input");
    case "descriptor": {
      const text = read(source.fd, `descriptor ${source.fd}`);
      closeSync(source.fd);
      return text;
    }
  }
}

function takeVariable(name: string, env: NodeJS.ProcessEnv): string {
  const text = env[name];
  if (text === undefined) throw new Error(`the variable ${name} is not set`);
  delete env[name];
  return text;
}

function read(from: string | number, name: string): string {
  let text: string;
  try {
    text = readFileSync(from, "utf8");
  } catch (error) {
    throw new Error(`${name} ${fileFault(error)}`);
  }
  if (text.length > BYTES_MAX) throw new Error(`${name} is longer than ${BYTES_MAX} bytes`);
  return text;
}
