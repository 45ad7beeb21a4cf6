import type { ProxyConfig } from "../../model/bootstrap.ts";
import type { ClusterLoadAssignment, Endpoint, LocalityEndpoints } from "../../model/endpoint.ts";
import { keyOf } from "./config-sender.ts";
import type { ConfigNames, ConfigPiece, MoreEndpoints, ResourceList } from "./message.ts";

type Resource = ProxyConfig[ResourceList][number];
type Store = Record<ResourceList, Map<string, Resource>>;

/** A configuration put together again from its pieces. What did not change stays one object. */
export class ConfigReceiver {
  #current = emptyStore();
  #next = emptyStore();

  take(piece: ConfigPiece): void {
    if (piece.kind === "endpoints") this.#append(piece);
    else for (const each of piece.resources) this.#next[piece.list].set(keyOf(each), each);
  }

  /** The configuration of these names, out of what has come now and before. */
  config(names: ConfigNames): ProxyConfig {
    const resources = <L extends ResourceList>(list: L): ProxyConfig[L] => {
      const found = names[list].map((name) => {
        return this.#next[list].get(name) ?? this.#current[list].get(name);
      });
      return found.filter((each) => each !== undefined) as unknown as ProxyConfig[L];
    };
    return {
      clusters: resources("clusters"),
      endpoints: resources("endpoints"),
      listeners: resources("listeners"),
      routes: resources("routes"),
    };
  }

  /** This is what is served now. */
  commit(config: ProxyConfig): void {
    this.#current = emptyStore();
    this.#next = emptyStore();
    for (const list of Object.keys(this.#current) as ResourceList[]) {
      for (const each of config[list]) this.#current[list].set(keyOf(each), each);
    }
  }

  /** What has come since the last commit is not wanted. */
  abandon(): void {
    this.#next = emptyStore();
  }

  #append({ clusterName, locality, endpoints }: MoreEndpoints): void {
    const assignment = this.#next.endpoints.get(clusterName) as ClusterLoadAssignment | undefined;
    const known: LocalityEndpoints | undefined = assignment?.localities[locality];
    // A copy that nobody else has seen yet: it may still grow.
    (known?.endpoints as Endpoint[] | undefined)?.push(...endpoints);
  }
}

function emptyStore(): Store {
  return { clusters: new Map(), endpoints: new Map(), listeners: new Map(), routes: new Map() };
}
