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
 * Lists of what is revoked, PEM: one for each authority that can sign one, also where it revokes
 * nothing, because verifiers want a list of every issuer once there is any (OpenSSL's
 * X509_V_FLAG_CRL_CHECK). Empty where nothing is revoked.
 */
export function revocationLists(
  generations: readonly Generation[],
  revoked: readonly StoredRevocation[],
  { now, number }: { readonly now: number; readonly number: number },
): string {
  if (revoked.length === 0) return "";
  const lists = generations.flatMap(({ stored, signing }) => {
    if (signing === undefined || !signsLists(signing.facts.keyUsage)) return [];
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

function signsLists(keyUsage: number | undefined): boolean {
  return keyUsage === undefined || (keyUsage & KEY_USAGE.cRLSign) !== 0;
}
