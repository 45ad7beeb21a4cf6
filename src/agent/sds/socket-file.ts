import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
} from "node:fs";
import type { Http2Server } from "node:http2";
import { dirname, join } from "node:path";

/** The kernel's: sockaddr_un(7). */
const PATH_BYTES_MAX = 107;
/** Six characters are added to it. */
const CRADLE = ".sds-";
const OWN = 0o600;
const OWN_FOLDER = 0o700;
const SHARED = 0o660;
const SHARED_FOLDER = 0o750;
const WRITABLE_BY_OTHERS = 0o022;

export interface SocketFile {
  readonly path: string;
  /** The id of a group that may connect as well; undefined: the owner alone. */
  readonly group: number | undefined;
}

/**
 * Makes a server listen at a path where nobody else may connect. What lies there, as a socket of a
 * predecessor, gives way in one step. Resolves with what takes the path away again; rejects with an
 * Error that names it.
 */
export async function listenAt(
  server: Http2Server,
  { path, group }: SocketFile,
  onNotice: (notice: string) => void,
): Promise<() => void> {
  refusePath(path);
  prepareFolder(dirname(path), group, onNotice);
  // Closing a socket takes away the path that it was bound to, whoever has that by then: so it is
  // bound to another, in a folder of ours, and moved when its rights are as they should be.
  const cradle = mkdtempSync(join(dirname(path), CRADLE));
  const bound = join(cradle, "s");
  await listen(server, bound);
  chmodSync(bound, group === undefined ? OWN : SHARED);
  if (group !== undefined) chownSync(bound, statSync(bound).uid, group);
  const { ino } = statSync(bound);
  renameSync(bound, path);
  rmdirSync(cradle);
  return () => {
    if (statSync(path, { throwIfNoEntry: false })?.ino === ino) unlinkSync(path);
  };
}

function refusePath(path: string): void {
  const longest = join(dirname(path), `${CRADLE}123456`, "s");
  if (Math.max(Buffer.byteLength(path), Buffer.byteLength(longest)) > PATH_BYTES_MAX) {
    throw new Error(`${path} is too long a path for a socket`);
  }
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isSocket()) throw new Error(`${path} is there, and no socket`);
}

function prepareFolder(
  folder: string,
  group: number | undefined,
  onNotice: (notice: string) => void,
): void {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) {
    mkdirSync(folder, { recursive: true, mode: OWN_FOLDER });
    if (group === undefined) return;
    chownSync(folder, statSync(folder).uid, group);
    chmodSync(folder, SHARED_FOLDER);
  } else if ((found.mode & WRITABLE_BY_OTHERS) !== 0) {
    onNotice(`${folder} may be written to by others, who could put a socket of theirs there`);
  }
}

function listen(server: Http2Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      // From here on an error concerns one connection.
      server.removeListener("error", reject).on("error", () => {});
      resolve();
    });
  });
}
