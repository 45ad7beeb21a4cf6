import type { Clock } from "../../../base/clock.ts";
import type { AuthorityState, StoredGeneration } from "../state/authority-state.ts";
import type { KeyFolder } from "../state/key-folder.ts";
import { type Generation, generationId, newGeneration } from "./generations.ts";
import { makeRoot, ownAuthority } from "./own-root.ts";
import type { RandomBytes, SigningAuthority } from "./signing-authority.ts";

export interface RootMakerOptions {
  readonly keys: KeyFolder;
  readonly trustDomain: string;
  readonly lifetimeMs: number;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
}

/** A new root of the mesh's own, its key on the disk already. */
export function makeOwnRoot(options: RootMakerOptions): SigningAuthority {
  const { keys, trustDomain, lifetimeMs, clock, randomBytes } = options;
  const pair = makeRoot({ trustDomain, now: clock.wall(), lifetimeMs, randomBytes });
  const signing = ownAuthority(pair);
  keys.write(generationId(signing), pair.key);
  return signing;
}

/**
 * The generations of a state with the keys that are here. `given`: what the user brings now.
 * Throws an Error where the newest one is ours and its key is gone.
 */
export function openGenerations(
  { generations }: AuthorityState,
  keys: KeyFolder,
  given: SigningAuthority | undefined,
): readonly Generation[] {
  const newest = generations.at(-1);
  return generations.map((stored) => {
    if (given !== undefined && generationId(given) === stored.id) return { stored, signing: given };
    if (stored.kind === "given") return { stored, signing: undefined };
    return { stored, signing: ownSigning(stored, keys, stored === newest) };
  });
}

function ownSigning(
  stored: StoredGeneration,
  keys: KeyFolder,
  needed: boolean,
): SigningAuthority | undefined {
  const key = keys.read(stored.id);
  if (key === undefined && needed) {
    throw new Error(`${keys.fileOf(stored.id)}, the key of the mesh's root, is gone`);
  }
  if (key === undefined) return undefined;
  try {
    return ownAuthority({ certificate: stored.certificate, key });
  } catch (error) {
    throw new Error(`${keys.fileOf(stored.id)}: ${(error as Error).message}`);
  }
}

/** The first generation of a mesh. */
export function firstGeneration(
  given: SigningAuthority | undefined,
  make: () => SigningAuthority,
  now: number,
): Generation {
  if (given !== undefined) return newGeneration("given", given, now);
  return newGeneration("own", make(), now);
}
