/** Files that only their owner may read, and that are there whole or not at all. */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { errorCode } from "../../../base/file-fault.ts";

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const OTHERS = 0o077;

/** Throws an Error where others may look into a folder that was there before. */
export function ensurePrivateFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  if ((statSync(folder).mode & OTHERS) !== 0) {
    throw new Error(`${folder} may be opened by others: chmod 700 it, or name another folder`);
  }
}

/** Writes beside, syncs, renames and syncs the folder: a crash leaves the old file or the new. */
export function writePrivateFile(file: string, text: string): void {
  const beside = `${file}.${process.pid}.new`;
  rmSync(beside, { force: true });
  const handle = openSync(beside, "wx", FILE_MODE);
  try {
    writeFileSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  chmodSync(beside, FILE_MODE);
  renameSync(beside, file);
  syncFolder(path.dirname(file));
}

export function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Undefined where there is none. Throws an Error for one that others may read. */
export function readPrivateFile(file: string): string | undefined {
  try {
    if ((statSync(file).mode & OTHERS) !== 0) {
      throw new Error(`${file} may be read by others: chmod 600 it`);
    }
    return readFileSync(file, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
