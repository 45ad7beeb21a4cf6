/**
 * `bundle.ts TREE OUT`: makes programs of a tree of modules, which `tsc` has written. Each program
 * keeps its place; what they share, and what they load later, lies in `parts/`. Loading 400 modules
 * one by one took 100 ms of every sidecar's start (docs/adr/0012-programs-are-bundled.md).
 *
 * Dependencies stay outside: npm installs them. The library is one module by itself, with types,
 * so that it runs where there is no Node.
 */
import { cpSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { type Plugin, rolldown } from "rolldown";

/** What Node is started with: the command, a proxy's worker thread, a pod's stand-in. */
const PROGRAMS = ["cli/main", "proxy/worker/main", "up/pods/stand-in"];
const LIBRARY = "breaker/library";
const PARTS = "parts";
const BARE = /^[^./]/;

/** A module that asks where it stands hears where it stood, seen from `parts/`. */
function placed(tree: string): Plugin {
  return {
    name: "placed",
    transform(code, id) {
      const file = path.relative(tree, id);
      if (!code.includes("import.meta.url") || isProgram(file)) return null;
      const place = `new URL(${JSON.stringify(`../${file}`)}, import.meta.url).href`;
      return { code: code.replaceAll("import.meta.url", place), map: null };
    },
  };
}

function isProgram(file: string): boolean {
  return PROGRAMS.some((program) => file === `${program}.js`);
}

const [, , tree = "", out = ""] = process.argv;
const bundle = await rolldown({
  input: Object.fromEntries(PROGRAMS.map((name) => [name, path.resolve(tree, `${name}.js`)])),
  platform: "node",
  external: BARE,
  plugins: [placed(path.resolve(tree))],
  treeshake: { moduleSideEffects: true },
});
const { output } = await bundle.write({
  dir: out,
  format: "esm",
  entryFileNames: "[name].js",
  chunkFileNames: `${PARTS}/[name]-[hash].js`,
});
await bundle.close();

/** A module with a place of its own must not have been drawn into a program elsewhere. */
for (const file of output) {
  if (file.type !== "chunk" || file.fileName.startsWith(`${PARTS}/`)) continue;
  if (/new URL\("\.\.\/[^"]*", import\.meta\.url\)\.href/.test(file.code)) {
    throw new Error(`${file.fileName}: holds a module that asks where it stands`);
  }
}
const library = await rolldown({
  input: path.resolve(tree, `${LIBRARY}.js`),
  platform: "neutral",
});
await library.write({ file: path.join(out, `${LIBRARY}.js`), format: "esm" });
await library.close();
cpSync(path.join(tree, "breaker"), path.join(out, "breaker"), {
  recursive: true,
  filter: (file) => file.endsWith(".d.ts") || statSync(file).isDirectory(),
});

process.stderr.write(`bundled ${readdirSync(out, { recursive: true }).length} files\n`);
