import { readFileSync } from "node:fs";
import { AccessToken, parseToken } from "../base/access-token.ts";
import { fileFault } from "../base/file-fault.ts";

/**
 * The token in a file, for clients of other machines; undefined without a file. Throws an Error
 * that names the flag and the file, never what stands in it.
 */
export function readTokenFile(flag: string, file: string | undefined): AccessToken | undefined {
  const token = readToken(flag, file);
  return token === undefined ? undefined : new AccessToken(token);
}

/** Likewise, to be shown to somebody. */
export function readToken(flag: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const fail = (why: string): never => {
    throw new Error(`${flag} ${file} ${why}`);
  };
  const text = attempt(
    () => readFileSync(file, "utf8"),
    (error) => fail(fileFault(error)),
  );
  return attempt(
    () => parseToken(text),
    (error) => fail(`holds no token: ${(error as Error).message}`),
  );
}

function attempt<T>(work: () => T, otherwise: (error: unknown) => never): T {
  try {
    return work();
  } catch (error) {
    return otherwise(error);
  }
}
