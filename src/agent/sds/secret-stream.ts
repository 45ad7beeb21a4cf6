import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import type { Secret } from "../../model/transport/secret.ts";
import type { DataSource } from "../../model/transport/tls.ts";
import { CODECS } from "../../xds/resource.ts";
import { ServerSubscription, type SubscriptionRequest } from "../../xds/stream/subscription.ts";
import { CERTIFICATE_SECRET, ROOTS_SECRET, type SecretSource } from "../workload-secrets.ts";

/** What there is to ask for. Whatever else is named is nobody's. */
const SERVED: readonly string[] = [CERTIFICATE_SECRET, ROOTS_SECRET];

/** One response, ready to be sent. */
export interface SecretPush {
  readonly version: string;
  readonly nonce: string;
  readonly resources: readonly Any[];
}

/** What a request came to. */
export interface Received {
  /** Those among its names that nobody has, where they are new on this stream. */
  readonly unknown: readonly string[];
  readonly refused: boolean;
}

/** One Envoy's stream without its socket. */
export class SecretStream {
  readonly #secrets: SecretSource;
  readonly #subscription = new ServerSubscription(false);
  #unknown: ReadonlySet<string> = new Set();

  constructor(secrets: SecretSource) {
    this.#secrets = secrets;
  }

  /** Takes a request in. Call `pump` afterwards. */
  receive(request: SubscriptionRequest): Received {
    const known = request.resourceNames.filter((name) => SERVED.includes(name));
    const others = new Set(request.resourceNames.filter((name) => !SERVED.includes(name)));
    const unknown = [...others].filter((name) => !this.#unknown.has(name));
    this.#unknown = others;
    const verdict = this.#subscription.receive({ ...request, resourceNames: known });
    return { unknown, refused: verdict === "nack" };
  }

  /** What may be sent now; undefined: nothing. */
  pump(): SecretPush | undefined {
    const secrets = SERVED.flatMap((name) => this.#secrets.current(name) ?? []);
    const versions = new Map(secrets.map((secret) => [secret.name, versionOf(secret)]));
    const push = this.#subscription.next(versions);
    if (push === undefined) return undefined;
    return {
      nonce: push.nonce,
      version: push.names.map((name) => versions.get(name)).join("-"),
      resources: secrets.filter(({ name }) => push.names.includes(name)).map(encode),
    };
  }
}

/** The secrets of these names, as they are now. */
export function encodeSecrets(secrets: SecretSource, names: readonly string[]): SecretPush {
  const found = SERVED.flatMap((name) =>
    names.includes(name) ? (secrets.current(name) ?? []) : [],
  );
  return {
    nonce: "",
    version: found.map(versionOf).join("-"),
    resources: found.map(encode),
  };
}

function encode(secret: Secret): Any {
  const { typeUrl, encode: bytesOf } = CODECS.secret;
  return create(AnySchema, { typeUrl, value: bytesOf(secret, "envoy") });
}

/** Of what is public in it: Envoy shows versions to whoever asks. */
function versionOf(secret: Secret): string {
  const text =
    secret.kind === "certificate"
      ? textOf(secret.certificate.certificateChain)
      : JSON.stringify(secret.validation);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function textOf(source: DataSource | undefined): string {
  return source?.kind === "inline" ? source.text : "";
}
