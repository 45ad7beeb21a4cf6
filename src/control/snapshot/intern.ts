import { createHash } from "node:crypto";

/**
 * Keeps one object for equal contents, over the current generation and the one before. So
 * resources that a change did not touch stay the same objects: their encoding is kept, and nobody
 * is told of them again.
 */
export class Interner {
  #current = new Map<string, object>();
  #previous = new Map<string, object>();
  readonly #hashes = new WeakMap<object, string>();

  /** Forgets what neither this nor the last generation used. */
  nextGeneration(): void {
    this.#previous = this.#current;
    this.#current = new Map();
  }

  intern<T extends object>(resource: T): T {
    const text = JSON.stringify(resource);
    const known = this.#current.get(text) ?? this.#previous.get(text) ?? resource;
    this.#current.set(text, known);
    if (!this.#hashes.has(known)) this.#hashes.set(known, digest([text]));
    // Equal JSON of model objects is equal content: they hold no functions, dates or cycles.
    return known as T;
  }

  /** Names the contents of interned resources: 16 hexadecimal digits. */
  versionOf(resources: readonly object[]): string {
    return digest(resources.map((resource) => this.#hashes.get(resource) ?? ""));
  }
}

function digest(parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\n");
  return hash.digest("hex").slice(0, 16);
}
