import type { Diagnostic, Severity } from "../../base/diagnostic.ts";
import type { Labels } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";
import { isMapping, schemaCode, showFound } from "../kubernetes/fields.ts";
import {
  formatPath,
  type KubernetesObject,
  type Path,
  subjectOfObject,
} from "../kubernetes/object.ts";
import { readDuration } from "./text-rules.ts";

/** What everything below one object shares. */
export interface SpecContext {
  readonly object: KubernetesObject;
  /** `cluster.local`. */
  readonly clusterDomain: string;
  /** Where findings go. */
  readonly diagnostics: Diagnostic[];
}

/**
 * A place in an object's spec, there or not: `at` never fails, and what is absent or of another
 * type reads as undefined. Types and unknown names are `checkFields`' work, which has reported
 * them; readers report what only they can know.
 */
export class Spec {
  readonly path: Path;
  readonly #value: unknown;
  readonly #context: SpecContext;

  constructor(value: unknown, path: Path, context: SpecContext) {
    this.#value = value ?? undefined;
    this.path = path;
    this.#context = context;
  }

  /** The whole object, of which `field` is the part to read: `spec`. */
  static of(field: string, context: SpecContext): Spec {
    return new Spec(context.object.value[field], [field], context);
  }

  get object(): KubernetesObject {
    return this.#context.object;
  }

  get namespace(): string {
    return this.object.namespace;
  }

  get clusterDomain(): string {
    return this.#context.clusterDomain;
  }

  /** True where something stands there. Null counts as nothing, as for the API server. */
  get present(): boolean {
    return this.#value !== undefined;
  }

  /** As it was written. */
  json(): unknown {
    return this.#value;
  }

  /** The field of a mapping. */
  at(name: string): Spec {
    const inner = isMapping(this.#value) && Object.hasOwn(this.#value, name);
    const value = inner ? (this.#value as Record<string, unknown>)[name] : undefined;
    return new Spec(value, [...this.path, name], this.#context);
  }

  /** The entries of a list; those of null are left out. */
  items(): Spec[] {
    if (!Array.isArray(this.#value)) return [];
    return this.#value
      .map((value: unknown, index) => new Spec(value, [...this.path, index], this.#context))
      .filter((item) => item.present);
  }

  /** The entries of a mapping whose names the user chose. */
  entries(): [string, Spec][] {
    if (!isMapping(this.#value)) return [];
    return Object.keys(this.#value).map((name) => [name, this.at(name)]);
  }

  text(): string | undefined {
    return typeof this.#value === "string" ? this.#value : undefined;
  }

  texts(): string[] {
    return this.items().flatMap((item) => item.text() ?? []);
  }

  number(): number | undefined {
    return typeof this.#value === "number" ? this.#value : undefined;
  }

  integer(): number | undefined {
    return Number.isInteger(this.#value) ? this.number() : undefined;
  }

  /** A whole number from 0 on. */
  count(): number | undefined {
    const value = this.integer();
    return value !== undefined && value >= 0 ? value : undefined;
  }

  flag(): boolean | undefined {
    return typeof this.#value === "boolean" ? this.#value : undefined;
  }

  durationMs(): number | undefined {
    const text = this.text();
    const reading = text === undefined ? undefined : readDuration(text, 0);
    return reading !== undefined && "ms" in reading ? reading.ms : undefined;
  }

  /** Undefined where nothing is written. */
  labels(): Labels | undefined {
    if (!this.present) return undefined;
    return Object.fromEntries(this.entries().map(([key, value]) => [key, value.text() ?? ""]));
  }

  origin(): Origin {
    return this.object.origin(this.path);
  }

  /** An annotation of the whole object, there or not. */
  annotation(name: string): Spec {
    const path = ["metadata", "annotations", name];
    return new Spec(this.object.annotations[name], path, this.#context);
  }

  /** An error here; none where `message` is undefined. */
  refuse(message: string | undefined, allowed?: string, hint?: string): void {
    if (message === undefined) return;
    this.report("error", schemaCode(this.object), message, { allowed, hint });
  }

  /** An error about the field's name, not its value. */
  refuseKey(message: string, allowed: string, hint?: string): void {
    this.#context.diagnostics.push({
      ...this.#place(),
      code: schemaCode(this.object),
      severity: "error",
      message,
      position: this.object.keyPositionOf(this.path),
      found: String(this.path.at(-1)),
      allowed,
      hint,
    });
  }

  /** What Istio accepts with a warning. */
  doubt(message: string, hint?: string): void {
    this.report("warning", "IST0133", message, { hint });
  }

  /** Legal, but without effect here. `because` ends the sentence. */
  notExecuted(because: string, hint?: string): void {
    const message = `${this.#name()} is read but not executed: ${because}`;
    this.report("warning", "OUT0201", message, { hint });
  }

  /** Any finding, with its place. */
  report(
    severity: Severity,
    code: string,
    message: string,
    advice: { readonly allowed?: string | undefined; readonly hint?: string | undefined } = {},
  ): void {
    this.#context.diagnostics.push({
      ...this.#place(),
      code,
      severity,
      message,
      // A whole object says nothing in one line.
      found: this.path.length < 2 && this.present ? undefined : showFound(this.#value),
      allowed: advice.allowed,
      hint: advice.hint,
    });
  }

  /** The field, or the kind where the whole object is meant. */
  #name(): string {
    if (this.path.length < 2 && this.path[0] === "spec") return this.object.kind;
    return `\`${formatPath(this.path.slice(typeof this.path.at(-1) === "number" ? -2 : -1))}\``;
  }

  #place(): Pick<Diagnostic, "position" | "subject" | "path"> {
    return {
      position: this.object.positionOf(this.path),
      subject: subjectOfObject(this.object),
      path: formatPath(this.path),
    };
  }
}
