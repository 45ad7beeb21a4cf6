import { randomBytes } from "node:crypto";
import path from "node:path";
import type { ConnectRouter } from "@connectrpc/connect";
import type { Clock, Timer } from "../../base/clock.ts";
import type { WorkloadIdentity } from "../../identity/workload-identity.ts";
import type { Registry } from "../../metrics/registry.ts";
import type { Authenticator } from "./callers/authenticator.ts";
import { ClientCertificates } from "./callers/client-certificates.ts";
import { JoinTokens, leaveJoinToken } from "./callers/join-tokens.ts";
import { ServiceAccountTokens, type TokenReviewOptions } from "./callers/service-account-tokens.ts";
import {
  type AuthorityObserver,
  CertificateAuthority,
  type Revocation,
} from "./certificate-authority.ts";
import { AuditLog, type AuditSink } from "./issuance/audit-log.ts";
import { AuthorityMetrics } from "./issuance/authority-metrics.ts";
import { CertificateService, type IssuanceLimits } from "./issuance/certificate-service.ts";
import { NO_STATE } from "./signing/generations.ts";
import { type GivenFiles, readGivenFiles } from "./signing/given-files.ts";
import {
  firstGeneration,
  makeOwnRoot,
  openGenerations,
  type RootMakerOptions,
} from "./signing/opening.ts";
import type { SigningAuthority } from "./signing/signing-authority.ts";
import { StateFile } from "./state/authority-state.ts";
import { fileIdentity } from "./state/bounded-file.ts";
import { KeyFolder } from "./state/key-folder.ts";
import { Ledger } from "./state/ledger.ts";
import { ensurePrivateFolder, writePrivateFile } from "./state/private-files.ts";
import { type OperatorRequest, OperatorRequests } from "./state/requests.ts";
import { Federation } from "./trust/federation.ts";
import type { TrustBundle } from "./trust/trust-bundle.ts";

/** Names of the mesh, which configuration may change. */
export interface TrustNames {
  /** `cluster.local`. */
  readonly trustDomain: string;
  readonly aliases: readonly string[];
}

export interface MeshAuthorityOptions {
  /** Where keys, state and tokens lie; made with mode 0700 where it is not there. */
  readonly caDir: string;
  readonly names: TrustNames;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly audit: AuditSink;
  /** What an operator should read: a file that is not good any more, for instance. */
  readonly onNotice: (notice: string) => void;
  readonly given?: GivenFiles | undefined;
  /** Where a request names no lifetime; default a day. */
  readonly validityMs?: number | undefined;
  /** The longest; default: `validityMs`. */
  readonly validityMaxMs?: number | undefined;
  /** How long a new root is given out before it signs; default a day. */
  readonly overlapMs?: number | undefined;
  /** Of a root that is made here; default ten years. */
  readonly rootLifetimeMs?: number | undefined;
  readonly limits?: Partial<IssuanceLimits> | undefined;
  readonly tokenReview?: TokenReviewOptions | undefined;
  /** Files with other trust domains' roots, by trust domain. */
  readonly federated?: ReadonlyMap<string, string> | undefined;
}

const DAY_MS = 86_400_000;
const ROOT_LIFETIME_MS = 3650 * DAY_MS;
/** A root of ours with less than this left, or a quarter of its life, is followed by another. */
const ROOT_LEFT_MIN_MS = 90 * DAY_MS;
const TOKEN_LIFETIME_MS = 3_600_000;
const LOOK_MS = 5000;
const BUNDLE_FILE = "root-cert.pem";

/** The authority with everything around it: files, callers, service, log and metrics. */
export class MeshAuthority {
  readonly audit: AuditLog;
  readonly #options: MeshAuthorityOptions;
  readonly #authority: CertificateAuthority;
  readonly #ledger: Ledger;
  readonly #rootMaker: RootMakerOptions;
  readonly #tokens: JoinTokens;
  readonly #service: CertificateService;
  readonly #federation: Federation;
  readonly #requests: OperatorRequests;
  readonly #listeners = new Set<() => void>();
  #names: TrustNames;
  #bundle: TrustBundle | undefined;
  #givenMark = "";
  #rootsWritten = "";
  #open = false;
  #timer: Timer | undefined;

  /** Throws an Error where the folder's files, or the user's, cannot be used. */
  constructor(options: MeshAuthorityOptions) {
    const { caDir, clock, names, onNotice } = options;
    this.#options = options;
    this.#names = names;
    this.audit = new AuditLog(clock, options.audit);
    ensurePrivateFolder(caDir);
    this.#ledger = new Ledger(caDir, clock.wall());
    this.#rootMaker = {
      keys: new KeyFolder(caDir),
      trustDomain: names.trustDomain,
      lifetimeMs: options.rootLifetimeMs ?? ROOT_LIFETIME_MS,
      clock,
      randomBytes,
    };
    this.#federation = new Federation({
      files: options.federated ?? new Map(),
      clock,
      onChange: () => this.#trustChanged(),
      onNotice,
    });
    try {
      this.#authority = this.#openAuthority();
    } catch (error) {
      this.#federation.stop();
      void this.#ledger.close();
      throw error;
    }
    this.#tokens = new JoinTokens(caDir, clock);
    this.#service = this.#openService();
    this.#requests = new OperatorRequests(caDir, clock, {
      onRequest: (request) => this.#carryOut(request),
      onNotice,
    });
    this.#open = true;
    this.#trustChanged();
    this.#lookLater();
  }

  /** Changes of it are told of by `onTrustChange`. */
  get bundle(): TrustBundle {
    this.#bundle ??= {
      trustDomain: this.#names.trustDomain,
      roots: this.#authority.roots,
      aliases: this.#names.aliases,
      federated: this.#federation.roots,
      crl: this.#authority.lists,
    };
    return this.#bundle;
  }

  /** For the control plane's own servers. */
  get authority(): CertificateAuthority {
    return this.#authority;
  }

  /** Calls back after the bundle, or what is signed with, changed. Returns what ends that. */
  onTrustChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  isOwnTrustDomain(name: string): boolean {
    return name === this.#names.trustDomain || this.#names.aliases.includes(name);
  }

  register(router: ConnectRouter): void {
    this.#service.register(router);
  }

  /** The mesh has another name from now on, or others beside it. */
  setNames(names: TrustNames): void {
    if (JSON.stringify(names) === JSON.stringify(this.#names)) return;
    this.#names = names;
    this.#trustChanged();
  }

  /** A token for one certificate of this identity; default: good for an hour. */
  joinToken(identity: WorkloadIdentity, lifetimeMs: number = TOKEN_LIFETIME_MS): string {
    const expiresAt = this.#options.clock.wall() + lifetimeMs;
    return leaveJoinToken(this.#options.caDir, { identity, expiresAt }, randomBytes);
  }

  /** Returns the serials that hold no more. */
  revoke(revocation: Revocation): readonly string[] {
    return this.#authority.revoke(revocation).map(({ serial }) => serial);
  }

  /** Makes another root, which signs after the overlap. Throws where the user brings the root. */
  rotateRoot(): void {
    if (this.#options.given !== undefined) {
      throw new Error("the signing certificate is the user's: put other files in its place");
    }
    this.#authority.announce("own", makeOwnRoot(this.#rootMaker));
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#requests.stop();
    this.#federation.stop();
    this.#authority.stop();
    await this.#ledger.close();
  }

  #openAuthority(): CertificateAuthority {
    const { caDir, clock, validityMs = DAY_MS, validityMaxMs, overlapMs } = this.#options;
    const { keys } = this.#rootMaker;
    const file = new StateFile(caDir);
    const stored = file.read();
    const given = this.#readGiven();
    const state = stored ?? NO_STATE;
    const make = (): SigningAuthority => makeOwnRoot(this.#rootMaker);
    const opened = openGenerations(state, keys, given);
    const generations = opened.length > 0 ? opened : [firstGeneration(given, make, clock.wall())];
    if (stored === undefined) {
      file.write({ ...state, generations: generations.map((each) => each.stored) });
    }
    const authority = new CertificateAuthority(generations, state, {
      clock,
      randomBytes,
      validityMs,
      validityMaxMs: validityMaxMs ?? validityMs,
      overlapMs: overlapMs ?? DAY_MS,
      ledger: this.#ledger,
      save: (next) => {
        file.write(next);
        keys.keepOnly(next.generations.map(({ id }) => id));
      },
      observer: this.#observer(),
    });
    if (given !== undefined) authority.announce("given", given);
    else if (generations.at(-1)?.signing === undefined) authority.announce("own", make());
    return authority;
  }

  #openService(): CertificateService {
    const { clock, registry, limits, tokenReview } = this.#options;
    const authority = this.#authority;
    const authenticators: readonly Authenticator[] = [
      this.#tokens,
      ...(tokenReview === undefined ? [] : [new ServiceAccountTokens(tokenReview)]),
      new ClientCertificates(clock, (serial) => authority.isRevoked(serial)),
    ];
    return new CertificateService({
      authority,
      trustDomain: () => this.#names.trustDomain,
      authenticators,
      clock,
      audit: this.audit,
      observer: new AuthorityMetrics(registry, authority),
      ...(limits === undefined ? {} : { limits }),
    });
  }

  #observer(): AuthorityObserver {
    const tell = (event: "root_announced" | "root_signs" | "root_retired", id: string): void => {
      this.audit.write({ event, serial: id });
    };
    return {
      trustChanged: () => this.#trustChanged(),
      announced: ({ id }) => tell("root_announced", id),
      signs: ({ id }) => {
        tell("root_signs", id);
        this.#trustChanged();
      },
      retired: ({ id }) => tell("root_retired", id),
      revoked: ({ serial, identity }) => {
        this.audit.write({ event: "certificate_revoked", serial, identity });
      },
    };
  }

  #trustChanged(): void {
    this.#bundle = undefined;
    // While the constructor runs there is no authority yet, and nobody who listens.
    if (!this.#open) return;
    const { roots } = this.bundle;
    if (roots !== this.#rootsWritten) {
      writePrivateFile(path.join(this.#options.caDir, BUNDLE_FILE), roots);
      this.#rootsWritten = roots;
    }
    for (const listener of this.#listeners) listener();
  }

  #carryOut(request: OperatorRequest): void {
    const { onNotice } = this.#options;
    try {
      if (request.kind === "rotate") return this.rotateRoot();
      const serials = this.revoke(request.what);
      onNotice(`${serials.length} certificates are revoked`);
    } catch (error) {
      onNotice(`not done: ${(error as Error).message}`);
    }
  }

  #readGiven(): SigningAuthority | undefined {
    const { given, clock } = this.#options;
    if (given === undefined) return undefined;
    this.#givenMark = marksOf(given);
    return readGivenFiles(given, clock.wall());
  }

  #lookLater(): void {
    this.#timer = this.#options.clock.after(LOOK_MS, () => {
      this.#look();
      this.#lookLater();
    });
  }

  /** Files that the user replaced; tokens that nobody fetched; a root that grows old. */
  #look(): void {
    const { given, clock, onNotice } = this.#options;
    this.#tokens.sweep();
    const newest = this.#authority.generations.at(-1);
    const left = (newest?.signing?.facts.notAfter ?? 0) - clock.wall();
    const enough = Math.min(ROOT_LEFT_MIN_MS, this.#rootMaker.lifetimeMs / 4);
    if (given === undefined && left < enough) this.rotateRoot();
    if (given === undefined || marksOf(given) === this.#givenMark) return;
    try {
      const signing = this.#readGiven();
      if (signing !== undefined) this.#authority.announce("given", signing);
    } catch (error) {
      onNotice(`the last good signing certificate stays: ${(error as Error).message}`);
    }
  }
}

function marksOf(files: GivenFiles): string {
  return [files.key, files.certificate, files.chain, files.root].map(fileIdentity).join(" ");
}
