import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { errorCode, fileFault } from "../../base/file-fault.ts";
import {
  FILE_BYTES_MAX,
  isConfigurationFile,
  type SourceFile,
} from "../../dialects/kubernetes/read.ts";

export interface SourceSet {
  /** In the order of the paths given, inside folders by name. */
  readonly files: readonly SourceFile[];
  /** Paths that could not be read. */
  readonly diagnostics: readonly Diagnostic[];
  /** Every folder that was looked into. */
  readonly folders: readonly string[];
}

/**
 * Reads every YAML and JSON file under the paths. A path that names a file is read whatever it is
 * called; in folders the ending decides, and what begins with a dot is passed over, as editors'
 * and version control's files do.
 */
export async function readSources(paths: readonly string[]): Promise<SourceSet> {
  const reader = new SourceReader();
  for (const path of paths) await reader.read(path, true);
  return reader.result();
}

class SourceReader {
  readonly #files = new Map<string, SourceFile>();
  readonly #diagnostics: Diagnostic[] = [];
  readonly #folders = new Set<string>();
  /** Without symbolic links, which may lead in a circle. */
  readonly #seen = new Set<string>();
  #filesMet = 0;

  result(): SourceSet {
    const files = [...this.#files.values()];
    return { files, diagnostics: this.#diagnostics, folders: [...this.#folders] };
  }

  /** A file that vanishes between being listed and being read is simply not there any more. */
  async read(path: string, named: boolean): Promise<void> {
    try {
      const found = await stat(path);
      if (found.isDirectory()) await this.#readFolder(path, named);
      else if (found.size > FILE_BYTES_MAX) this.#refuse(path, "is larger than 16 MiB");
      else if (named || isConfigurationFile(path)) await this.#readFile(path);
    } catch (error) {
      if (named || errorCode(error) !== "ENOENT") this.#refuse(path, fileFault(error));
    }
  }

  async #readFolder(folder: string, named: boolean): Promise<void> {
    const real = await realpath(folder);
    if (this.#seen.has(real)) return;
    this.#seen.add(real);
    this.#folders.add(folder);
    const before = this.#filesMet;
    const names = (await readdir(folder)).filter((name) => !name.startsWith(".")).sort();
    for (const name of names) await this.read(join(folder, name), false);
    if (named && this.#filesMet === before) this.#warnOfEmptiness(folder);
  }

  async #readFile(file: string): Promise<void> {
    this.#filesMet++;
    if (!this.#files.has(file)) {
      this.#files.set(file, { file, text: await readFile(file, "utf8") });
    }
  }

  /** Perhaps a mistake; but the folder may fill while it is watched. */
  #warnOfEmptiness(folder: string): void {
    this.#diagnostics.push({
      code: "OUT0603",
      severity: "warning",
      message: `${folder} holds no YAML or JSON file`,
    });
  }

  #refuse(path: string, reason: string): void {
    this.#diagnostics.push({
      code: "OUT0601",
      severity: "error",
      message: `${path} ${reason}`,
      position: undefined,
      allowed: "a YAML or JSON file, or a folder of them",
    });
  }
}
