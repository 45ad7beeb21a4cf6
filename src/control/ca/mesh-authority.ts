import { randomBytes } from "node:crypto";
import path from "node:path";
import type { ConnectRouter } from "@connectrpc/connect";
import type { Clock } from "../../base/clock.ts";
import type { WorkloadIdentity } from "../../identity/workload-identity.ts";
import type { Registry } from "../../metrics/registry.ts";
import { ClientCertificates } from "./callers/client-certificates.ts";
import { JoinTokens, leaveJoinToken } from "./callers/join-tokens.ts";
import { CertificateAuthority } from "./certificate-authority.ts";
import { AuditLog, type AuditSink } from "./issuance/audit-log.ts";
import { AuthorityMetrics } from "./issuance/authority-metrics.ts";
import { CertificateService, type IssuanceLimits } from "./issuance/certificate-service.ts";
import { makeRoot, ownAuthority } from "./signing/own-root.ts";
import { ensurePrivateFolder, readPrivateFile, writePrivateFile } from "./state/private-files.ts";

export interface MeshAuthorityOptions {
  /** Where keys, state and tokens lie; made with mode 0700 where it is not there. */
  readonly caDir: string;
  readonly trustDomain: string;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly audit: AuditSink;
  /** Where a request names no lifetime; default a day. */
  readonly validityMs?: number;
  /** The longest; default a day. */
  readonly validityMaxMs?: number;
  readonly limits?: Partial<IssuanceLimits>;
}

const DAY_MS = 86_400_000;
const ROOT_LIFETIME_MS = 3650 * DAY_MS;
const TOKEN_LIFETIME_MS = 3_600_000;

/** The authority with everything around it: files, callers, service, log and metrics. */
export class MeshAuthority {
  readonly authority: CertificateAuthority;
  readonly audit: AuditLog;
  readonly #options: MeshAuthorityOptions;
  readonly #service: CertificateService;

  /** Throws an Error where the folder's files cannot be used. */
  constructor(options: MeshAuthorityOptions) {
    const { caDir, clock, registry, trustDomain, validityMs = DAY_MS } = options;
    this.#options = options;
    ensurePrivateFolder(caDir);
    const signing = ownAuthority(openRoot(caDir, trustDomain, clock));
    this.authority = new CertificateAuthority(signing, {
      clock,
      trustDomain,
      randomBytes,
      validityMs,
      validityMaxMs: options.validityMaxMs ?? Math.max(DAY_MS, validityMs),
    });
    this.audit = new AuditLog(clock, options.audit);
    const isRevoked = (): boolean => false;
    this.#service = new CertificateService({
      authority: this.authority,
      authenticators: [new JoinTokens(caDir, clock), new ClientCertificates(clock, isRevoked)],
      clock,
      audit: this.audit,
      observer: new AuthorityMetrics(registry, {
        rootNotAfter: () => signing.facts.notAfter,
        signingNotAfter: () => signing.facts.notAfter,
        revoked: () => 0,
      }),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    });
  }

  register(router: ConnectRouter): void {
    this.#service.register(router);
  }

  /** A token for one certificate of this identity; default: good for an hour. */
  joinToken(identity: WorkloadIdentity, lifetimeMs: number = TOKEN_LIFETIME_MS): string {
    const expiresAt = this.#options.clock.wall() + lifetimeMs;
    return leaveJoinToken(this.#options.caDir, { identity, expiresAt }, randomBytes);
  }
}

/** The root of the folder; the first start makes it. */
function openRoot(
  folder: string,
  trustDomain: string,
  clock: Clock,
): { readonly certificate: string; readonly key: string } {
  const files = { certificate: path.join(folder, "root.pem"), key: path.join(folder, "root.key") };
  const certificate = readPrivateFile(files.certificate);
  const key = readPrivateFile(files.key);
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  const now = clock.wall();
  const made = makeRoot({ trustDomain, now, lifetimeMs: ROOT_LIFETIME_MS, randomBytes });
  writePrivateFile(files.key, made.key);
  writePrivateFile(files.certificate, made.certificate);
  return made;
}
