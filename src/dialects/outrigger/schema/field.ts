import { type FieldTable, fieldTable } from "../../kubernetes/field-table.ts";

/**
 * What a field of our own kinds may hold: the one table that the reader reads by, and that the
 * published CustomResourceDefinition is made from.
 */
export type Field =
  | ObjectField
  | ListField
  | IntegerField
  | BooleanField
  | WordField
  | TextField
  | DurationField
  | BytesField
  | StatusesField
  | HeadersField;

interface Described {
  /** Sentences for `kubectl explain`. */
  readonly description: string;
}

export interface ObjectField<Name extends string = string> extends Described {
  readonly type: "object";
  readonly properties: Readonly<Record<Name, Field>>;
  readonly required?: readonly NoInfer<Name>[];
  readonly rules?: readonly Rule<NoInfer<Name>>[];
  /** Left out as a whole it is as `{}`, so that its fields' defaults hold. */
  readonly isFilledIn?: boolean;
}

/** Which fields of an object go together. */
export type Rule<Name extends string = string> =
  | { readonly kind: "exactlyOne"; readonly names: readonly Name[] }
  | { readonly kind: "excludes"; readonly name: Name; readonly others: readonly Name[] };

export interface ListField extends Described {
  readonly type: "list";
  readonly items: Field;
  readonly minItems?: number;
  readonly maxItems: number;
  readonly default?: readonly string[];
}

export interface IntegerField extends Described {
  readonly type: "integer";
  readonly min: number;
  readonly max: number;
  readonly default?: number;
}

export interface BooleanField extends Described {
  readonly type: "boolean";
  readonly default: boolean;
}

export interface WordField extends Described {
  readonly type: "word";
  readonly words: readonly string[];
  readonly default?: string;
}

export interface TextField extends Described {
  readonly type: "text";
  /** Left out: none. */
  readonly minLength?: number;
  /** UTF-8 bytes. */
  readonly maxBytes: number;
  readonly pattern?: RegExp;
  /** In words, what the pattern means. */
  readonly allowed?: string;
  readonly default?: string;
}

/** Gateway API's (GEP-2257): `1h30m`, `250ms`. Bounds in milliseconds. */
export interface DurationField extends Described {
  readonly type: "duration";
  readonly min: number;
  readonly max: number;
  readonly default?: string;
}

/** A number of bytes, or a text as `64Ki` and `1Mi`. */
export interface BytesField extends Described {
  readonly type: "bytes";
  readonly min: number;
  readonly max: number;
  readonly default?: string;
}

/** `5xx`, `503` or `500-504`. */
export interface StatusesField extends Described {
  readonly type: "statuses";
}

/** Names and values of headers that an answer may have. */
export interface HeadersField extends Described {
  readonly type: "headers";
  readonly maxProperties: number;
}

export const DURATION: RegExp = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;
export const BYTES: RegExp = /^[0-9]{1,9}(Ki|Mi)?$/;
export const STATUSES: RegExp = /^[1-5](xx|[0-9]{2}(-[1-5][0-9]{2})?)$/;

/** For `Fields`: every field of the schema is executed. */
export function tableOf<Name extends string>(schema: ObjectField<Name>): FieldTable<Name> {
  return fieldTable({ executed: Object.keys(schema.properties) as Name[] });
}
