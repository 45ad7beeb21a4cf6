import { once } from "node:events";
import { Agent, request as http1Request } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";

/** A pause between two requests of one client, so that the attack has the machine. */
const PAUSE_MS = 4;

/** What the good clients met. */
export interface GoodRequests {
  readonly sent: number;
  readonly answered: number;
  /** Of those that were answered, in milliseconds, ascending. */
  readonly latencies: readonly number[];
  readonly failures: readonly string[];
}

/** One client of HTTP/1.1 and one of HTTP/2 that ask for `/good`, one request after the other. */
export class GoodClients {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #session: ClientHttp2Session;
  readonly #running: Promise<void>[] = [];
  #goesOn = true;
  #sent = 0;
  #latencies: number[] = [];
  #failures: string[] = [];

  private constructor(port: number, session: ClientHttp2Session) {
    this.#port = port;
    this.#session = session;
    session.on("error", (error) => this.#failures.push(String(error)));
    this.#running.push(this.#ask(() => this.#http1()));
    this.#running.push(this.#ask(() => this.#http2()));
  }

  static async start(port: number): Promise<GoodClients> {
    const session = connect(`http://127.0.0.1:${port}`);
    await once(session, "connect");
    return new GoodClients(port, session);
  }

  /** What was met since the last time; requests that are on their way come into the next. */
  take(): GoodRequests {
    const latencies = this.#latencies.splice(0).sort((one, other) => one - other);
    const failures = this.#failures.splice(0);
    const sent = this.#sent;
    this.#sent = 0;
    return { sent, answered: latencies.length, latencies, failures };
  }

  /** Resolves when each of them has been answered once more. */
  async anotherRound(): Promise<void> {
    const before = this.#latencies.length;
    const failed = this.#failures.length;
    while (this.#latencies.length < before + 4 && this.#failures.length === failed) await pause();
  }

  async stop(): Promise<void> {
    this.#goesOn = false;
    await Promise.all(this.#running);
    this.#session.close();
    this.#agent.destroy();
  }

  async #ask(one: () => Promise<void>): Promise<void> {
    while (this.#goesOn) {
      const start = performance.now();
      this.#sent++;
      try {
        await one();
        this.#latencies.push(performance.now() - start);
      } catch (error) {
        this.#failures.push(String(error));
      }
      await pause();
    }
  }

  #http1(): Promise<void> {
    const options = { port: this.#port, host: "127.0.0.1", path: "/good", agent: this.#agent };
    return new Promise((resolve, reject) => {
      const request = http1Request(options, (response) => {
        response.resume();
        if (response.statusCode !== 200) reject(new Error(`HTTP/1.1: ${response.statusCode}`));
        response.on("end", resolve);
        response.on("error", reject);
      });
      request.on("error", reject);
      request.end();
    });
  }

  #http2(): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = this.#session.request({ ":path": "/good" });
      request.on("response", ({ ":status": status }) => {
        if (status !== 200) reject(new Error(`HTTP/2: ${status}`));
      });
      request.on("error", reject);
      request.on("close", resolve);
      request.resume();
      request.end();
    });
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, PAUSE_MS);
  });
}

/** The value below which so many percent of them lie; 0 where there are none. */
export function percentile(ascending: readonly number[], percent: number): number {
  const at = Math.min(ascending.length - 1, Math.floor((ascending.length * percent) / 100));
  return ascending[at] ?? 0;
}
