import {
  createRegistry,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type MessageShape,
} from "@bufbuild/protobuf";
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document as YamlDocument,
  type Node as YamlNode,
} from "yaml";
import type { Diagnostic, Position } from "../../base/diagnostic.ts";
import { repeatedKeys } from "../../base/document/yaml-keys.ts";
import { printFound } from "../check/place.ts";
import { REGISTRY, typeNameOf } from "../message/any.ts";
import { nearest } from "./nearest.ts";
import { refuseScalar } from "./scalar-kind.ts";

/** Bounds on what a file may make us build (the YAML library counts aliases itself). */
const ALIASES_MAX = 1000;
const DEPTH_MAX = 100;

export interface ReadDocument<Desc extends DescMessage> {
  /** What could be read; undefined where the file is no mapping at all. */
  readonly message: MessageShape<Desc> | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Where a field stands, by its path in protobuf's names; else its nearest parent's place. */
  positionOf(path: string): Position;
}

/**
 * Reads YAML or JSON as one protobuf message. protobuf's own JSON reader stops at the first
 * problem and knows no lines: so the document is first walked beside the message's descriptor,
 * every unknown field, wrong type and unknown enum value is reported where it stands, and only
 * what is right is handed on.
 */
export function readDocument<Desc extends DescMessage>(
  schema: Desc,
  text: string,
  file: string,
): ReadDocument<Desc> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: false, uniqueKeys: false });
  const walk = new Walk(document, lines, file);
  for (const error of document.errors) {
    walk.report("OUT0100", error.message.split("\n")[0] ?? error.message, "", error.pos[0]);
  }
  for (const { offset } of repeatedKeys(document)) {
    walk.report("OUT0100", "Map keys must be unique", "", offset);
  }
  const json = document.contents === null ? {} : walk.message(schema, document.contents, "", 0);
  const message = json === undefined ? undefined : walk.read(schema, json);
  return { message, diagnostics: walk.diagnostics, positionOf: (path) => walk.positionOf(path) };
}

class Walk {
  readonly diagnostics: Diagnostic[] = [];
  readonly #document: YamlDocument;
  readonly #lines: LineCounter;
  readonly #file: string;
  readonly #offsets = new Map<string, number>();
  #aliases = 0;

  constructor(document: YamlDocument, lines: LineCounter, file: string) {
    this.#document = document;
    this.#lines = lines;
    this.#file = file;
  }

  read<Desc extends DescMessage>(schema: Desc, json: JsonValue): MessageShape<Desc> | undefined {
    try {
      return fromJson(schema, json, { registry: createRegistry(REGISTRY) });
    } catch (error) {
      // Everything that the walk does not know of itself, such as a malformed duration.
      const reason = error instanceof Error ? error.message : String(error);
      this.report("OUT0106", reason, "", 0);
      return undefined;
    }
  }

  positionOf(path: string): Position {
    for (let known = path; known !== ""; known = parentOf(known)) {
      const offset = this.#offsets.get(known);
      if (offset !== undefined) return this.#at(offset);
    }
    return this.#at(this.#offsets.get("") ?? 0);
  }

  #at(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.#file, line: Math.max(1, line), column: Math.max(1, col) };
  }

  report(
    code: string,
    message: string,
    path: string,
    offset: number,
    more: Pick<Diagnostic, "found" | "allowed" | "hint"> = {},
  ): undefined {
    const position = this.#at(offset);
    this.diagnostics.push({ code, severity: "error", message, position, path, ...more });
    return undefined;
  }

  #refuse(message: string, path: string, node: YamlNode, allowed?: string): undefined {
    const found = printFound(this.#valueOf(node));
    return this.report("OUT0106", message, path, startOf(node), { found, allowed });
  }

  /** Undefined where aliases multiply it beyond all bounds, or lead back to itself. */
  #valueOf(node: YamlNode): unknown {
    try {
      const value: unknown = node.toJS(this.#document, { maxAliasCount: ALIASES_MAX });
      JSON.stringify(value);
      return value;
    } catch {
      return undefined;
    }
  }

  /** The node that an alias stands for. */
  #resolve(node: YamlNode): YamlNode | undefined {
    if (!isAlias(node)) return node;
    this.#aliases += 1;
    if (this.#aliases <= ALIASES_MAX) return node.resolve(this.#document);
    return this.report("OUT0102", "too many aliases", "", startOf(node));
  }

  message(
    schema: DescMessage,
    written: YamlNode,
    path: string,
    depth: number,
  ): JsonValue | undefined {
    if (!this.#offsets.has(path)) this.#offsets.set(path, startOf(written));
    const node = this.#resolve(written);
    if (node === undefined) return undefined;
    if (depth > DEPTH_MAX) {
      return this.report("OUT0102", "nested too deeply", path, startOf(node));
    }
    if (schema.typeName === "google.protobuf.Any") return this.#any(node, path, depth);
    if (schema.typeName.startsWith("google.protobuf.")) return this.#wellKnown(schema, node, path);
    return this.#fields(schema, node, path, depth, new Set());
  }

  #fields(
    schema: DescMessage,
    node: YamlNode,
    path: string,
    depth: number,
    passedOver: ReadonlySet<string>,
  ): { [key: string]: JsonValue } | undefined {
    if (!isMap(node)) return this.#refuse("is no mapping", path, node, "a mapping");
    const json: { [key: string]: JsonValue } = {};
    const oneofs = new Map<string, string>();
    for (const pair of node.items) {
      const key = pair.key as YamlNode;
      const name = String(isScalar(key) ? key.value : key);
      if (passedOver.has(name)) continue;
      const field = fieldOf(schema, name);
      const at = join(path, field?.name ?? name);
      this.#offsets.set(at, startOf(key));
      if (field === undefined) {
        this.#unknownField(schema, name, at, key);
        continue;
      }
      const value = pair.value as YamlNode | null;
      // In protobuf's JSON null is "not set".
      if (value === null || (isScalar(value) && value.value === null)) continue;
      const read = this.#field(field, value, at, depth);
      if (read === undefined) continue;
      const rival = field.oneof === undefined ? undefined : oneofs.get(field.oneof.name);
      if (rival !== undefined) {
        this.report("OUT0106", `and ${rival} exclude each other`, at, startOf(key));
        continue;
      }
      if (field.oneof !== undefined) oneofs.set(field.oneof.name, field.name);
      json[field.jsonName] = read;
    }
    return json;
  }

  #unknownField(schema: DescMessage, name: string, path: string, key: YamlNode): void {
    const near = nearest(
      name,
      schema.fields.map((field) => field.name),
    );
    const hint = near === undefined ? undefined : `did you mean ${near}?`;
    const message = `is no field of ${schema.typeName}`;
    this.report("OUT0106", message, path, startOf(key), { found: name, hint });
  }

  #field(field: DescField, node: YamlNode, path: string, depth: number): JsonValue | undefined {
    if (field.fieldKind === "list") return this.#list(field, node, path, depth);
    if (field.fieldKind === "map") return this.#map(field, node, path, depth);
    if (field.fieldKind === "message") return this.message(field.message, node, path, depth + 1);
    return this.#scalar(field, node, path);
  }

  #list(
    field: DescField & { fieldKind: "list" },
    written: YamlNode,
    path: string,
    depth: number,
  ): JsonValue | undefined {
    const node = this.#resolve(written);
    if (node === undefined) return undefined;
    if (!isSeq(node)) return this.#refuse("is no list", path, node, "a list");
    return node.items.flatMap((item, index) => {
      const at = `${path}[${index}]`;
      this.#offsets.set(at, startOf(item as YamlNode));
      const read =
        field.message === undefined
          ? this.#scalar(field, item as YamlNode, at)
          : this.message(field.message, item as YamlNode, at, depth + 1);
      return read === undefined ? [] : [read];
    });
  }

  #map(
    field: DescField & { fieldKind: "map" },
    written: YamlNode,
    path: string,
    depth: number,
  ): JsonValue | undefined {
    const node = this.#resolve(written);
    if (node === undefined) return undefined;
    if (!isMap(node)) return this.#refuse("is no mapping", path, node, "a mapping");
    const json: { [key: string]: JsonValue } = {};
    for (const pair of node.items) {
      const key = pair.key as YamlNode;
      const name = String(isScalar(key) ? key.value : key);
      const at = join(path, name);
      this.#offsets.set(at, startOf(key));
      const value = pair.value as YamlNode;
      const read =
        field.message === undefined
          ? this.#scalar(field, value, at)
          : this.message(field.message, value, at, depth + 1);
      if (read !== undefined) json[name] = read;
    }
    return json;
  }

  #scalar(field: DescField, written: YamlNode, path: string): JsonValue | undefined {
    const node = this.#resolve(written);
    if (node === undefined) return undefined;
    const value = this.#valueOf(node);
    const allowed = refuseScalar(field, value);
    if (allowed === undefined) return value as JsonValue;
    return this.#refuse("has a value of the wrong kind", path, node, allowed);
  }

  /** Wrappers, durations and structs: protobuf has a JSON form of its own for each. */
  #wellKnown(schema: DescMessage, node: YamlNode, path: string): JsonValue | undefined {
    const value = this.#valueOf(node);
    if (value === undefined) return this.report("OUT0102", "too many aliases", path, startOf(node));
    try {
      fromJson(schema, value as JsonValue);
      this.#rememberPlaces(node, path, 0);
      return value as JsonValue;
    } catch {
      return this.#refuse("has a value of the wrong kind", path, node, kindOf(schema));
    }
  }

  /** Where a struct's own fields stand: who reads them knows their names alone. */
  #rememberPlaces(node: YamlNode, path: string, depth: number): void {
    if (depth > DEPTH_MAX) return;
    if (isSeq(node)) {
      node.items.forEach((item, index) => {
        this.#rememberPlace(item as YamlNode, item as YamlNode, `${path}[${index}]`, depth);
      });
    }
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      const name = String(isScalar(key) ? key.value : key);
      this.#rememberPlace(key as YamlNode, value as YamlNode, join(path, name), depth);
    }
  }

  #rememberPlace(start: YamlNode, value: YamlNode, path: string, depth: number): void {
    this.#offsets.set(path, startOf(start));
    this.#rememberPlaces(value, path, depth + 1);
  }

  /** `"@type"` says which message stands here. */
  #any(node: YamlNode, path: string, depth: number): JsonValue | undefined {
    if (!isMap(node)) return this.#refuse("is no mapping", path, node, 'a mapping with "@type"');
    const typeUrl = node.get("@type");
    if (typeof typeUrl !== "string") {
      return this.report("OUT0106", 'has no "@type"', path, startOf(node));
    }
    const schema = REGISTRY.getMessage(typeNameOf(typeUrl));
    if (schema === undefined) return this.#unknownType(typeUrl, path, node);
    const json = this.#fields(schema, node, path, depth + 1, new Set(["@type"]));
    return json === undefined ? undefined : { "@type": typeUrl, ...json };
  }

  #unknownType(typeUrl: string, path: string, node: YamlNode): undefined {
    const names = [...REGISTRY]
      .filter((type) => type.kind === "message")
      .map((type) => type.typeName);
    const near = nearest(typeNameOf(typeUrl), names);
    this.report("OUT0202", "is an extension that Outrigger does not execute", path, startOf(node), {
      found: typeUrl,
      hint: near === undefined ? undefined : `did you mean ${near}?`,
    });
  }
}

/** `route_config` and `routeConfig` are the same field, as in protobuf's JSON. */
function fieldOf(schema: DescMessage, name: string): DescField | undefined {
  return schema.fields.find((field) => field.name === name || field.jsonName === name);
}

function kindOf(schema: DescMessage): string {
  const kind = schema.typeName.slice("google.protobuf.".length);
  if (kind === "Duration") return "a duration in seconds, as 0.25s";
  if (kind === "Struct") return "a mapping";
  return kind.replace(/Value$/, "").toLowerCase();
}

function startOf(node: YamlNode): number {
  return node?.range?.[0] ?? 0;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("."), path.lastIndexOf("[")));
}
