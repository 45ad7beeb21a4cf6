import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  X509Certificate,
} from "node:crypto";
import type { Clock, Timer } from "../base/clock.ts";
import { formatDuration } from "../base/duration.ts";
import type { Random } from "../base/random.ts";
import { makeCertificateRequest } from "../identity/issuing/certificate-request.ts";
import type { Registry } from "../metrics/registry.ts";
import { AgentMetrics } from "./agent-metrics.ts";
import { BundleFollower } from "./bundle/bundle-follower.ts";
import { bundleStreams, type OpenBundleStream } from "./bundle/bundle-stream.ts";
import type { ToldBundle } from "./bundle/told-bundle.ts";
import { type Issued, readAnswer } from "./issuance/answer.ts";
import {
  type AskCertificate,
  askAuthority,
  type CertificateAuthority,
  type Credential,
  Refused,
} from "./issuance/certificate-client.ts";
import {
  backOffMs,
  type Life,
  type Nearness,
  nearness,
  nearnessUntil,
  renewalAt,
} from "./issuance/schedule.ts";
import { type RootSource, Trust } from "./trust.ts";
import { type SecretSource, WorkloadSecrets } from "./workload-secrets.ts";

/** A certificate that one process hands to its successor: PEM, all of it. */
export interface HeldCertificate {
  readonly chain: string;
  readonly key: string;
  readonly roots: string;
}

export interface AgentOptions {
  readonly authority: CertificateAuthority;
  readonly roots: RootSource;
  /**
   * The token to show now, read anew each time; undefined: none is left. An Error that it throws
   * says, as a whole sentence, why it cannot be read.
   */
  readonly readToken: () => string | undefined;
  /** Called where the authority refuses the token, and there is no certificate to fall back on. */
  readonly onTokenRefused?: () => void;
  /** The SPIFFE ID that is expected; undefined: the authority's word is taken. */
  readonly identity?: string | undefined;
  /** Wanted; default a day. The authority may grant less. */
  readonly lifetimeMs?: number;
  /** A predecessor's certificate, instead of a first question. */
  readonly held?: HeldCertificate | undefined;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  /** Hears what a log should. Nothing secret is in it. */
  readonly onNotice: (notice: string) => void;
  /** How the authority is asked; default: over the network. */
  readonly ask?: AskCertificate;
  /** How the trust bundle is followed; default: over the network. */
  readonly openBundle?: OpenBundleStream;
}

interface Current extends Issued, Life {
  /** PEM. */
  readonly key: string;
  readonly renewAt: number;
}

/** Istio's default lifetime. */
const LIFETIME_MS = 86_400_000;
/** The machine may have slept: what the clock on the wall says is looked at this often. */
const LOOK_MS = 60_000;
/** After a change of roots, which all agents see, each asks within so long. */
const SPREAD_MS = 5000;
/** Who takes no certificate of ours, however new, is not asked for one all the time. */
const DISBELIEVED_MS = 10_000;
/** The same failure is told again after so long. */
const SAME_FAILURE_MS = 60_000;

/**
 * Keeps a workload's certificate: makes the key, asks for a certificate, asks again when half of
 * its life is over, and until it is answered keeps what it has, for ever.
 */
export class Agent {
  readonly #options: AgentOptions;
  readonly #ask: AskCertificate;
  readonly #secrets = new WorkloadSecrets();
  readonly #trust: Trust;
  readonly #metrics: AgentMetrics;
  readonly #bundles: BundleFollower;
  #current: Current | undefined;
  /** The authority did not believe the certificate: the next question shows a token. */
  #certificateRefused = false;
  #asking = false;
  /** The last question has shown that this token will never do. */
  #hopeless = false;
  #failures = 0;
  #retryAt = 0;
  #nearness: Nearness = "far";
  #told = { text: "", at: Number.NEGATIVE_INFINITY };
  #timer: Timer | undefined;
  #stopped = false;

  /** Throws an Error where the roots to begin with cannot be read. */
  constructor(options: AgentOptions) {
    const { clock, random, registry, onNotice } = options;
    this.#options = options;
    this.#ask = options.ask ?? askAuthority(options.authority, clock);
    this.#trust = new Trust({
      ...{ source: options.roots, clock, onNotice },
      onChange: () => this.#rootsChanged(),
    });
    const expiries = () => ({ certificate: this.#current?.notAfter, roots: this.#rootsEnd() });
    this.#metrics = new AgentMetrics(registry, () => clock.wall(), expiries);
    this.#bundles = new BundleFollower({
      open: options.openBundle ?? bundleStreams(options.authority, clock),
      ...{ registry, clock, random, onNotice },
      onBundle: (bundle) => this.#bundleTold(bundle),
      onRefused: () => this.#disbelieved(),
    });
  }

  /** `default` and `ROOTCA`. */
  get secrets(): SecretSource {
    return this.#secrets;
  }

  /** What a successor of this process goes on with. */
  get held(): HeldCertificate | undefined {
    if (this.#current === undefined) return undefined;
    const { chain, key } = this.#current;
    return { chain, key, roots: this.#trust.pem };
  }

  start(): void {
    this.#secrets.setTrust(this.#trust.believed);
    this.#takeOver();
    this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#trust.stop();
    this.#bundles.stop();
  }

  /** Does what is due, and sets the timer for what is due next. */
  #look(): void {
    this.#timer?.cancel();
    if (this.#stopped) return;
    const now = this.#options.clock.wall();
    if (!this.#asking && now >= this.#dueAt()) void this.#obtain();
    this.#warn(now);
    const next = Math.min(
      now + LOOK_MS,
      this.#asking ? Number.POSITIVE_INFINITY : this.#dueAt(),
      this.#current === undefined ? Number.POSITIVE_INFINITY : nearnessUntil(this.#current, now),
    );
    this.#timer = this.#options.clock.after(Math.max(1, next - now), () => this.#look());
  }

  #dueAt(): number {
    return Math.max(this.#retryAt, this.#current?.renewAt ?? 0);
  }

  // ── asking ──

  async #obtain(): Promise<void> {
    this.#asking = true;
    try {
      this.#adopt(await this.#question());
    } catch (error) {
      this.#failed(error as Error);
    }
    this.#asking = false;
    this.#look();
    if (this.#hopeless && !this.#stopped) this.#options.onTokenRefused?.();
  }

  async #question(): Promise<Current> {
    const { clock, identity, lifetimeMs = LIFETIME_MS, random } = this.#options;
    const credential = this.#credential();
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const csr = makeCertificateRequest(privateKey);
    const roots = this.#trust.pem;
    this.#metrics.requested();
    const answer = await this.#refusable(credential, { csr, lifetimeMs, credential, roots });
    const now = clock.wall();
    const expected = { publicKey, identity, trusted: this.#trust.roots, now };
    const issued = believed(() => readAnswer(answer, expected));
    const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const life = { from: now, notAfter: issued.notAfter };
    return { ...issued, ...life, key, renewAt: renewalAt(life, random) };
  }

  /** After a refusal the other kind of credential is shown. */
  async #refusable(
    { kind }: Credential,
    question: Parameters<AskCertificate>[0],
  ): Promise<readonly string[]> {
    try {
      return await this.#ask(question);
    } catch (error) {
      if (error instanceof Refused) this.#certificateRefused = kind === "certificate";
      this.#hopeless = error instanceof Refused && this.#current === undefined;
      throw error;
    }
  }

  /** The certificate while it holds, and else a token, which may be good for once only. */
  #credential(): Credential {
    const current = this.#current;
    const holds = current !== undefined && current.notAfter > this.#options.clock.wall();
    if (holds && !this.#certificateRefused) {
      return { kind: "certificate", chain: current.chain, key: current.key };
    }
    const token = this.#options.readToken();
    if (token !== undefined) return { kind: "token", token };
    this.#certificateRefused = false;
    if (holds) return { kind: "certificate", chain: current.chain, key: current.key };
    throw new Error("there is no token to ask with");
  }

  #adopt(current: Current): void {
    if (this.#stopped) return;
    const { clock, onNotice } = this.#options;
    const before = this.#current?.identity;
    this.#current = current;
    this.#failures = 0;
    this.#retryAt = 0;
    this.#certificateRefused = false;
    this.#nearness = "far";
    this.#told = { text: "", at: Number.NEGATIVE_INFINITY };
    this.#trust.learn(current.roots);
    this.#metrics.obtained(clock.wall(), current.notAfter);
    const until = `until ${new Date(current.notAfter).toISOString()}`;
    if (before === undefined) onNotice(`certificate of ${current.identity}, ${until}`);
    else if (before === current.identity) onNotice(`certificate renewed, ${until}`);
    else onNotice(`certificate of ${current.identity}, ${until}; it was ${before}`);
    // Who believes a new root first can never refuse what it signs.
    this.#secrets.setTrust(this.#trust.believed);
    this.#secrets.setCertificate(current.chain, current.key);
    this.#showForBundle();
  }

  #failed({ message }: Error): void {
    if (this.#stopped) return;
    const { clock, random } = this.#options;
    this.#metrics.failed();
    this.#failures += 1;
    const waitMs = backOffMs(this.#failures, random);
    this.#retryAt = clock.wall() + waitMs;
    const now = clock.wall();
    if (this.#told.text === message && now < this.#told.at + SAME_FAILURE_MS) return;
    this.#told = { text: message, at: now };
    const left = this.#current === undefined ? "" : `; the one in use ${this.#leftOf(now)}`;
    this.#options.onNotice(`no certificate (${message}); again in ${waitMs} ms${left}`);
  }

  // ── what is held ──

  #takeOver(): void {
    const { held, clock, random, identity, onNotice } = this.#options;
    if (held === undefined) return;
    const now = clock.wall();
    try {
      const publicKey = createPublicKey(createPrivateKey(held.key));
      const expected = { publicKey, identity, trusted: this.#trust.roots, now };
      const issued = readAnswer([held.chain, held.roots], expected);
      const life = { from: now, notAfter: issued.notAfter };
      this.#adopt({ ...issued, ...life, key: held.key, renewAt: renewalAt(life, random) });
    } catch (error) {
      onNotice(`the predecessor's certificate is not used: it ${(error as Error).message}`);
    }
  }

  #rootsChanged(): void {
    this.#secrets.setTrust(this.#trust.believed);
    this.#showForBundle();
    // Who signs may be another now as well.
    this.#renewSoon();
  }

  /** Not everybody asks in the same moment. */
  #renewSoon(): void {
    const { clock, random } = this.#options;
    this.#retryAt = clock.wall() + SPREAD_MS * random.next();
    if (this.#current !== undefined) this.#current = { ...this.#current, renewAt: 0 };
    this.#look();
  }

  // ── the trust bundle ──

  #showForBundle(): void {
    const { held } = this;
    if (held !== undefined) this.#bundles.show(held);
  }

  /** Whoever vouched for the stream vouches for what it tells. */
  #bundleTold(bundle: ToldBundle): void {
    this.#trust.tell(bundle);
    this.#secrets.setTrust(this.#trust.believed);
    if (this.#current === undefined) return;
    const { chain, from, identity, key } = this.#current;
    this.#bundles.showNext({ chain, key, roots: this.#trust.pem });
    if (this.#trust.revokes(new X509Certificate(chain))) {
      this.#options.onNotice(`the certificate of ${identity} is revoked: peers refuse it`);
      this.#disbelieved();
    } else if (!this.#trust.leadsTo(chain)) {
      this.#renewSoon();
      this.#retryAt = Math.max(this.#retryAt, from + DISBELIEVED_MS);
    }
  }

  /** Nobody takes the certificate any more: another is asked for, by a token if there is one. */
  #disbelieved(): void {
    if (this.#current === undefined || this.#asking) return;
    this.#certificateRefused = true;
    this.#retryAt = Math.max(this.#retryAt, this.#current.from + DISBELIEVED_MS);
    this.#current = { ...this.#current, renewAt: 0 };
    this.#look();
  }

  #rootsEnd(): number {
    return Math.min(...this.#trust.roots.map(({ validToDate }) => validToDate.getTime()));
  }

  /** Once for each step towards the end. */
  #warn(now: number): void {
    if (this.#current === undefined) return;
    const found = nearness(this.#current, now);
    if (found === this.#nearness) return;
    this.#nearness = found;
    const { identity } = this.#current;
    this.#options.onNotice(`the certificate of ${identity} ${this.#leftOf(now)}`);
  }

  #leftOf(now: number): string {
    const notAfter = this.#current?.notAfter ?? now;
    const end = new Date(notAfter).toISOString();
    if (notAfter <= now) return `has expired at ${end}: peers refuse it`;
    return `expires in ${formatDuration(Math.ceil((notAfter - now) / 1000) * 1000)}, at ${end}`;
  }
}

function believed(read: () => Issued): Issued {
  try {
    return read();
  } catch (error) {
    throw new Error(`the authority's answer ${(error as Error).message}`);
  }
}
