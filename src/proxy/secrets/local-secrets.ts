import type { Secret } from "../../model/transport/secret.ts";

/**
 * Secrets of a program that runs this proxy, as those of the agent in the same process. They answer
 * for every secret that a `cluster` source is asked for, in that cluster's place.
 */
export interface LocalSecrets {
  /** Undefined where there is none of this name, or none yet. */
  current(name: string): Secret | undefined;
  /**
   * The listener hears the name of each secret that came, was replaced or went away, after
   * `current` answers with it; what comes back ends that.
   */
  onChange(listener: (name: string) => void): () => void;
}
