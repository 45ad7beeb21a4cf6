import type { JwksSource, RemoteJwks } from "../../../../model/filter/jwt-authn.ts";
import type { Listener } from "../../../../model/listener.ts";
import type { ClusterSlot } from "../../../cluster/cluster-slot.ts";
import type { ProxyContext } from "../../../cluster/upstream-cluster.ts";
import { loadJose } from "./jose.ts";
import { type KeySource, LocalKeys } from "./key-source.ts";
import { RemoteKeys } from "./remote-keys.ts";

/** What remote keys need of the program around them. */
export interface KeyScope {
  readonly context: ProxyContext;
  readonly slotOf: (cluster: string) => ClusterSlot;
}

/**
 * The keys of all providers. Remote ones go on from one configuration to the next, and are shared
 * by the listeners of one `stat_prefix`.
 */
export class JwtKeys {
  readonly #scope: KeyScope;
  readonly #remote = new Map<string, RemoteKeys>();

  constructor(scope: KeyScope) {
    this.#scope = scope;
  }

  /** Throws an Error where a file cannot be read. */
  of(source: JwksSource, statPrefix: string): KeySource {
    // By the time of the first request it is there.
    void loadJose();
    if (source.kind !== "remote") return new LocalKeys(source);
    const key = keyOf(source, statPrefix);
    let keys = this.#remote.get(key);
    if (keys === undefined) {
      const { context, slotOf } = this.#scope;
      const { clock, random, telemetry } = context;
      const scope = { clock, random, slot: slotOf(source.cluster) };
      keys = new RemoteKeys(source, scope, telemetry.jwt(statPrefix));
      this.#remote.set(key, keys);
    }
    return keys;
  }

  /** These listeners serve from now on: others' keys are forgotten, theirs are fetched. */
  retain(listeners: readonly Listener[]): void {
    if (this.#remote.size === 0) return;
    const used = new Set(listeners.flatMap(keysOfListener));
    for (const [key, keys] of this.#remote) {
      if (used.has(key)) {
        keys.start();
        continue;
      }
      keys.stop();
      this.#remote.delete(key);
    }
  }
}

function keyOf(source: RemoteJwks, statPrefix: string): string {
  return JSON.stringify([statPrefix, source]);
}

function keysOfListener({ defaultFilterChain, filterChains }: Listener): string[] {
  const chains = defaultFilterChain === undefined ? [] : [defaultFilterChain];
  return [...filterChains, ...chains].flatMap(({ filter }) => {
    if (filter.kind !== "http") return [];
    return filter.httpFilters.flatMap((one) => {
      if (one.kind !== "jwtAuthn") return [];
      return one.authn.providers.flatMap(({ jwks }) =>
        jwks.kind === "remote" ? [keyOf(jwks, filter.statPrefix)] : [],
      );
    });
  });
}
