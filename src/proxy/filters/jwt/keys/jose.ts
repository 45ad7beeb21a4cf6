type Jose = typeof import("jose");

let loaded: Promise<Jose> | undefined;

/** Proxies without tokens to verify never load it. */
export function loadJose(): Promise<Jose> {
  loaded ??= import("jose");
  return loaded;
}
