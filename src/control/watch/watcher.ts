import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import type { Clock, Timer } from "../../base/clock.ts";
import { readSources, type SourceSet } from "./documents.ts";

/** Editors write in several steps (truncate, write, rename): wait until it is quiet. */
const QUIET_MS = 50;
/** Where the system tells us nothing (network folders, watch limits), look this often. */
const POLL_MS = 2000;

export interface WatcherOptions {
  readonly paths: readonly string[];
  readonly clock: Clock;
  /** Called with every set that differs from the one before. */
  readonly onChange: (sources: SourceSet) => void;
}

/**
 * Follows the files and folders under some paths. The system's events only say "look again": what
 * counts is that the texts differ from those of the last look, so missed, doubled and renamed
 * events do no harm, and a slow poll stands behind them all.
 */
export class SourceWatcher {
  readonly #options: WatcherOptions;
  #last: string;
  #watched = new Map<string, FSWatcher>();
  #quiet: Timer | undefined;
  #poll: Timer | undefined;
  #looking = false;
  #again = false;
  #stopped = false;

  constructor(options: WatcherOptions, first: SourceSet) {
    this.#options = options;
    this.#last = fingerprint(first);
    this.#follow(first);
    this.#schedulePoll();
  }

  stop(): void {
    this.#stopped = true;
    this.#quiet?.cancel();
    this.#poll?.cancel();
    for (const watcher of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }

  #touched(): void {
    if (this.#stopped) return;
    this.#quiet?.cancel();
    this.#quiet = this.#options.clock.after(QUIET_MS, () => void this.#look());
  }

  #schedulePoll(): void {
    this.#poll = this.#options.clock.after(POLL_MS, () => {
      void this.#look();
      this.#schedulePoll();
    });
  }

  async #look(): Promise<void> {
    this.#again = this.#looking;
    if (this.#looking) return;
    this.#looking = true;
    const sources = await readSources(this.#options.paths);
    this.#looking = false;
    if (this.#stopped) return;
    this.#follow(sources);
    this.#report(sources);
    if (this.#again) this.#touched();
  }

  #report(sources: SourceSet): void {
    const seen = fingerprint(sources);
    if (seen === this.#last) return;
    this.#last = seen;
    this.#options.onChange(sources);
  }

  /** Watches folders, never files: a rename over a file ends a watch of that file. */
  #follow(sources: SourceSet): void {
    const folders = new Set([...sources.folders, ...this.#options.paths.map(dirname)]);
    for (const [folder, watcher] of this.#watched) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#watched.delete(folder);
    }
    for (const folder of folders) if (!this.#watched.has(folder)) this.#watch(folder);
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#touched());
      watcher.on("error", () => this.#forget(folder, watcher));
      this.#watched.set(folder, watcher);
    } catch {
      // Not watchable here: the poll finds its changes.
    }
  }

  #forget(folder: string, watcher: FSWatcher): void {
    watcher.close();
    this.#watched.delete(folder);
  }
}

function fingerprint({ files, diagnostics }: SourceSet): string {
  const texts = files.map(({ file, text }) => [file, text]);
  return JSON.stringify([texts, diagnostics.map(({ message }) => message)]);
}
