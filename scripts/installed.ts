/**
 * Ends with status 0 when `node_modules` already holds what `package-lock.json` asks for, as after
 * an `npm install`, so that set-up need not install everything anew.
 */
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly optional?: boolean;
}

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

function packagesIn(name: string): Record<string, Locked> {
  const file = path.join(ROOT, name);
  return fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")).packages : {};
}

const wanted = Object.entries(packagesIn("package-lock.json")).filter(([name]) => name !== "");
/** npm's own record of what it put there. */
const present = packagesIn("node_modules/.package-lock.json");

const complete = wanted.every(([name, locked]) => {
  const found = present[name];
  if (found === undefined) return locked.optional === true;
  return found.version === locked.version && found.integrity === locked.integrity;
});
process.exitCode = complete ? 0 : 1;
