import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node } from "yaml";
import type { Position } from "../../base/diagnostic.ts";
import type { Labels } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";
import { formatPath, type KubernetesObject, type Path, RATIONALE_ANNOTATION } from "./object.ts";

/** One parsed document of a file, and how its offsets become lines. */
export interface YamlSource {
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

/** What the reader found in the object's head. */
export interface ObjectHead {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly creationTimestamp: string;
}

/** A place in the tree: the value there, and the key that leads to it. */
interface Place {
  readonly value: Node;
  readonly key: Node;
}

/** A Kubernetes object over the YAML node that it was written as. */
export class YamlObject implements KubernetesObject {
  readonly apiVersion: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly creationTimestamp: string;
  readonly value: Readonly<Record<string, unknown>>;
  readonly #source: YamlSource;
  readonly #node: Node;

  constructor(
    head: ObjectHead,
    value: Readonly<Record<string, unknown>>,
    source: YamlSource,
    node: Node,
  ) {
    const slash = head.apiVersion.indexOf("/");
    this.apiVersion = head.apiVersion;
    this.group = slash < 0 ? "" : head.apiVersion.slice(0, slash);
    this.version = head.apiVersion.slice(slash + 1);
    this.kind = head.kind;
    this.namespace = head.namespace;
    this.name = head.name;
    this.labels = head.labels;
    this.annotations = head.annotations;
    this.creationTimestamp = head.creationTimestamp;
    this.value = value;
    this.#source = source;
    this.#node = node;
  }

  positionOf(path: Path): Position {
    return positionIn(this.#source, this.#find(path).value);
  }

  keyPositionOf(path: Path): Position {
    return positionIn(this.#source, this.#find(path).key);
  }

  origin(path: Path = []): Origin {
    return {
      position: this.positionOf(path),
      kind: this.kind,
      namespace: this.namespace,
      name: this.name,
      path: formatPath(path),
      rationale: this.annotations[RATIONALE_ANNOTATION],
    };
  }

  #find(path: Path): Place {
    let place: Place = { value: this.#node, key: this.#node };
    for (const part of path) {
      const inner = childOf(place.value, part, this.#source.document);
      if (inner === undefined) return place;
      place = inner;
    }
    return place;
  }
}

/** Lines and columns of a node's first character. */
export function positionIn(source: YamlSource, node: Node): Position {
  const { line, col } = source.lines.linePos(node.range?.[0] ?? 0);
  return { file: source.file, line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** The node that an alias stands for; others stand for themselves. */
function resolveAlias(node: Node, document: Document): Node {
  return isAlias(node) ? (node.resolve(document) ?? node) : node;
}

/** The entry of a mapping or list; entries that a merge key brings in count. */
export function childOf(
  parent: Node,
  part: string | number,
  document: Document,
): Place | undefined {
  const node = resolveAlias(parent, document);
  if (isSeq(node)) {
    const item = node.items[Number(part)] as Node | undefined;
    return item === undefined ? undefined : { value: item, key: item };
  }
  if (!isMap(node)) return undefined;
  const merged: Node[] = [];
  for (const pair of node.items) {
    const key = pair.key as Node;
    const name = isScalar(key) ? key.value : undefined;
    if (String(name) === String(part)) return { value: (pair.value ?? key) as Node, key };
    if (isMergeKey(name) && pair.value !== null) merged.push(pair.value as Node);
  }
  return childOfMerged(merged, part, document);
}

function childOfMerged(
  sources: readonly Node[],
  part: string | number,
  document: Document,
): Place | undefined {
  for (const source of sources) {
    const node = resolveAlias(source, document);
    const found = isSeq(node)
      ? childOfMerged(node.items as Node[], part, document)
      : childOf(node, part, document);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isMergeKey(name: unknown): boolean {
  return name === "<<" || (typeof name === "symbol" && name.description === "<<");
}
