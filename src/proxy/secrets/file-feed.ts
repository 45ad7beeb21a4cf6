import { type ResponseFile, readResponseFile, secretOf } from "../../xds/secret-response.ts";
import type { SecretFeed, SecretTaker } from "./secret-feed.ts";

/**
 * A secret in a file that holds a DiscoveryResponse, in YAML or JSON (Envoy: path_config_source,
 * FilesystemSubscriptionImpl).
 */
export class FileFeed implements SecretFeed {
  readonly #path: string;
  readonly #name: string;
  readonly #taker: SecretTaker;
  readonly #read: (path: string) => Buffer;

  /** `read` throws an Error that names the file. */
  constructor(path: string, name: string, taker: SecretTaker, read: (path: string) => Buffer) {
    this.#path = path;
    this.#name = name;
    this.#taker = taker;
    this.#read = read;
  }

  start(): void {
    this.reload();
  }

  reload(): void {
    this.#taker.onAttempt();
    const response = this.#parse();
    if (response === undefined) return;
    try {
      const secret = secretOf(response.resources, this.#name);
      this.#taker.onSecret(secret, response.versionInfo);
    } catch (error) {
      this.#taker.onRejected((error as Error).message);
    }
  }

  stop(): void {
    // Nothing runs between two readings.
  }

  #parse(): ResponseFile | undefined {
    try {
      return readResponseFile(this.#read(this.#path).toString(), this.#path);
    } catch (error) {
      this.#taker.onFailure((error as Error).message);
      return undefined;
    }
  }
}
