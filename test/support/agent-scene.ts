/** An agent on virtual time, and an authority without a network between. */
import { X509Certificate } from "node:crypto";
import { Agent, type AgentOptions } from "../../src/agent/agent.ts";
import type {
  BundleEvents,
  OpenBundleStream,
  ShownIdentity,
} from "../../src/agent/bundle/bundle-stream.ts";
import { type AskCertificate, Refused } from "../../src/agent/issuance/certificate-client.ts";
import { VirtualClock } from "../../src/base/clock.ts";
import { SeededRandom } from "../../src/base/random.ts";
import { Registry } from "../../src/metrics/registry.ts";
import { renderPrometheus } from "../../src/metrics/text-format.ts";
import { socketAddress } from "../../src/model/address.ts";
import type { Secret } from "../../src/model/transport/secret.ts";
import { TinyAuthority } from "./tiny-authority.ts";

export const HOUR_MS = 3_600_000;
/** Between a question's promise and whoever waits for what comes of it. */
const TURNS = 20;

export interface OpenedBundle {
  readonly shown: ShownIdentity;
  readonly events: BundleEvents;
  closed: boolean;
}

export class AgentScene {
  readonly clock: VirtualClock;
  readonly authority: TinyAuthority;
  /** Of the agents that are made from now on. */
  registry: Registry = new Registry();
  notices: string[] = [];
  /** Each is shown once. */
  tokens: string[] = ["first token"];
  /** Streams of trust bundles that agents have opened, in order. */
  readonly bundles: OpenedBundle[] = [];
  readonly #agents: Agent[] = [];
  /** Settles when the questions asked so far have been answered. */
  #answered: Promise<unknown> = Promise.resolve();

  private constructor(clock: VirtualClock, authority: TinyAuthority) {
    this.clock = clock;
    this.authority = authority;
  }

  static async open(): Promise<AgentScene> {
    // A whole second, as certificates have them: whatever the hour, the same things happen.
    const clock = new VirtualClock(Math.floor(Date.now() / 1000) * 1000);
    return new AgentScene(clock, await TinyAuthority.create(() => clock.wall()));
  }

  close(): void {
    for (const agent of this.#agents) agent.stop();
  }

  agentOf(options: Partial<AgentOptions> = {}): Agent {
    const agent = new Agent({
      authority: { address: socketAddress("127.0.0.1", 1), name: undefined },
      roots: { kind: "text", pem: this.authority.bundle },
      readToken: () => this.tokens.shift(),
      registry: this.registry,
      clock: this.clock,
      random: new SeededRandom(1),
      onNotice: (notice) => this.notices.push(notice),
      ask: this.#ask,
      openBundle: this.#openBundle,
      ...options,
    });
    this.#agents.push(agent);
    return agent;
  }

  async started(options: Partial<AgentOptions> = {}): Promise<Agent> {
    const agent = this.agentOf(options);
    agent.start();
    await this.settle();
    return agent;
  }

  /** Moves on as a machine would: what was asked is answered before more time passes. */
  async pass(durationMs: number, stepMs: number = durationMs / 50): Promise<void> {
    for (let passed = 0; passed < durationMs; passed += stepMs) {
      this.clock.advance(stepMs);
      await this.settle();
    }
  }

  async settle(): Promise<void> {
    await this.#answered;
    for (let turn = 0; turn < TURNS; turn++) await Promise.resolve();
  }

  /** The first series whose name begins so. */
  metric(name: string): number {
    const lines = [...renderPrometheus(this.registry)].join("").split("\n");
    const line = lines.find((each) => each.startsWith(name));
    return Number(line?.split(" ").at(-1));
  }

  readonly #openBundle: OpenBundleStream = (shown, events) => {
    const opened = { shown, events, closed: false };
    this.bundles.push(opened);
    return {
      close: () => {
        opened.closed = true;
      },
    };
  };

  /** The authority's refusals as the client tells them. */
  readonly #ask: AskCertificate = async ({ csr, lifetimeMs, credential }) => {
    const { kind } = credential;
    const token = kind === "token" ? credential.token : "";
    const clientSerial =
      kind === "certificate" ? new X509Certificate(credential.chain).serialNumber : "";
    const answer = this.authority.answer(csr, lifetimeMs / 1000, { token, clientSerial });
    this.#answered = answer.catch(() => undefined);
    try {
      return await answer;
    } catch (error) {
      const { rawMessage } = error as { rawMessage: string };
      throw rawMessage === "who are you?" ? new Refused(rawMessage) : new Error(rawMessage);
    }
  };
}

/** The leaf that an agent holds. */
export function leafOf(agent: Agent): X509Certificate | undefined {
  const { held } = agent;
  return held === undefined ? undefined : new X509Certificate(held.chain);
}

/** How many roots are in a secret. */
export function rootsIn(secret: Secret | undefined): number {
  if (secret?.kind !== "validation") return 0;
  const { trustedCa } = secret.validation;
  return trustedCa?.kind === "inline" ? trustedCa.text.split("BEGIN CERTIFICATE").length - 1 : 0;
}
