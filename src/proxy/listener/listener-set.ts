import { type Address, formatAddress, socketAddress } from "../../model/address.ts";
import type { Listener } from "../../model/listener.ts";
import type { ProxyContext } from "../cluster/upstream-cluster.ts";
import type { ChainSet } from "./filter-chain.ts";
import { ProxyListener } from "./listener.ts";

/** A listener's configuration with its compiled chains. */
export interface CompiledListener {
  readonly config: Listener;
  readonly chains: ChainSet;
}

/** All listeners of a proxy, by name. */
export class ListenerSet {
  readonly #context: ProxyContext;
  #byName = new Map<string, ProxyListener>();
  #byAddress = new Map<string, ProxyListener>();
  readonly #find = (destination: Address): ProxyListener | undefined => this.find(destination);

  constructor(context: ProxyContext) {
    this.#context = context;
  }

  get listeners(): readonly ProxyListener[] {
    return [...this.#byName.values()];
  }

  get(name: string): ProxyListener | undefined {
    return this.#byName.get(name);
  }

  /**
   * Whose connection it is that wanted to reach this address: the listener of exactly that
   * address, else that of any address and the port (Envoy: use_original_dst), else the one that
   * takes what is left.
   */
  find(destination: Address): ProxyListener | undefined {
    if (destination.kind === "pipe") return undefined;
    const { host, port } = destination;
    const any = host.includes(":") ? socketAddress("::", port) : socketAddress("0.0.0.0", port);
    return (
      this.#byAddress.get(formatAddress(destination)) ??
      this.#byAddress.get(formatAddress(any)) ??
      this.listeners.find(({ config }) => config.useOriginalDst && config.direction === "outbound")
    );
  }

  /** The listeners are now these. Resolves when all are bound; rejects with the first failure. */
  async apply(compiled: readonly CompiledListener[]): Promise<void> {
    const before = this.#byName;
    const next = new Map<string, ProxyListener>();
    const fresh: ProxyListener[] = [];
    for (const { config, chains } of compiled) {
      const old = before.get(config.name);
      if (old !== undefined && keepsSocket(old.config, config)) {
        old.change(config, chains);
        next.set(config.name, old);
        before.delete(config.name);
        continue;
      }
      const listener = new ProxyListener(config, chains, this.#context, this.#find);
      next.set(config.name, listener);
      if (config.bindToPort) fresh.push(listener);
    }
    for (const gone of before.values()) gone.drain();
    this.#byName = next;
    this.#byAddress = new Map(
      [...next.values()].map((listener) => [formatAddress(listener.config.address), listener]),
    );
    await Promise.all(fresh.map((listener) => listener.bind()));
  }

  drain(): void {
    for (const listener of this.listeners) listener.drain();
  }

  destroy(): void {
    for (const listener of this.listeners) listener.destroy();
  }
}

function keepsSocket(a: Listener, b: Listener): boolean {
  return a.bindToPort === b.bindToPort && formatAddress(a.address) === formatAddress(b.address);
}
