import { type Document, LineCounter, type Node, parseAllDocuments, type ScalarTag } from "yaml";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { repeatedKeys } from "../../base/document/yaml-keys.ts";
import { isMapping, showFound } from "./fields.ts";
import { guessHead, NAMELESS, readHead } from "./metadata.ts";
import { formatPath, type KubernetesObject, subjectOfObject } from "./object.ts";
import { childOf, positionIn, YamlObject, type YamlSource } from "./yaml-object.ts";

/** A file's content; reading it from disk is the caller's work. */
export interface SourceFile {
  /** As it shall stand in messages. */
  readonly file: string;
  readonly text: string;
}

export interface ReadResult {
  /** In the order of the files; of objects written twice only the last. */
  readonly objects: readonly KubernetesObject[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Kubernetes stores at most 1.5 MiB an object; a file may hold many. */
export const FILE_BYTES_MAX: number = 16 * 1024 * 1024;
const DOCUMENTS_MAX = 10_000;
/** How often aliases may multiply what they stand for. */
const ALIAS_COUNT_MAX = 1000;
/** Lists in lists; a parser's stack is finite. */
const LIST_DEPTH_MAX = 4;

/** True for the files of a folder that are read: YAML and JSON. */
export function isConfigurationFile(name: string): boolean {
  return /\.(ya?ml|json)$/i.test(name);
}

/** Every object of the files; what cannot be read is an error at its place, the rest is read. */
export function readObjects(files: readonly SourceFile[]): ReadResult {
  const diagnostics: Diagnostic[] = [];
  const objects = files.flatMap((file) => readFile(file, diagnostics));
  return { objects: withoutRepeated(objects, diagnostics), diagnostics };
}

/**
 * The words that YAML 1.1, and so the Kubernetes API, takes for booleans; YAML 1.2 takes them for
 * strings. A label `enabled: yes` is refused by a real cluster.
 */
const YAML_11_BOOLEAN: ScalarTag = {
  tag: "tag:yaml.org,2002:bool",
  default: true,
  test: /^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF)$/,
  resolve: (text) => /^(?:y|yes|on)$/i.test(text),
};

/** What YAML allows nowhere outside escapes (YAML 1.2.2, section 5.1): the file is no text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL_CHARACTER = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffd]/;

/** A parser that stumbles over a binary file may quote all of it. */
const MESSAGE_LENGTH_MAX = 160;

function readFile(source: SourceFile, diagnostics: Diagnostic[]): KubernetesObject[] {
  const { file, text } = source;
  if (text.length > FILE_BYTES_MAX) {
    return giveUp(file, "The file is too large", `at most ${FILE_BYTES_MAX} bytes`, diagnostics);
  }
  const control = text.search(CONTROL_CHARACTER);
  if (control >= 0) return refuseControlCharacter(source, control, diagnostics);
  const lines = new LineCounter();
  const documents = parse(text, lines);
  if (documents === undefined) {
    return giveUp(file, "The file is nested too deeply", undefined, diagnostics);
  }
  if (documents.length > DOCUMENTS_MAX) {
    return giveUp(file, "Too many documents", `at most ${DOCUMENTS_MAX} a file`, diagnostics);
  }
  return documents.flatMap((document) => readDocument({ file, document, lines }, diagnostics));
}

function refuseControlCharacter(
  { file, text }: SourceFile,
  at: number,
  diagnostics: Diagnostic[],
): KubernetesObject[] {
  const before = text.slice(0, at).split("\n");
  const position = { file, line: before.length, column: (before.at(-1) ?? "").length + 1 };
  const code = text.charCodeAt(at).toString(16).toUpperCase().padStart(4, "0");
  diagnostics.push({
    code: "OUT0100",
    severity: "error",
    message: "YAML: The file holds bytes that are no text",
    position,
    found: code === "FFFD" ? "bytes that are not UTF-8" : `U+${code}`,
    allowed: "UTF-8 text without control characters",
  });
  return [];
}

function giveUp(
  file: string,
  message: string,
  allowed: string | undefined,
  diagnostics: Diagnostic[],
): KubernetesObject[] {
  const position = { file, line: 1, column: 1 };
  diagnostics.push({ code: "OUT0102", severity: "error", message, position, allowed });
  return [];
}

/** Undefined where the parser's stack overflows. */
function parse(text: string, lineCounter: LineCounter): readonly Document[] | undefined {
  try {
    const documents = parseAllDocuments(text, {
      lineCounter,
      merge: true,
      prettyErrors: false,
      uniqueKeys: false,
      customTags: (tags) => [YAML_11_BOOLEAN, ...tags],
    });
    return [...documents] as Document[];
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function readDocument(source: YamlSource, diagnostics: Diagnostic[]): KubernetesObject[] {
  const { document } = source;
  for (const error of document.errors) {
    diagnostics.push(syntaxError(source, error.message, error.pos[0]));
  }
  if (document.errors.length > 0 || document.contents === null) return [];
  const repeated = repeatedKeys(document);
  for (const { offset } of repeated) {
    diagnostics.push(syntaxError(source, "Map keys must be unique", offset));
  }
  if (repeated.length > 0) return [];
  try {
    const value: unknown = document.toJS({ maxAliasCount: ALIAS_COUNT_MAX });
    return readValue(source, document.contents, value, diagnostics, 0);
  } catch (error) {
    const position = positionIn(source, document.contents);
    const message = `The document cannot be expanded: ${(error as Error).message}`;
    diagnostics.push({ code: "OUT0102", severity: "error", message, position });
    return [];
  }
}

function syntaxError(source: YamlSource, text: string, offset: number): Diagnostic {
  const { line, col } = source.lines.linePos(offset);
  const position = { file: source.file, line: Math.max(line, 1), column: Math.max(col, 1) };
  const short =
    text.length > MESSAGE_LENGTH_MAX ? `${text.slice(0, MESSAGE_LENGTH_MAX - 3)}...` : text;
  return { code: "OUT0100", severity: "error", message: `YAML: ${short}`, position };
}

function readValue(
  source: YamlSource,
  node: Node,
  value: unknown,
  diagnostics: Diagnostic[],
  depth: number,
): KubernetesObject[] {
  if (value === null || value === undefined) return [];
  if (!isMapping(value)) {
    diagnostics.push({
      code: "OUT0101",
      severity: "error",
      message: "The document is not a Kubernetes object",
      position: positionIn(source, node),
      found: showFound(value),
      allowed: "a mapping with apiVersion, kind and metadata",
    });
    return [];
  }
  if (isList(value)) return readList(source, node, value, diagnostics, depth);
  const bare = new YamlObject(guessHead(value), value, source, node);
  const head = readHead(value, bare, diagnostics);
  return head === undefined ? [] : [new YamlObject(head, value, source, node)];
}

interface ListValue {
  readonly apiVersion?: unknown;
  readonly kind: string;
  readonly items: readonly unknown[];
}

/** `kind: List`, and typed lists such as `ServiceList`. */
function isList(value: Readonly<Record<string, unknown>>): value is typeof value & ListValue {
  const { kind, items } = value;
  return typeof kind === "string" && kind.endsWith("List") && Array.isArray(items);
}

/** Items of a typed list may leave out the kind that its name says. */
function readList(
  source: YamlSource,
  node: Node,
  list: ListValue,
  diagnostics: Diagnostic[],
  depth: number,
): KubernetesObject[] {
  const itemKind = list.kind.slice(0, -"List".length);
  const head = itemKind === "" ? {} : { apiVersion: list.apiVersion, kind: itemKind };
  const items = childOf(node, "items", source.document)?.value ?? node;
  if (depth >= LIST_DEPTH_MAX) {
    const message = "Lists are nested too deeply";
    const position = positionIn(source, node);
    diagnostics.push({ code: "OUT0102", severity: "error", message, position });
    return [];
  }
  return list.items.flatMap((item, index) => {
    const itemNode = childOf(items, index, source.document)?.value ?? items;
    const value = isMapping(item) ? { ...head, ...item } : item;
    return readValue(source, itemNode, value, diagnostics, depth + 1);
  });
}

/** As `kubectl apply` of the same files would end: the last one written holds. */
function withoutRepeated(
  objects: readonly KubernetesObject[],
  diagnostics: Diagnostic[],
): KubernetesObject[] {
  const last = new Map(objects.map((object) => [identityOf(object), object]));
  return objects.filter((object) => {
    const winner = last.get(identityOf(object));
    if (winner === undefined || winner === object || object.name === NAMELESS) return true;
    const { file, line } = winner.positionOf([]);
    diagnostics.push({
      code: "OUT0104",
      severity: "warning",
      message: `${subjectOfObject(object)} is written again at ${file}:${line}, which holds`,
      position: object.positionOf([]),
      subject: subjectOfObject(object),
      path: formatPath(["metadata", "name"]),
    });
    return false;
  });
}

/** The version does not count: `v1` and `v1beta1` name the same stored object. */
function identityOf(object: KubernetesObject): string {
  return `${object.group}/${object.kind}/${object.namespace}/${object.name}`;
}
