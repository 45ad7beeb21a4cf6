import { type Address, formatAddress, socketAddress } from "../../model/address.ts";
import type { Listener } from "../../model/listener.ts";
import type { ProxyContext } from "../cluster/upstream-cluster.ts";
import type { HeldSocket } from "../graceful/inheritance.ts";
import type { OverloadListener } from "../overload/overload.ts";
import { ALONE, type Binding, BoundSocket, type IsShort } from "./bound-socket.ts";
import { type CompiledListener, ProxyListener } from "./listener.ts";

/** How long connections of a listener that is gone may go on (Envoy: --drain-time-s). */
const DRAIN_MS = 600_000;

/** Listeners whose addresses are bound, and which serve nothing yet. */
export interface PreparedListeners {
  /** Where they will listen, by name. */
  readonly addresses: ReadonlyMap<string, Address>;
  commit(): void;
  /** Gives back what was bound for them; instead of `commit`. */
  abandon(): void;
}

/** How clients are told to go elsewhere. */
export interface Discouraging {
  /** Only those whose `traffic_direction` is INBOUND. */
  readonly inboundOnly: boolean;
  /** So long a client that is idle may still send a request that is on its way. */
  readonly patienceMs: number;
}

/** All listeners of a proxy, by name. */
export class ListenerSet implements OverloadListener {
  readonly #context: ProxyContext;
  readonly #retired = new Set<ProxyListener>();
  /** False while connections are left waiting. */
  #accepting = true;
  #discouraging: Discouraging | undefined;
  /** For good: what a late configuration brings listens no more either, as Envoy has it. */
  #draining: Discouraging | undefined;
  #byName: ReadonlyMap<string, ProxyListener> = new Map();
  #byAddress: ReadonlyMap<string, ProxyListener> = new Map();
  readonly #find = (destination: Address): ProxyListener | undefined => this.find(destination);

  constructor(context: ProxyContext) {
    this.#context = context;
    context.overload.listen(this);
  }

  get listeners(): readonly ProxyListener[] {
    return [...this.#byName.values()];
  }

  /** Where they listen, by name. */
  get addresses(): ReadonlyMap<string, Address> {
    return addressesOf([this.#byName]);
  }

  /** What they listen with. */
  get held(): readonly HeldSocket[] {
    return this.listeners.flatMap(({ held }) => held);
  }

  /** Those of listeners that are gone included. */
  get connectionCount(): number {
    let count = 0;
    for (const listener of this.#byName.values()) count += listener.connectionCount;
    for (const listener of this.#retired) count += listener.connectionCount;
    return count;
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

  /**
   * Binds what these listeners need beyond the sockets of today's. Rejects with every address that
   * cannot be bound, and then nothing has changed; else `commit` puts them to work.
   */
  async prepare(
    compiled: readonly CompiledListener[],
    binding: Binding = ALONE,
  ): Promise<PreparedListeners> {
    const kept = new Map<string, ProxyListener>();
    for (const { config } of compiled) {
      const old = this.#byName.get(config.name);
      if (old !== undefined && keepsSocket(old.config, config)) kept.set(config.name, old);
    }
    const going = this.listeners.filter((listener) => kept.get(listener.config.name) !== listener);
    const spare = new Map(going.map((listener) => [addressOf(listener), listener]));
    const sources = new Map<string, ProxyListener | BoundSocket>();
    const wanting: Listener[] = [];
    for (const { config } of compiled) {
      if (kept.has(config.name) || !binds(config, binding)) continue;
      const address = formatAddress(config.address);
      const old = spare.get(address);
      if (old?.boundAddress === undefined) wanting.push(config);
      else sources.set(config.name, old);
      spare.delete(address);
    }
    const fresh = await bindAll(wanting, binding, (socket) =>
      this.#context.overload.isShort(socket),
    );
    for (const [name, socket] of fresh) sources.set(name, socket);
    return {
      addresses: addressesOf([kept, sources]),
      commit: () => this.#commit(compiled, kept, going, sources),
      abandon: () => {
        for (const socket of fresh.values()) socket.close();
      },
    };
  }

  #commit(
    compiled: readonly CompiledListener[],
    kept: ReadonlyMap<string, ProxyListener>,
    going: readonly ProxyListener[],
    sources: ReadonlyMap<string, ProxyListener | BoundSocket>,
  ): void {
    const next = compiled.map((each) => {
      const old = kept.get(each.config.name);
      old?.change(each);
      return old ?? new ProxyListener(each, this.#context, this.#find);
    });
    this.#byName = new Map(next.map((listener) => [listener.config.name, listener]));
    this.#byAddress = new Map(next.map((listener) => [addressOf(listener), listener]));
    for (const listener of next) {
      const source = sources.get(listener.config.name);
      const socket = source instanceof ProxyListener ? source.release() : source;
      if (socket !== undefined) listener.open(socket);
    }
    for (const listener of next) this.#instruct(listener);
    for (const gone of going) this.#retire(gone);
  }

  /** What holds for all listeners holds for those that are new. */
  #instruct(listener: ProxyListener): void {
    if (!this.#accepting) listener.accepting = false;
    const discouraging = this.#discouraging;
    if (discouraging !== undefined && concerns(discouraging, listener)) {
      listener.discourage(discouraging.patienceMs);
    }
    const draining = this.#draining;
    if (draining !== undefined && concerns(draining, listener)) listener.drain(draining.patienceMs);
  }

  /** What it still serves may take a while, but not for ever. */
  #retire(listener: ProxyListener): void {
    listener.drain();
    this.#retired.add(listener);
    this.#context.clock.after(DRAIN_MS, () => {
      this.#retired.delete(listener);
      listener.destroy();
    });
  }

  /** They go on accepting, and tell clients to go elsewhere; undefined: no more. */
  discourage(discouraging: Discouraging | undefined): void {
    const before = this.#discouraging;
    this.#discouraging = discouraging;
    for (const listener of this.listeners) {
      if (discouraging !== undefined) this.#instruct(listener);
      else if (before !== undefined) listener.discourage(undefined);
    }
  }

  /** They accept nothing new; see `ProxyListener.drain`. */
  drain(draining: Discouraging): void {
    this.#draining = draining;
    for (const listener of this.listeners) {
      if (concerns(draining, listener)) listener.drain(draining.patienceMs);
    }
  }

  onAccepting(accepting: boolean): void {
    this.#accepting = accepting;
    for (const listener of this.listeners) listener.accepting = accepting;
  }

  onIdleTimeouts(): void {
    for (const listener of this.listeners) listener.onIdleTimeouts();
  }

  destroy(): void {
    for (const listener of this.listeners) listener.destroy();
    for (const listener of this.#retired) listener.destroy();
    this.#retired.clear();
  }
}

function concerns({ inboundOnly }: Discouraging, { config }: ProxyListener): boolean {
  return !inboundOnly || config.direction === "inbound";
}

function keepsSocket(a: Listener, b: Listener): boolean {
  return a.bindToPort === b.bindToPort && formatAddress(a.address) === formatAddress(b.address);
}

function addressOf(listener: ProxyListener): string {
  return formatAddress(listener.config.address);
}

function binds({ bindToPort, address }: Listener, { paths }: Binding): boolean {
  return bindToPort && (paths || address.kind !== "pipe");
}

function addressesOf(
  sources: readonly ReadonlyMap<string, ProxyListener | BoundSocket>[],
): ReadonlyMap<string, Address> {
  const addresses = new Map<string, Address>();
  for (const [name, source] of sources.flatMap((each) => [...each])) {
    const address = source instanceof ProxyListener ? source.boundAddress : source.address;
    if (address !== undefined) addresses.set(name, address);
  }
  return addresses;
}

/** The configured address, with the port that was chosen before where any will do. */
function wantedAddress({ address, name }: Listener, { ports }: Binding): Address {
  if (address.kind === "pipe" || address.port !== 0) return address;
  return socketAddress(address.host, ports.get(name) ?? 0);
}

/** All or none, by the listeners' names. */
async function bindAll(
  configs: readonly Listener[],
  binding: Binding,
  isShort: IsShort,
): Promise<ReadonlyMap<string, BoundSocket>> {
  const bound = new Map<string, BoundSocket>();
  const failures: string[] = [];
  await Promise.all(
    configs.map(async (config) => {
      const { name } = config;
      try {
        bound.set(name, await BoundSocket.bind(wantedAddress(config, binding), binding, isShort));
      } catch (error) {
        failures.push(`listener ${name}: ${error instanceof Error ? error.message : error}`);
      }
    }),
  );
  if (failures.length === 0) return bound;
  for (const socket of bound.values()) socket.close();
  throw new Error(failures.sort().join("; "));
}
