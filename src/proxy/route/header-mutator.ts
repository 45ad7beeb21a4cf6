import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { HeaderAction, HeaderMutations } from "../../model/route.ts";
import type { FormatSource } from "../format/source.ts";
import { compileTemplate, type Template } from "../format/template.ts";

interface Mutation {
  readonly name: string;
  readonly value: Template;
  readonly action: HeaderAction;
}

/** Headers to add, set and remove at one level, compiled (Envoy: HeaderParser). */
export class HeaderMutator {
  readonly #mutations: readonly Mutation[];
  readonly #remove: readonly string[];

  constructor({ set, remove }: HeaderMutations) {
    this.#mutations = set.map(({ name, value, action }) => ({
      name,
      action,
      value: compileTemplate(value),
    }));
    this.#remove = remove;
  }

  get empty(): boolean {
    return this.#mutations.length === 0 && this.#remove.length === 0;
  }

  /** Removals first, then additions, as Envoy's evaluateHeaders. */
  apply(headers: HeaderTable, source: FormatSource): void {
    for (const name of this.#remove) if (!isProtected(name)) headers.removeName(name);
    for (const { name, value, action } of this.#mutations) {
      const text = value.format(source);
      if (text === "" && !value.constant) continue;
      applyHeader(headers, name, text, action);
    }
  }
}

/** Sets, adds or leaves one header, as Envoy's HeaderAppendAction says. */
export function applyHeader(
  headers: HeaderTable,
  name: string,
  value: string,
  action: HeaderAction,
): void {
  const present = headers.findName(name) >= 0;
  if (action === "append" || (action === "addIfAbsent" && !present)) headers.addName(name, value);
  else if (action === "overwrite" || (action === "overwriteIfExists" && present)) {
    headers.setName(name, value);
  }
}

/** What frames and addresses a message is not for configuration to remove. */
function isProtected(name: string): boolean {
  return name === "host" || name === "content-length" || name === "transfer-encoding";
}

/** The levels of a route from the inside out, those without mutations left out. */
export function mutatorsOf(levels: readonly HeaderMutations[]): readonly HeaderMutator[] {
  return levels.map((level) => new HeaderMutator(level)).filter((mutator) => !mutator.empty);
}
