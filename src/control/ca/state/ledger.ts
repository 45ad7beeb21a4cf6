import { closeSync, fsync, openSync, writeFile } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { readPrivateFile, writePrivateFile } from "./private-files.ts";

/** A certificate that was issued and has not run out. */
export interface IssuedEntry {
  /** Lower case hexadecimal. */
  readonly serial: string;
  /** `NS/SA`. */
  readonly identity: string;
  /** The signing generation's. */
  readonly generation: string;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
}

interface Waiting {
  readonly line: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const FILE = "issued.jsonl";
const FILE_MODE = 0o600;
/** The file is written anew where so many lines more than needed are in it. */
const WASTE_LINES_MAX = 10_000;

const writeText = promisify(writeFile) as (handle: number, text: string) => Promise<void>;
const sync = promisify(fsync);

/**
 * Who has which certificate, so that an identity's can be revoked: one line each, on the disk
 * before the certificate leaves the house. A last line that a crash cut was never answered, and is
 * passed over.
 */
export class Ledger {
  readonly #file: string;
  readonly #entries = new Map<string, IssuedEntry>();
  #handle: number;
  #lines = 0;
  #waiting: Waiting[] = [];
  #writing = false;
  #closed = false;

  /** Throws an Error where the folder cannot be written. */
  constructor(folder: string, now: number) {
    this.#file = path.join(folder, FILE);
    for (const line of (readPrivateFile(this.#file) ?? "").split("\n")) {
      const entry = entryOf(line);
      if (entry !== undefined && entry.notAfter > now) this.#entries.set(entry.serial, entry);
    }
    this.#handle = this.#rewrite();
  }

  get entries(): Iterable<IssuedEntry> {
    return this.#entries.values();
  }

  find(serial: string): IssuedEntry | undefined {
    return this.#entries.get(serial);
  }

  /** Resolves when the line is on the disk. Many that come together are written at once. */
  add(entry: IssuedEntry): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("the authority has stopped"));
    this.#entries.set(entry.serial, entry);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line: `${JSON.stringify(entry)}\n`, resolve, reject });
      if (!this.#writing) void this.#write();
    });
  }

  /** Forgets what has run out. */
  sweep(now: number): void {
    for (const [serial, { notAfter }] of this.#entries) {
      if (notAfter <= now) this.#entries.delete(serial);
    }
    if (this.#closed || this.#writing || this.#lines - this.#entries.size < WASTE_LINES_MAX) return;
    closeSync(this.#handle);
    this.#handle = this.#rewrite();
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    while (this.#writing) await new Promise((resolve) => setImmediate(resolve));
    if (!this.#closed) closeSync(this.#handle);
    this.#closed = true;
  }

  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await writeText(this.#handle, batch.map(({ line }) => line).join(""));
        await sync(this.#handle);
        this.#lines += batch.length;
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#writing = false;
  }

  #rewrite(): number {
    const text = [...this.#entries.values()].map((entry) => `${JSON.stringify(entry)}\n`).join("");
    writePrivateFile(this.#file, text);
    this.#lines = this.#entries.size;
    return openSync(this.#file, "a", FILE_MODE);
  }
}

/** Undefined for a line that is none of ours, or was cut. */
function entryOf(line: string): IssuedEntry | undefined {
  try {
    const { serial, identity, generation, notAfter } = JSON.parse(line) as Partial<IssuedEntry>;
    if (typeof serial !== "string" || !/^[0-9a-f]+$/.test(serial)) return undefined;
    if (typeof identity !== "string" || typeof generation !== "string") return undefined;
    if (typeof notAfter !== "number") return undefined;
    return { serial, identity, generation, notAfter };
  } catch {
    return undefined;
  }
}
