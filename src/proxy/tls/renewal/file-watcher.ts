import { type FSWatcher, realpathSync, statSync, watch } from "node:fs";
import { dirname } from "node:path";
import type { Clock, Timer } from "../../../base/clock.ts";

/** A certificate and its key are written one after the other: wait until it is quiet. */
const QUIET_MS = 100;
/** Where the system tells nothing (network folders, watch limits), look this often. */
const POLL_MS = 10_000;

/**
 * Tells when files change, also by a rename over them or over a link on their way: Kubernetes
 * swaps the link `..data` beside the mounted files. Folders are watched, and their events say no
 * more than "look again"; what counts is which file a path leads to, and when that was written.
 */
export class FileWatcher {
  readonly #clock: Clock;
  readonly #onChange: (changed: ReadonlySet<string>) => void;
  readonly #identities = new Map<string, string>();
  readonly #folders = new Map<string, FSWatcher>();
  #quiet: Timer | undefined;
  #poll: Timer | undefined;

  constructor(clock: Clock, onChange: (changed: ReadonlySet<string>) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** Follows this file, as it is now; read it afterwards. */
  follow(path: string): void {
    if (this.#identities.has(path)) return;
    this.#identities.set(path, identityOf(path));
    for (const folder of foldersOf(path)) this.#watch(folder);
    this.#poll ??= this.#clock.after(POLL_MS, this.#pollAgain);
  }

  /** From now on only these. */
  keep(paths: ReadonlySet<string>): void {
    for (const path of this.#identities.keys()) {
      if (!paths.has(path)) this.#identities.delete(path);
    }
    this.#watchFolders();
  }

  stop(): void {
    this.keep(new Set());
    this.#quiet?.cancel();
    this.#poll?.cancel();
  }

  readonly #touched = (): void => {
    this.#quiet?.cancel();
    this.#quiet = this.#clock.after(QUIET_MS, this.#look);
  };

  readonly #pollAgain = (): void => {
    this.#poll = this.#clock.after(POLL_MS, this.#pollAgain);
    this.#look();
  };

  readonly #look = (): void => {
    const changed = new Set<string>();
    for (const [path, before] of this.#identities) {
      const now = identityOf(path);
      if (now === before) continue;
      this.#identities.set(path, now);
      changed.add(path);
    }
    if (changed.size === 0) return;
    this.#watchFolders();
    this.#onChange(changed);
  };

  #watchFolders(): void {
    const wanted = new Set([...this.#identities.keys()].flatMap(foldersOf));
    for (const folder of this.#folders.keys()) if (!wanted.has(folder)) this.#unwatch(folder);
    for (const folder of wanted) this.#watch(folder);
  }

  #watch(folder: string): void {
    if (this.#folders.has(folder)) return;
    try {
      const watcher = watch(folder, { persistent: false }, this.#touched);
      watcher.on("error", () => this.#unwatch(folder));
      this.#folders.set(folder, watcher);
    } catch {
      // Not watchable here: the poll finds its changes.
    }
  }

  #unwatch(folder: string): void {
    this.#folders.get(folder)?.close();
    this.#folders.delete(folder);
  }
}

/** Which file a path leads to, and when that was written. */
function identityOf(path: string): string {
  try {
    const { ctimeMs, dev, ino, mtimeMs, size } = statSync(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join(":");
  } catch {
    return "none";
  }
}

/** Where the path itself lies, and where the file that it leads to. */
function foldersOf(path: string): readonly string[] {
  try {
    return [dirname(path), dirname(realpathSync(path))];
  } catch {
    return [dirname(path)];
  }
}
