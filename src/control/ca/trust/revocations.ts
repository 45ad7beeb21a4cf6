import { pemOf } from "../../../identity/der/pem.ts";
import { KEY_USAGE } from "../../../identity/issuing/extensions.ts";
import { signRevocationList } from "../../../identity/issuing/revocation-list.ts";
import type { Generation } from "../signing/generations.ts";
import type { StoredRevocation } from "../state/authority-state.ts";

/**
 * A list holds for so long after its making, and is made anew each day: a control plane that is
 * gone must not stop the mesh, and no certificate lives as long.
 */
const NEXT_UPDATE_MS = 30 * 86_400_000;
/** For clocks that do not agree. */
const BACKDATED_MS = 120_000;

/**
 * Lists of what is revoked, PEM: one for each authority, also where it revokes nothing, because
 * verifiers want a list of every authority of a chain once there is any (X509_V_FLAG_CRL_CHECK_ALL,
 * which Envoy sets). Empty where nothing is revoked, and where one authority's list would be
 * missing: everybody below it would be refused.
 */
export function revocationLists(
  generations: readonly Generation[],
  revoked: readonly StoredRevocation[],
  { now, number }: { readonly now: number; readonly number: number },
): string {
  if (revoked.length === 0 || !generations.every(listsReachItsRoot)) return "";
  const lists = generations.flatMap(({ stored, signing }) => {
    if (signing === undefined) return [];
    const list = {
      issuer: signing.facts.subject,
      keyIdentifier: signing.facts.keyIdentifier,
      thisUpdate: now - BACKDATED_MS,
      nextUpdate: now + NEXT_UPDATE_MS,
      number,
      revoked: revoked.filter(({ generation }) => generation === stored.id),
    };
    return [pemOf("X509 CRL", signRevocationList(list, signing.key))];
  });
  return lists.join("");
}

/** Whether lists of our own are all that is asked for of what this one has signed. */
export function listsReachItsRoot({ signing }: Generation): boolean {
  if (signing === undefined || !signsLists(signing.facts.keyUsage)) return false;
  const { certificate } = signing;
  return certificate.checkIssued(certificate);
}

function signsLists(keyUsage: number | undefined): boolean {
  return keyUsage === undefined || (keyUsage & KEY_USAGE.cRLSign) !== 0;
}
