import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("corpus/", import.meta.url));
const BYTES_PER_LINE = 32;

/** The inputs that once broke a rule, or are worth keeping: hexadecimal, `;` begins a comment. */
export function savedInputs(target: string): readonly Buffer[] {
  const folder = path.join(FOLDER, target);
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith(".hex"))
    .sort()
    .map((name) => bytesOf(fs.readFileSync(path.join(folder, name), "utf8")));
}

/** Writes an input down; gives the file's path. */
export function saveInput(target: string, input: Buffer, why: string): string {
  const folder = path.join(FOLDER, target);
  fs.mkdirSync(folder, { recursive: true });
  const name = createHash("sha256").update(input).digest("hex").slice(0, 12);
  const file = path.join(folder, `${name}.hex`);
  const comment =
    why
      .split("\n")[0]
      ?.replaceAll(/[^\x20-\x7e]/g, "?")
      .slice(0, 90) ?? "";
  const digits = input.toString("hex").match(new RegExp(`.{1,${BYTES_PER_LINE * 2}}`, "g")) ?? [];
  fs.writeFileSync(file, [`; ${comment}`, ...digits, ""].join("\n"));
  return file;
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text.replaceAll(/;.*$/gm, "").replaceAll(/\s/g, ""), "hex");
}
