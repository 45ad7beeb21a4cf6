/** An origin that writes all it executes into a ledger; HTTP/1.1, HTTP/2, gRPC, WebSocket, TCP. */
import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { SeededRandom } from "../../../../src/base/random.ts";
import type { Ledger } from "../ledger.ts";
import { type Failure, type FailureMode, Failures } from "./failure.ts";
import { http1Server } from "./http1.ts";
import { http2Server } from "./http2.ts";
import { type Capacity, type Latency, Pace } from "./pace.ts";
import { tcpServer } from "./tcp.ts";

export interface OriginOptions {
  /** One book may serve several origins. */
  readonly ledger: Ledger;
  readonly name?: string;
  readonly host?: string;
  readonly latency?: Latency;
  /** Without it as many at once as come. */
  readonly capacity?: Capacity;
  readonly failures?: readonly Failure[];
  readonly seed?: number;
  /** Where it listens; 0, and so any, without. */
  readonly ports?: Partial<OriginPorts>;
}

export interface OriginPorts {
  /** HTTP/1.1 and WebSocket. */
  readonly http1: number;
  /** HTTP/2 without TLS, and gRPC. */
  readonly http2: number;
  readonly tcp: number;
}

type Door = keyof OriginPorts;
const DOORS: readonly Door[] = ["http1", "http2", "tcp"];

/** What a protocol's server asks of its origin. */
export interface OriginWork {
  readonly name: string;
  /** How the next request shall fail; asked once a request, before it is executed. */
  nextFailure(): FailureMode | undefined;
  /** Writes a whole request down, and takes as long as the origin takes. */
  execute(id: string, bodyHash: string): Promise<void>;
  answered(id: string): void;
}

export class LedgerOrigin {
  readonly name: string;
  readonly #options: OriginOptions;
  readonly #pace: Pace;
  readonly #failures: Failures;
  readonly #servers = new Map<Door, Server>();
  readonly #sockets = new Set<Socket>();
  readonly #ports: Record<Door, number>;

  private constructor(options: OriginOptions) {
    const { name = "origin", latency = { kind: "none" }, capacity, failures = [] } = options;
    this.name = name;
    this.#options = options;
    this.#pace = new Pace(latency, capacity, new SeededRandom(options.seed ?? 1));
    this.#failures = new Failures(failures);
    this.#ports = { http1: 0, http2: 0, tcp: 0, ...options.ports };
  }

  /** Listens; `stop` it. */
  static async start(options: OriginOptions): Promise<LedgerOrigin> {
    const origin = new LedgerOrigin(options);
    await origin.revive();
    return origin;
  }

  get ports(): OriginPorts {
    return this.#ports;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** The most requests that were served at once. */
  get mostAtOnce(): number {
    return this.#pace.mostAtOnce;
  }

  /** From now on. */
  fail(failures: readonly Failure[]): void {
    this.#failures.set(failures);
  }

  /** FIN on all connections, busy or not, as one that closes what has been idle. */
  closeConnections(): void {
    for (const socket of this.#sockets) socket.end();
  }

  /** As a process that is killed: nobody listens any more, and all connections are reset. */
  async kill(): Promise<void> {
    const closed = [...this.#servers.values()].map((server) => {
      const end = once(server, "close");
      server.close();
      return end;
    });
    this.#servers.clear();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await Promise.all(closed);
  }

  /** Listens again where it did before. */
  async revive(): Promise<void> {
    for (const door of DOORS) {
      const server = this.#server(door);
      server.on("connection", (socket: Socket) => this.#track(socket));
      server.listen(this.#ports[door], this.#options.host ?? "127.0.0.1");
      await once(server, "listening");
      this.#ports[door] = (server.address() as AddressInfo).port;
      this.#servers.set(door, server);
    }
  }

  stop(): Promise<void> {
    return this.kill();
  }

  #server(door: Door): Server {
    const { ledger } = this.#options;
    const work: OriginWork = {
      name: this.name,
      nextFailure: () => this.#failures.next(),
      execute: (id, bodyHash) => {
        ledger.executes(id, this.name, bodyHash);
        return this.#pace.serve();
      },
      answered: (id) => ledger.answers(id),
    };
    if (door === "http1") return http1Server(work);
    return door === "http2" ? http2Server(work) : tcpServer(work);
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => this.#sockets.delete(socket));
  }
}
