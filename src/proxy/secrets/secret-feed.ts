import type { Any } from "@bufbuild/protobuf/wkt";
import type { Secret } from "../../model/transport/secret.ts";
import { formatProblem } from "../../xds/check/place.ts";
import { typeNameOf } from "../../xds/message/any.ts";
import { CODECS, decodeResource } from "../../xds/resource.ts";

/** Who wants to have one secret. */
export interface SecretTaker {
  /** Asks, or looks, for the secret. */
  onAttempt(): void;
  /** Returns why it is refused; empty where it is used now. */
  onSecret(secret: Secret, version: string): string;
  /** Something came that is no such secret. */
  onRejected(reason: string): void;
  /** Nobody answers, or what should be read cannot be read. */
  onFailure(reason: string): void;
}

/** Where one secret comes from. */
export interface SecretFeed {
  /** It may tell its taker at once. */
  start(): void;
  /** Looks again where it looks by itself: files. */
  reload(): void;
  stop(): void;
}

/**
 * The one secret of a discovery response that was asked for one. Throws an Error with Envoy's words
 * where there is another, none or several.
 */
export function secretOf(resources: readonly Any[], name: string): Secret {
  const [first] = resources;
  if (first === undefined || resources.length > 1) {
    throw new Error(`Unexpected SDS secrets length: ${resources.length}`);
  }
  const { typeUrl } = CODECS.secret;
  if (typeNameOf(first.typeUrl) !== typeNameOf(typeUrl)) {
    throw new Error(`resources[0] is of another type: ${first.typeUrl}`);
  }
  const { model, problems } = decodeResource("secret", first.value);
  if (model === undefined) throw new Error(problems.map(formatProblem).join("\n"));
  if (model.name === name) return model;
  throw new Error(`Unexpected SDS secret (expecting ${name}): ${model.name}`);
}
