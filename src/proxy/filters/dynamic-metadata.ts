// hot path: no allocation per request

/** JSON, as a protobuf Struct can hold it. */
export type MetadataValue =
  | null
  | boolean
  | number
  | string
  | readonly MetadataValue[]
  | { readonly [key: string]: MetadataValue };

/** A Struct: `fields` of a filter. */
export type MetadataFields = { readonly [key: string]: MetadataValue };

/** What filters say of a request to those behind them (Envoy: dynamic metadata). */
export class DynamicMetadata {
  /** Made for the first request of which anything is said. */
  #byFilter: Map<string, MetadataFields> | undefined;

  /** Joins what that filter said before; of a key the later value holds (Envoy: MergeFrom). */
  set(filter: string, fields: MetadataFields): void {
    this.#byFilter ??= new Map();
    const before = this.#byFilter.get(filter);
    this.#byFilter.set(filter, before === undefined ? fields : Object.assign({}, before, fields));
  }

  /** Adds to what that filter said before; fields of one name take each other's place. */
  merge(filter: string, fields: MetadataFields): void {
    const old = this.of(filter);
    this.set(filter, old === undefined ? fields : Object.assign({}, old, fields));
  }

  /** What one filter has said, as `envoy.filters.http.jwt_authn`. */
  of(filter: string): MetadataFields | undefined {
    return this.#byFilter?.get(filter);
  }

  /**
   * The value at a path inside what a filter has said; undefined where there is none. Names that
   * objects inherit are no fields.
   */
  at(filter: string, path: readonly string[]): MetadataValue | undefined {
    let value: MetadataValue | undefined = this.of(filter);
    for (let i = 0; i < path.length; i++) {
      if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
      const key = path[i] as string;
      if (!Object.hasOwn(value, key)) return undefined;
      value = (value as MetadataFields)[key];
    }
    return value;
  }

  reset(): void {
    if (this.#byFilter !== undefined && this.#byFilter.size > 0) this.#byFilter.clear();
  }
}
