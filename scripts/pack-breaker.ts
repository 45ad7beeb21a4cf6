/**
 * `pack-breaker.ts OUT`: writes OUT/outrigger-breaker-VERSION.tgz, the library alone: one module
 * with its types and no dependency. Takes it from dist/, which `scripts/build.sh` has made.
 */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const NAME = "outrigger-breaker";

/** The package's own words, of what both packages share. */
function manifest(): object {
  const { version, license } = JSON.parse(fs.readFileSync(path.join(ROOT, "package.json"), "utf8"));
  return {
    name: NAME,
    version,
    description: "Circuit breakers with Hystrix's semantics, and policies that compose",
    license,
    type: "module",
    sideEffects: false,
    exports: {
      ".": { types: "./breaker/library.d.ts", default: "./breaker/library.js" },
      "./package.json": "./package.json",
    },
    files: ["breaker"],
  };
}

const [, , out = "."] = process.argv;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), `${NAME}-`));
try {
  fs.cpSync(path.join(ROOT, "dist/breaker"), path.join(folder, "breaker"), { recursive: true });
  fs.copyFileSync(path.join(ROOT, "LICENSE"), path.join(folder, "LICENSE"));
  const readme = fs.readFileSync(path.join(ROOT, "docs/breaker.md"), "utf8");
  fs.writeFileSync(path.join(folder, "README.md"), readme.replaceAll("outrigger/breaker", NAME));
  fs.writeFileSync(path.join(folder, "package.json"), `${JSON.stringify(manifest(), null, 2)}\n`);
  const to = path.resolve(out);
  fs.mkdirSync(to, { recursive: true });
  execFileSync("npm", ["pack", "--pack-destination", to], {
    cwd: folder,
    stdio: ["ignore", "inherit", "ignore"],
  });
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
}
