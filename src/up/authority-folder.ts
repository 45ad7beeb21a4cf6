import { createWriteStream, mkdtempSync, type WriteStream } from "node:fs";
import { join } from "node:path";
import { Reaper } from "./fabric/reaper.ts";

/** Where the mesh's authority keeps its keys. */
export interface AuthorityFolder {
  readonly path: string;
  /** Writes a line that tells what the authority did. */
  audit(line: string): void;
  close(): Promise<void>;
}

const AUDIT_FILE = "audit.log";
const PRIVATE = 0o600;

/** The folder that is given, or one of this run's own, which goes with us however we end. */
export function openAuthorityFolder(given: string | undefined, temporary: string): AuthorityFolder {
  const path = given ?? mkdtempSync(join(temporary, "outrigger-ca-"));
  const reaper = given === undefined ? new Reaper(path) : undefined;
  let log: WriteStream | undefined;
  return {
    path,
    audit: (line) => {
      log ??= openLog(join(path, AUDIT_FILE));
      log.write(`${line}\n`);
    },
    close: async () => {
      log?.destroy();
      await reaper?.close();
    },
  };
}

/** Without room for it the mesh goes on all the same. */
function openLog(file: string): WriteStream {
  return createWriteStream(file, { flags: "a", mode: PRIVATE }).on("error", () => undefined);
}
