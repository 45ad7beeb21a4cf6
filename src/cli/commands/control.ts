import type { AccessToken } from "../../base/access-token.ts";
import { formatDiagnostic } from "../../base/diagnostic.ts";
import type { JwksAccess } from "../../control/jwks/guarded-fetch.ts";
import { startControl } from "../../control/main.ts";
import type { RunningControl, SecureOptions } from "../../control/running-control.ts";
import { formatAddress } from "../../model/address.ts";
import { caFolderProblem } from "../authority/ca-folder.ts";
import { type JwksFlags, jwksAccess } from "../authority/jwks-access.ts";
import {
  parseListen,
  type SecureFlags,
  secureOptions,
  staysHere,
} from "../authority/secure-flags.ts";
import { readTokenFile } from "../token-file.ts";
import { type Say, standardError } from "../voice.ts";

const REFUSED_STATUS = 2;

export interface ControlFlags extends SecureFlags, JwksFlags {
  /** An address, or `none`. */
  readonly ads: string;
  readonly http: string;
  readonly httpTokenFile?: string;
}

/** Runs the control plane until it is told to end. Exits with 2 where the YAML has errors. */
export async function controlCommand(
  paths: readonly string[],
  { ads, http, ...flags }: ControlFlags,
): Promise<void> {
  const say = standardError();
  const { httpToken, jwks, secure } = readFlags(paths, { ads, ...flags }, say);
  const started = await startControl({
    paths,
    ...(ads === "none" ? {} : { adsAddress: parseListen(ads) }),
    httpAddress: parseListen(http),
    httpAccess: { token: httpToken },
    ...(secure === undefined ? {} : { secure }),
    jwks,
  });
  if (started.kind === "refused") {
    for (const diagnostic of started.diagnostics) say(formatDiagnostic(diagnostic));
    process.exit(REFUSED_STATUS);
  }
  const { control } = started;
  for (const diagnostic of control.diagnostics) say(formatDiagnostic(diagnostic));
  if (ads !== "none") sayPlain(say, control);
  if (control.security !== undefined) {
    say(`ADS and certificates, with TLS, on ${formatAddress(control.security.address)}`);
    say(`roots in ${flags.caDir}/root-cert.pem; outrigger token makes join tokens`);
  }
  say(`HTTP on http://${formatAddress(control.httpAddress)}`);
  control.onChange(({ diagnostics, accepted }) => {
    for (const diagnostic of diagnostics) say(formatDiagnostic(diagnostic));
    say(accepted ? "configuration read anew" : "the last good configuration stays");
  });
  control.onFinding((found) => {
    for (const diagnostic of found) say(formatDiagnostic(diagnostic));
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void control.stop().then(() => process.exit(0)));
  }
}

interface ReadFlags {
  readonly httpToken: AccessToken | undefined;
  readonly secure: SecureOptions | undefined;
  readonly jwks: JwksAccess;
}

/** Exits with 2 where they are wrong. */
function readFlags(
  paths: readonly string[],
  { ads, ...flags }: Omit<ControlFlags, "http">,
  say: Say,
): ReadFlags {
  try {
    const misplaced = flags.caDir === undefined ? undefined : caFolderProblem(flags.caDir, paths);
    if (misplaced !== undefined) throw new Error(misplaced);
    const httpToken = readTokenFile("--http-token-file", flags.httpTokenFile);
    const jwks = jwksAccess(flags);
    const secure = secureOptions(flags, say);
    if (ads !== "none" || secure !== undefined) return { httpToken, jwks, secure };
    throw new Error("--ads none needs --secure ADDRESS");
  } catch (error) {
    for (const line of (error as Error).message.split("\n")) say(line);
    process.exit(REFUSED_STATUS);
  }
}

/** Nobody is asked who they are there. */
function sayPlain(say: Say, { adsAddress }: RunningControl): void {
  say(`ADS on ${formatAddress(adsAddress)}`);
  if (staysHere(adsAddress)) return;
  say(
    "that port is in plaintext and asks nobody who they are: whoever reaches it reads the " +
      "configuration of every pod, and opens the mesh's circuits for all; --secure has one that " +
      "asks, and --ads none closes this one",
  );
}
