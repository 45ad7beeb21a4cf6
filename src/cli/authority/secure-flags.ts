import { createWriteStream } from "node:fs";
import { parseDuration } from "../../base/duration.ts";
import { isLoopback, parseIp } from "../../base/ip-address.ts";
import type { TokenReviewOptions } from "../../control/ca/callers/service-account-tokens.ts";
import type { AuditSink } from "../../control/ca/issuance/audit-log.ts";
import { givenFilesIn } from "../../control/ca/signing/given-files.ts";
import type { SecureOptions } from "../../control/running-control.ts";
import { type SocketAddress, socketAddress } from "../../model/address.ts";

/** The flags of `outrigger control` that concern its TLS port. */
export interface SecureFlags {
  readonly secure?: string;
  readonly caDir?: string;
  readonly caCerts?: string;
  readonly certLifetime?: string;
  readonly rootOverlap?: string;
  readonly hostName?: readonly string[];
  readonly tokenReview?: string;
  readonly tokenReviewFiles?: string;
  readonly federate?: readonly string[];
  readonly auditLog?: string;
}

/** Where Kubernetes puts a pod's own token, and the API server's root. */
const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const AUDIT_MODE = 0o600;

/**
 * What the flags ask for; undefined without `--secure`. Throws an Error with everything that is
 * wrong, a line each.
 */
export function secureOptions(
  flags: SecureFlags,
  say: (line: string) => void,
): SecureOptions | undefined {
  const { secure, caDir, caCerts } = flags;
  if (secure === undefined) {
    const other = Object.entries(flags).find(([, value]) => value !== undefined)?.[0];
    if (other !== undefined) throw new Error(`--${dashed(other)} needs --secure ADDRESS`);
    return undefined;
  }
  if (caDir === undefined) throw new Error("--secure needs --ca-dir FOLDER for the CA's keys");
  const problems: string[] = [];
  const options: SecureOptions = {
    address: parseListen(secure),
    caDir,
    given: caCerts === undefined ? undefined : givenFilesIn(caCerts),
    validityMs: readDuration("--cert-lifetime", flags.certLifetime, problems),
    overlapMs: readDuration("--root-overlap", flags.rootOverlap, problems),
    hostNames: flags.hostName,
    tokenReview: tokenReviewOf(flags, problems),
    federated: federatedOf(flags.federate ?? [], problems),
    audit: auditSink(flags.auditLog),
    onNotice: say,
  };
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return options;
}

/** `127.0.0.1:15010`, `[::]:15012`. Throws an Error for anything else. */
export function parseListen(text: string): SocketAddress {
  const colon = text.lastIndexOf(":");
  const port = Number(text.slice(colon + 1));
  const valid = colon > 0 && Number.isInteger(port) && port >= 0 && port <= 65_535;
  if (!valid) throw new Error(`${text} is no address such as 127.0.0.1:15010`);
  return socketAddress(text.slice(0, colon).replace(/^\[|\]$/g, ""), port);
}

/** Only programs of this machine reach it. */
export function staysHere({ host }: SocketAddress): boolean {
  const bytes = parseIp(host);
  return bytes === undefined ? host === "localhost" : bytes[0] === 127 || isLoopback(bytes);
}

function readDuration(
  flag: string,
  text: string | undefined,
  problems: string[],
): number | undefined {
  if (text === undefined) return undefined;
  const durationMs = parseDuration(text);
  if (durationMs !== undefined && durationMs >= 1000) return durationMs;
  problems.push(`${flag} ${text}: not a duration such as 24h, and at least 1s`);
  return undefined;
}

function tokenReviewOf(flags: SecureFlags, problems: string[]): TokenReviewOptions | undefined {
  const { tokenReview, tokenReviewFiles = SERVICE_ACCOUNT } = flags;
  if (tokenReview === undefined) return undefined;
  if (!/^https:\/\/[^/]+\/?$/.test(tokenReview)) {
    problems.push(`--token-review ${tokenReview}: not https://HOST[:PORT]`);
  }
  return {
    apiServer: tokenReview,
    caFile: `${tokenReviewFiles}/ca.crt`,
    tokenFile: `${tokenReviewFiles}/token`,
  };
}

function federatedOf(texts: readonly string[], problems: string[]): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const text of texts) {
    const [, trustDomain = "", file = ""] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (trustDomain === "") problems.push(`--federate ${text}: not TRUSTDOMAIN=FILE`);
    else files.set(trustDomain, file);
  }
  return files;
}

/** Lines go to a file that is appended to, or to standard error, as they are. */
function auditSink(file: string | undefined): AuditSink {
  const out =
    file === undefined
      ? process.stderr
      : createWriteStream(file, { flags: "a", mode: AUDIT_MODE }).on("error", (error) => {
          process.stderr.write(`outrigger: ${file}: ${error.message}\n`);
        });
  return (line) => void out.write(`${line}\n`);
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
