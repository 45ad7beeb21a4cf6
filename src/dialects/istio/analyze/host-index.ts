import { hostIsWithin } from "../host.ts";

/** Things that have a host, which may be a wildcard, found by a host in one step. */
export class HostIndex<T extends { readonly host: string }> {
  readonly all: readonly T[];
  readonly #byName: ReadonlyMap<string, readonly T[]>;
  readonly #wildcards: readonly T[];

  constructor(all: readonly T[]) {
    this.all = all;
    this.#byName = Map.groupBy(all, ({ host }) => host);
    this.#wildcards = all.filter(({ host }) => host.startsWith("*"));
  }

  /** Those that mean the host: exactly, else by a wildcard. */
  covering(host: string): readonly T[] {
    const wider = this.#wildcards.filter((each) => each.host !== host);
    return [
      ...(this.#byName.get(host) ?? []),
      ...wider.filter((each) => hostIsWithin(host, each.host)),
    ];
  }
}
