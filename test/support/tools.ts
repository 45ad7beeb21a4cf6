/**
 * Finds the real programs that tests run against, and says what happens without them: in CI the
 * tests fail, on a laptop they stand in the summary as not run. `npm test` installs them
 * (scripts/tools.sh).
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, it } from "vitest";

/** Have to agree with the scripts that bring them; test/house.test.ts compares them. */
export const ENVOY_VERSION = "1.40.0";
export const H2SPEC_VERSION = "2.2.1";
export const FORTIO_VERSION = "1.66.5";
export const BUN_VERSION = "1.4.5";
export const DENO_VERSION = "2.9.6";

export type ToolName =
  | "bun"
  | "curl"
  | "deno"
  | "envoy"
  | "fortio"
  | "h2load"
  | "h2spec"
  | "haproxy"
  | "initdb"
  | "ip"
  | "iptables"
  | "mariadb"
  | "mariadbd"
  | "newuidmap"
  | "nginx"
  | "openssl"
  | "prometheus"
  | "promtool"
  | "psql"
  | "wrk";

/** What set-up does not take from Debian: a folder of the cache for each version. */
const VERSION_IN_CACHE: Partial<Record<ToolName, string>> = {
  bun: BUN_VERSION,
  deno: DENO_VERSION,
  envoy: ENVOY_VERSION,
  fortio: FORTIO_VERSION,
  h2spec: H2SPEC_VERSION,
};

/** Debian keeps administrators' programs, and PostgreSQL's server, out of other people's PATH. */
const ALWAYS_SEARCHED = ["/usr/sbin", "/sbin", ...fs.globSync("/usr/lib/postgresql/*/bin")];

/** The shared cache that set-up fills. */
export function cacheFolder(): string {
  const base = process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache");
  return path.join(base, "outrigger");
}

function foldersFor(name: ToolName): string[] {
  const version = VERSION_IN_CACHE[name];
  if (version !== undefined) return [path.join(cacheFolder(), `${name}-${version}`)];
  return [...(process.env.PATH ?? "").split(path.delimiter), ...ALWAYS_SEARCHED];
}

function isProgram(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** The full path of a program, `undefined` where it is missing. */
export function findTool(name: ToolName): string | undefined {
  return foldersFor(name)
    .filter((folder) => folder !== "")
    .map((folder) => path.join(folder, name))
    .find(isProgram);
}

/** The full path of a program; throws where it is missing. */
export function tool(name: ToolName): string {
  const found = findTool(name);
  if (found === undefined) throw new Error(`${name} is missing here; npm test installs it`);
  return found;
}

/** Whether this process may make network namespaces and firewall rules. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * `describe` for tests that need real programs.
 *
 * @param needed Their names; `"root"` for what only root may do.
 */
export function describeWith(
  needed: readonly (ToolName | "root")[],
  title: string,
  body: () => void,
): void {
  const missing = needed.filter((name) =>
    name === "root" ? !isRoot() : findTool(name) === undefined,
  );
  if (missing.length === 0) {
    describe(title, body);
  } else if (process.env.CI === undefined) {
    describe.skip(`${title} (missing: ${missing.join(", ")})`, body);
  } else {
    describe(title, () => {
      it(`has ${missing.join(", ")}`, () => {
        throw new Error(`missing in CI: ${missing.join(", ")}`);
      });
    });
  }
}
