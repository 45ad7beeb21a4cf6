import { randomBytes } from "node:crypto";
import { systemClock } from "../../base/clock.ts";
import { leaveRequest, type OperatorRequest } from "../../control/ca/state/requests.ts";
import { parseWorkloadIdentity } from "../../identity/workload-identity.ts";
import { ensureThere } from "./token.ts";

const ID_BYTES = 8;

/** Asks the control plane that uses this folder for another root. */
export function rotateCommand({ caDir }: { readonly caDir: string }): void {
  leave(caDir, { kind: "rotate" });
}

/** Asks it to revoke one certificate, or all of an identity. Throws an Error for anything else. */
export function revokeCommand(text: string, { caDir }: { readonly caDir: string }): void {
  const identity = parseWorkloadIdentity(text);
  if (identity !== undefined) return leave(caDir, { kind: "revoke", what: { identity } });
  const serial = text.replaceAll(":", "").toLowerCase();
  if (!/^[0-9a-f]{1,40}$/.test(serial)) {
    throw new Error(`${text}: not NAMESPACE/SERVICEACCOUNT and not a serial number`);
  }
  leave(caDir, { kind: "revoke", what: { serial } });
}

function leave(caDir: string, request: OperatorRequest): void {
  ensureThere(caDir);
  const id = randomBytes(ID_BYTES).toString("hex");
  leaveRequest(caDir, request, { now: systemClock.wall(), id });
  process.stderr.write("outrigger: asked; the control plane's log tells what came of it\n");
}
