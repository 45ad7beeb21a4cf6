import type { MetadataValue } from "../filters/dynamic-metadata.ts";
import type { MakeOperator } from "./operators.ts";

/** A value that is JSON itself: in a JSON log it stands as it is, elsewhere as its text. */
export class JsonText {
  readonly json: string;

  constructor(json: string) {
    this.json = json;
  }

  toString(): string {
    return this.json;
  }
}

const NO_ASCII = /[^\x20-\x7e]/g;

/** `%DYNAMIC_METADATA(NAMESPACE:KEY*)%`: what filters have said of a request or a connection. */
export const dynamicMetadata: MakeOperator = (argument) => {
  const [namespace = "", ...path] = argument.split(":");
  if (namespace === "") return "DYNAMIC_METADATA takes a namespace and keys: NAMESPACE:KEY:KEY";
  return (source) => {
    const value = source.dynamicMetadata()?.at(namespace, path);
    if (value === undefined) return undefined;
    if (typeof value === "string") return Buffer.from(value).toString("latin1");
    return typeof value === "number" ? value : new JsonText(jsonOf(value));
  };
};

/** On one line of printable ASCII, with its keys sorted, as Envoy does. */
function jsonOf(value: MetadataValue): string {
  return JSON.stringify(value, sorted).replaceAll(NO_ASCII, escapeOne);
}

function sorted(_: string, value: MetadataValue): MetadataValue {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function escapeOne(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
