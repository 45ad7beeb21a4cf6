import type { Any } from "@bufbuild/protobuf/wkt";
import type { Clock } from "../../base/clock.ts";
import { Slices } from "../../base/slices.ts";
import { Place, type Problem } from "../check/place.ts";
import { typeNameOf } from "../message/any.ts";
import type { ResourceType } from "../order.ts";
import { CODECS, type ResourceCodec, type ResourceModels } from "../resource.ts";

export interface Decoded<T extends ResourceType> {
  readonly models: ReadonlyMap<string, ResourceModels[T]>;
  /** Each path begins with the resource's place, as `resources[3].name`. */
  readonly problems: readonly Problem[];
}

interface Known {
  readonly bytes: Uint8Array;
  readonly model: ResourceModels[ResourceType];
}

/**
 * Decodes responses a slice at a time. A resource whose bytes did not change keeps its object, so
 * that whoever compiles it can see that by looking.
 */
export class SliceDecoder {
  readonly #slices: Slices;
  readonly #known = new Map<ResourceType, ReadonlyMap<string, Known>>();

  constructor(clock: Clock) {
    this.#slices = new Slices(clock);
  }

  async decode<T extends ResourceType>(type: T, resources: readonly Any[]): Promise<Decoded<T>> {
    const codec: ResourceCodec<T> = CODECS[type];
    const before = this.#known.get(type);
    const known = new Map<string, Known>();
    const models = new Map<string, ResourceModels[T]>();
    const problems: Problem[] = [];
    const list = new Place(problems).field("resources");
    const reusable = new Map([...(before?.values() ?? [])].map((one) => [hashOf(one.bytes), one]));
    this.#slices.begin();
    for (const [index, any] of resources.entries()) {
      const place = list.item(index);
      const same = reusable.get(hashOf(any.value));
      const model =
        same !== undefined && equal(same.bytes, any.value)
          ? (same.model as ResourceModels[T])
          : await this.#decodeOne(codec, any, place);
      if (model === undefined) continue;
      const name = codec.nameOf(model);
      if (models.has(name)) place.refuse("stands twice", name);
      models.set(name, model);
      known.set(name, { bytes: any.value, model });
    }
    if (problems.length === 0) this.#remember(type, known);
    return { models, problems };
  }

  #remember(type: ResourceType, known: ReadonlyMap<string, Known>): void {
    const whole = type === "cluster" || type === "listener";
    const before = whole ? [] : (this.#known.get(type) ?? []);
    this.#known.set(type, new Map([...before, ...known]));
  }

  async #decodeOne<T extends ResourceType>(
    codec: ResourceCodec<T>,
    any: Any,
    place: Place,
  ): Promise<ResourceModels[T] | undefined> {
    if (typeNameOf(any.typeUrl) !== typeNameOf(codec.typeUrl)) {
      place.refuse("is of another type", any.typeUrl, codec.typeUrl);
      return undefined;
    }
    return this.#slices.run(codec.decode(any.value, place));
  }
}

/** A quick look: length and FNV-1a of at most 64 bytes spread over the whole. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5 ^ bytes.length;
  const step = Math.max(1, bytes.length >> 6);
  for (let i = 0; i < bytes.length; i += step) {
    hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x01000193);
  }
  return hash >>> 0;
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && Buffer.compare(one, other) === 0;
}
