/** Two proxies with mTLS between them, of either kind, as they stand beside two apps. */
import fs from "node:fs";
import path from "node:path";
import { ProxyUnderTest } from "./differential.ts";
import { freePort } from "./envoy-process.ts";
import { inboundFile, outboundFile, type PortsBehind } from "./pair-config.ts";

/** `outrigger alone`: with carrying off. */
export type PairMember = "envoy" | "outrigger" | "outrigger alone";

function kindOf(member: PairMember): "envoy" | "outrigger" {
  return member === "envoy" ? "envoy" : "outrigger";
}

/** The second of two: several pairs may share it. */
export class Inbound {
  readonly ports: PortsBehind;
  readonly #proxy: ProxyUnderTest;

  private constructor(ports: PortsBehind, proxy: ProxyUnderTest) {
    this.ports = ports;
    this.#proxy = proxy;
  }

  static async start(member: PairMember, folder: string, origins: PortsBehind): Promise<Inbound> {
    const ports = { b: await freePort(), script: await freePort() };
    const listen = { a: "$PORT", ...ports };
    const carries = member !== "outrigger alone";
    const file = inboundFile({ folder, carries, listen, origins });
    const proxy = await ProxyUnderTest.start(kindOf(member), file, {});
    return new Inbound({ a: proxy.port, ...ports }, proxy);
  }

  stop(): Promise<void> {
    return this.#proxy.stop();
  }
}

/** What a pair is asked through. */
export class Pair {
  readonly outbound: ProxyUnderTest;
  readonly #log: string;
  #stopped = false;

  private constructor(outbound: ProxyUnderTest, log: string) {
    this.outbound = outbound;
    this.#log = log;
  }

  /** `text`: as for one proxy; `$ORIGIN_<name>` is now where the inbound one listens. */
  static async start(
    member: PairMember,
    inbound: Inbound,
    text: string,
    folder: string,
  ): Promise<Pair> {
    const log = path.join(folder, `${await freePort()}.log`);
    const file = outboundFile(text, { folder, carries: member !== "outrigger alone", log });
    const { a, b, script } = inbound.ports;
    const ports = { ORIGIN_a: a, ORIGIN_b: b, ORIGIN_script: script, REFUSED: await freePort() };
    return new Pair(await ProxyUnderTest.start(kindOf(member), file, ports), log);
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.outbound.stop();
  }

  /** One line for each request that has a cluster: that, flags, status and method. */
  async stopAndLog(): Promise<string[]> {
    await this.stop();
    return fs
      .readFileSync(this.#log, "utf8")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("- "));
  }
}
