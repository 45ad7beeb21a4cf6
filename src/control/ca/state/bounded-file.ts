import { readFileSync, statSync } from "node:fs";
import { fileFault } from "../../../base/file-fault.ts";

/** A bundle of all public authorities has a quarter of that. */
const FILE_BYTES_MAX = 1024 * 1024;

/** The text of a file of certificates or keys. Throws an Error that names it. */
export function readBounded(file: string): string {
  try {
    if (statSync(file).size <= FILE_BYTES_MAX) return readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`${file} ${fileFault(error)}`);
  }
  throw new Error(`${file} is larger than ${FILE_BYTES_MAX} bytes`);
}

/** Which file a path leads to, through links, and when that was written; `none` without one. */
export function fileIdentity(file: string): string {
  try {
    const { ctimeMs, dev, ino, mtimeMs, size } = statSync(file);
    return [dev, ino, size, mtimeMs, ctimeMs].join(":");
  } catch {
    return "none";
  }
}
