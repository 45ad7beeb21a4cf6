import type { AuthorityState, StoredGeneration } from "../state/authority-state.ts";
import type { SigningAuthority } from "./signing-authority.ts";

/** A signing certificate, of now, of the past, or to come. */
export interface Generation {
  readonly stored: StoredGeneration;
  /** Undefined where its key is not here any more: it signs nothing, and is still trusted. */
  readonly signing: SigningAuthority | undefined;
}

/** How the beginning of a certificate's SHA-256 names a generation. */
const ID_CHARS = 16;

export function generationId(signing: SigningAuthority): string {
  return signing.facts.sha256.slice(0, ID_CHARS);
}

export function newGeneration(
  kind: StoredGeneration["kind"],
  signing: SigningAuthority,
  signsFrom: number,
): Generation {
  const { certificate, roots } = signing;
  const id = generationId(signing);
  return { stored: { id, kind, certificate: certificate.toString(), roots, signsFrom }, signing };
}

/** The one that signs now: the newest whose time has come, of those whose key is here. */
export function signerOf(generations: readonly Generation[], now: number): Generation | undefined {
  const able = generations.filter(({ signing }) => signing !== undefined);
  return able.findLast(({ stored }) => stored.signsFrom <= now) ?? able[0];
}

/** Those that still matter: who signs, who will, and who signed something that has not run out. */
export function livingGenerations(
  generations: readonly Generation[],
  signer: Generation | undefined,
  inUse: ReadonlySet<string>,
): readonly Generation[] {
  const from = signer?.stored.signsFrom ?? 0;
  return generations.filter(
    (each) => each === signer || each.stored.signsFrom > from || inUse.has(each.stored.id),
  );
}

/** All roots, each once, PEM. */
export function rootsOf(generations: readonly Generation[]): readonly string[] {
  return [...new Set(generations.flatMap(({ stored }) => stored.roots))];
}

export const NO_STATE: AuthorityState = { generations: [], revoked: [], listNumber: 0 };
