import { readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { ensurePrivateFolder, readPrivateFile, writePrivateFile } from "./private-files.ts";

/** Private keys of the mesh's own roots: PKCS #8, PEM, one file each, for their owner alone. */
export class KeyFolder {
  readonly #folder: string;

  constructor(caDir: string) {
    this.#folder = path.join(caDir, "keys");
    ensurePrivateFolder(this.#folder);
  }

  fileOf(generation: string): string {
    return path.join(this.#folder, `${generation}.key`);
  }

  read(generation: string): string | undefined {
    return readPrivateFile(this.fileOf(generation));
  }

  write(generation: string, key: string): void {
    writePrivateFile(this.fileOf(generation), key);
  }

  /** Removes the keys of all others: what is retired signs nothing again. */
  keepOnly(generations: readonly string[]): void {
    const wanted = new Set(generations.map((id) => `${id}.key`));
    for (const name of readdirSync(this.#folder)) {
      if (name.endsWith(".key") && !wanted.has(name)) rmSync(path.join(this.#folder, name));
    }
  }
}
