/** Raw TCP through one proxy and through another: who got it, what came, how it ended. */
import { once } from "node:events";
import fs from "node:fs";
import net, { type Socket } from "node:net";
import { ProxyUnderTest } from "./differential.ts";
import { freePort } from "./envoy-process.ts";

/** Far more than anything here takes; what is expected not to come is not waited for. */
const PATIENCE_MS = 30_000;

/** One end of a connection, as a script sees it. */
export class RawPeer {
  readonly socket: Socket;
  #bytes = "";
  #over: "end" | "reset" | undefined;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => {
      this.#bytes += bytes.toString("latin1");
      this.#wake();
    });
    socket.on("end", () => this.#end("end"));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.#end(error.code === "ECONNRESET" ? "reset" : "end");
    });
    socket.on("close", () => this.#end("end"));
  }

  /** The other side has ended or reset it. */
  get isOver(): boolean {
    return this.#over !== undefined;
  }

  sends(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  /** Each byte in a piece of its own. */
  async sendsSlowly(bytes: string): Promise<void> {
    for (const byte of bytes) {
      this.sends(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** So many bytes, or all until the end; fails where neither comes. */
  async receives(count: number): Promise<string> {
    await this.#until(() => this.#bytes.length >= count || this.#over !== undefined);
    const taken = this.#bytes.slice(0, count);
    this.#bytes = this.#bytes.slice(count);
    return taken;
  }

  /** How the other side ends: what came before and was not taken, and `end` or `reset`. */
  async ends(): Promise<string> {
    await this.#until(() => this.#over !== undefined);
    return `${this.#bytes} ${this.#over}`.trim();
  }

  /** As `ends`, where it does not matter how. */
  async goes(): Promise<string> {
    await this.ends();
    return "gone";
  }

  async #until(holds: () => boolean): Promise<void> {
    const endMs = performance.now() + PATIENCE_MS;
    const timer = setTimeout(() => this.#wake(), PATIENCE_MS);
    while (!holds()) {
      if (performance.now() >= endMs) throw new Error(`nothing came behind ${this.#bytes}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    clearTimeout(timer);
  }

  #end(how: "end" | "reset"): void {
    this.#over ??= how;
    this.#wake();
  }
}

/** Origins that the test plays; what they accept comes in one row. */
export class RawOrigins {
  readonly #servers = new Map<string, net.Server>();
  readonly #accepted: { readonly name: string; readonly peer: RawPeer }[] = [];
  #wake: () => void = () => undefined;

  static async start(names: readonly string[]): Promise<RawOrigins> {
    const origins = new RawOrigins();
    for (const name of names) {
      const server = net.createServer({ allowHalfOpen: true }, (socket) => {
        origins.#accepted.push({ name, peer: new RawPeer(socket) });
        origins.#wake();
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      origins.#servers.set(name, server);
    }
    return origins;
  }

  get ports(): Record<string, number> {
    const entries = [...this.#servers].map(([name, server]) => {
      return [name, (server.address() as net.AddressInfo).port] as const;
    });
    return Object.fromEntries(entries);
  }

  /** The next connection, and which origin got it. */
  async next(): Promise<{ readonly name: string; readonly peer: RawPeer }> {
    for (;;) {
      const next = this.#accepted.shift();
      if (next !== undefined) return next;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Connections that nobody has asked for. */
  get left(): number {
    return this.#accepted.length;
  }

  stop(): void {
    for (const server of this.#servers.values()) server.close();
    for (const { peer } of this.#accepted) peer.socket.destroy();
  }
}

/** One proxy on the file under test, its listeners by their names in the file. */
export class RawProxy {
  readonly #proxy: ProxyUnderTest;
  readonly #ports: Readonly<Record<string, number>>;
  readonly #log: string;
  readonly origins: RawOrigins;

  private constructor(
    proxy: ProxyUnderTest,
    ports: Readonly<Record<string, number>>,
    log: string,
    origins: RawOrigins,
  ) {
    this.#proxy = proxy;
    this.#ports = ports;
    this.#log = log;
    this.origins = origins;
  }

  /** `yaml`: a listener's port is its name in capitals; `log`: where `$LOG` goes. */
  static async start(
    kind: "envoy" | "outrigger",
    yaml: string,
    origins: RawOrigins,
    log: string,
  ): Promise<RawProxy> {
    const known = new Set([...Object.keys(origins.ports), "PORT", "ADMIN", "LOG"]);
    const names = [...yaml.matchAll(/port_value: \$([A-Z]+)/g)].map(([, name = ""]) => name);
    const ports: Record<string, number> = {};
    for (const name of names) if (!known.has(name)) ports[name] = await freePort();
    fs.writeFileSync(log, "");
    const filled = yaml.replaceAll("$LOG", log);
    const proxy = await ProxyUnderTest.start(kind, filled, { ...origins.ports, ...ports });
    return new RawProxy(proxy, ports, log, origins);
  }

  port(listener: string): number {
    const port = this.#ports[listener.toUpperCase()];
    if (port === undefined) throw new Error(`no listener ${listener}`);
    return port;
  }

  /** `from`: an address of this machine. */
  async client(listener: string, from = "127.0.0.1"): Promise<RawPeer> {
    const port = this.port(listener);
    const socket = net.connect({
      port,
      host: "127.0.0.1",
      localAddress: from,
      allowHalfOpen: true,
    });
    await once(socket, "connect");
    return new RawPeer(socket);
  }

  /** Counters, with listeners' names for their ports. */
  async stats(pattern: RegExp): Promise<Record<string, number>> {
    const stats = await this.#proxy.stats(/./);
    const named = Object.entries(stats).map(([name, value]) => [this.#named(name), value] as const);
    return Object.fromEntries(named.filter(([name]) => pattern.test(name)).sort());
  }

  /** Stops, and gives all lines that were logged. */
  async stop(): Promise<readonly string[]> {
    await this.#proxy.stop();
    return fs.readFileSync(this.#log, "utf8").split("\n").sort();
  }

  #named(stat: string): string {
    const entry = Object.entries(this.#ports).find(([, port]) => stat.includes(`_${port}.`));
    return entry === undefined ? stat : stat.replace(`_${entry[1]}.`, `_${entry[0]}.`);
  }
}
