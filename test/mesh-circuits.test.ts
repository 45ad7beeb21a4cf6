/** Proxies' streams of circuits and the control plane's service, with real gRPC between them. */
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { expect, it, onTestFinished } from "vitest";
import { VirtualClock } from "../src/base/clock.ts";
import { SeededRandom } from "../src/base/random.ts";
import { CircuitService } from "../src/control/circuits/circuit-service.ts";
import { servePlain } from "../src/control/server/ads-server.ts";
import { AdsService } from "../src/control/server/ads-service.ts";
import { formatAddress, socketAddress } from "../src/model/address.ts";
import { CIRCUIT_DEFAULTS } from "../src/model/resilience/circuit-bounds.ts";
import type { CircuitBreaker } from "../src/model/resilience/circuit-breaker.ts";
import { CircuitStream } from "../src/proxy/circuit/mesh/circuit-stream.ts";
import type {
  CircuitNews,
  MeshCircuitKey,
  MeshCircuits,
} from "../src/proxy/circuit/mesh/mesh-circuits.ts";
import { edsCluster, oneClusterSnapshot } from "./support/sample-snapshot.ts";
import { SettableSource } from "./support/settable-source.ts";

const KEY = { circuit: "default/ratings", place: "ratings" };
const CIRCUIT: CircuitBreaker = { ...CIRCUIT_DEFAULTS, name: KEY.circuit, scope: "mesh" };

/** One proxy's circuits, which a test changes and which remember what they were told. */
class ToldCircuits implements MeshCircuits {
  readonly any = true;
  readonly told: string[] = [];
  open: readonly CircuitNews[] = [];
  #news: CircuitNews[] = [];
  #wake: () => void = () => undefined;

  change(state: CircuitNews["state"]): void {
    this.#news.push({ ...KEY, state });
  }

  news(): readonly CircuitNews[] {
    return this.#news.splice(0);
  }

  openByItself(): readonly CircuitNews[] {
    return this.open;
  }

  openFor(key: MeshCircuitKey, remainingMs: number): void {
    this.#tell(`${key.circuit} at ${key.place} is open for ${remainingMs} ms`);
  }

  close(key: MeshCircuitKey): void {
    this.#tell(`${key.circuit} at ${key.place} is closed`);
  }

  /** Resolves when so much has been told. */
  async heard(count: number): Promise<readonly string[]> {
    while (this.told.length < count) await new Promise<void>((wake) => (this.#wake = wake));
    return this.told;
  }

  #tell(what: string): void {
    this.told.push(what);
    this.#wake();
  }
}

class Mesh {
  readonly clock: VirtualClock = new VirtualClock();
  readonly #url: string;

  private constructor(url: string) {
    this.#url = url;
  }

  static async start(clock: VirtualClock): Promise<Mesh> {
    const source = new SettableSource();
    const snapshot = oneClusterSnapshot("1", 80, "ratings", [9001]);
    source.set({ ...snapshot, clusters: [{ ...edsCluster("ratings"), circuit: CIRCUIT }] });
    const circuits = new CircuitService({ source, clock });
    const ads = new AdsService({ source, clock });
    const server = await servePlain(ads, socketAddress("127.0.0.1", 0), [circuits]);
    onTestFinished(() => server.stop());
    return new Mesh(`http://${formatAddress(server.address)}`);
  }

  /** A proxy with its stream, which the first look opens. */
  proxy(id: string, open: readonly CircuitNews[] = []): ToldCircuits {
    const circuits = new ToldCircuits();
    circuits.open = open;
    const sessionManager = new Http2SessionManager(this.#url);
    const node = { id, cluster: "", metadata: {}, userAgentName: "outrigger" };
    const random = new SeededRandom(1);
    const stream = new CircuitStream({ node, clock: this.clock, random, circuits });
    stream.connected(createGrpcTransport({ baseUrl: this.#url, sessionManager }));
    onTestFinished(() => {
      stream.disconnected();
      sessionManager.abort();
    });
    this.look();
    return circuits;
  }

  /** All proxies look at their circuits. */
  look(): void {
    this.clock.advance(100);
  }
}

it("what one proxy finds out the others do, and whoever comes later", async () => {
  const mesh = await Mesh.start(new VirtualClock());
  const [first, second] = [mesh.proxy("first"), mesh.proxy("second")];
  first.change("open");
  mesh.look();
  const open = "default/ratings at ratings is open for 5000 ms";
  expect(await second.heard(1)).toEqual([open]);
  const third = mesh.proxy("third");
  expect(await third.heard(1)).toEqual([open]);
  second.change("closed");
  mesh.look();
  expect(await first.heard(1)).toEqual(["default/ratings at ratings is closed"]);
  expect(await third.heard(2)).toEqual([open, "default/ratings at ratings is closed"]);
  expect(second.told).toEqual([open]);
});

it("a control plane that comes anew hears of what is open", async () => {
  const mesh = await Mesh.start(new VirtualClock());
  const second = mesh.proxy("second");
  mesh.proxy("first", [{ ...KEY, state: "open" }]);
  expect(await second.heard(1)).toEqual(["default/ratings at ratings is open for 5000 ms"]);
});
