import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** Test data of other projects; it is not in the repository (see docs of `OUTRIGGER_CORPUS`). */
const ROOT: string =
  process.env.OUTRIGGER_CORPUS ??
  resolve(fileURLToPath(import.meta.url), "../../../../shared/corpus");

/** A folder of the corpus; undefined, said loudly, where it is absent. */
export function corpusFolder(name: string): string | undefined {
  const folder = join(ROOT, name);
  if (existsSync(folder)) return folder;
  console.error(`NOT RUN: corpus ${folder} is absent; set OUTRIGGER_CORPUS to its root`);
  return undefined;
}

/** Every file below the folder whose name ends so, sorted, as { file, text }. */
export function filesBelow(folder: string, ending: RegExp): { file: string; text: string }[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .sort()
    .map((name) => join(folder, name))
    .filter((path) => ending.test(path) && statSync(path).isFile())
    .map((path) => ({ file: relative(folder, path), text: readFileSync(path, "utf8") }));
}
