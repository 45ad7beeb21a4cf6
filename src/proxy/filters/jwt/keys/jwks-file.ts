import { closeSync, openSync, readSync } from "node:fs";
import { fileFault } from "../../../../base/file-fault.ts";

/** A key set that is larger is none. */
export const JWKS_BYTES_MAX: number = 1024 * 1024;

/** The text of a file; throws an Error that names it where it cannot be read or is too large. */
export function readJwksFile(path: string): string {
  const bytes = Buffer.alloc(JWKS_BYTES_MAX + 1);
  let length: number;
  try {
    const file = openSync(path, "r");
    try {
      length = readSync(file, bytes, 0, bytes.length, 0);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new Error(`${path} ${fileFault(error)}`);
  }
  if (length > JWKS_BYTES_MAX) throw new Error(`${path} has more than ${JWKS_BYTES_MAX} bytes`);
  return bytes.toString("utf8", 0, length);
}
