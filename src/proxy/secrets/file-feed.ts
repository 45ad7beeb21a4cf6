import { type Diagnostic, formatPosition } from "../../base/diagnostic.ts";
import {
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from "../../gen/envoy/service/discovery/v3/discovery_pb.js";
import { readDocument } from "../../xds/document/document.ts";
import { type SecretFeed, type SecretTaker, secretOf } from "./secret-feed.ts";

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

  #parse(): DiscoveryResponse | undefined {
    try {
      const text = this.#read(this.#path).toString();
      const { diagnostics, message } = readDocument(DiscoveryResponseSchema, text, this.#path);
      const [first] = diagnostics;
      if (first !== undefined) throw new Error(faultOf(first));
      return message;
    } catch (error) {
      this.#taker.onFailure((error as Error).message);
      return undefined;
    }
  }
}

/** Where, and what, unless that could be in the words of the file: it holds private keys. */
function faultOf({ message, path, position }: Diagnostic): string {
  const what = path === "" ? "cannot be read" : `${path} ${message}`;
  return `${formatPosition(position)}: ${what}`;
}
