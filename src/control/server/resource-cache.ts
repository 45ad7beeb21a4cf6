import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import type { EncodeFor } from "../../xds/message/flavor.ts";
import { RESOURCE_TYPES, type ResourceType } from "../../xds/order.ts";
import { CODECS, type ResourceCodec } from "../../xds/resource.ts";
import type { Snapshot } from "./snapshot-source.ts";

/** One resource as it goes over the wire. */
export interface EncodedResource {
  readonly any: Any;
  /** A hash of the bytes: the same content is the same version, whoever made it. */
  readonly version: string;
}

/** A snapshot's resources of one type, by name. */
export interface EncodedSet {
  readonly resources: ReadonlyMap<string, EncodedResource>;
  readonly versions: ReadonlyMap<string, string>;
}

export type EncodedSnapshot = Readonly<Record<ResourceType, EncodedSet>>;

const VERSION_CHARS = 16;

const FIELDS = {
  cluster: "clusters",
  endpoint: "endpoints",
  listener: "listeners",
  route: "routes",
  secret: "secrets",
} as const;

/**
 * Encodings, each made once: by model object, so that a snapshot that shares objects with the one
 * before costs only what changed, and that many proxies may share a cluster.
 */
export class ResourceCache {
  readonly #encoded: Readonly<Record<EncodeFor, WeakMap<object, EncodedResource>>> = {
    outrigger: new WeakMap(),
    envoy: new WeakMap(),
  };
  readonly #snapshots: Readonly<Record<EncodeFor, WeakMap<Snapshot, EncodedSnapshot>>> = {
    outrigger: new WeakMap(),
    envoy: new WeakMap(),
  };

  encode(snapshot: Snapshot, target: EncodeFor): EncodedSnapshot {
    const known = this.#snapshots[target].get(snapshot);
    if (known !== undefined) return known;
    const sets = RESOURCE_TYPES.map((type) => [type, this.#encodeSet(type, snapshot, target)]);
    const encoded = Object.fromEntries(sets) as EncodedSnapshot;
    this.#snapshots[target].set(snapshot, encoded);
    return encoded;
  }

  #encodeSet(type: ResourceType, snapshot: Snapshot, target: EncodeFor): EncodedSet {
    // Each field holds the models of its own codec; the pairing is lost on the compiler.
    const codec = CODECS[type] as ResourceCodec<ResourceType>;
    const models = (snapshot[FIELDS[type]] ?? []) as readonly Parameters<typeof codec.nameOf>[0][];
    const resources = new Map<string, EncodedResource>();
    for (const model of models) {
      resources.set(codec.nameOf(model), this.#encodeOne(codec, model, target));
    }
    const versions = new Map([...resources].map(([name, { version }]) => [name, version]));
    return { resources, versions };
  }

  #encodeOne(
    codec: ResourceCodec<ResourceType>,
    model: Parameters<typeof codec.nameOf>[0],
    target: EncodeFor,
  ): EncodedResource {
    const known = this.#encoded[target].get(model);
    if (known !== undefined) return known;
    const value = codec.encode(model, target);
    const version = createHash("sha256").update(value).digest("hex").slice(0, VERSION_CHARS);
    const encoded = { any: create(AnySchema, { typeUrl: codec.typeUrl, value }), version };
    this.#encoded[target].set(model, encoded);
    return encoded;
  }
}
