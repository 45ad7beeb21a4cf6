/** One reason why a resource is refused; printed in NACKs and, with a position, by the CLI. */
export interface Problem {
  /** `filter_chains[0].filters[0].typed_config.route_config`; protobuf's field names. */
  readonly path: string;
  readonly message: string;
  readonly found?: string | undefined;
  readonly allowed?: string | undefined;
}

const FOUND_CHARS_MAX = 80;

/**
 * Where in a message we are, and where its problems go. Paths are strings only when something is
 * wrong: a place costs one small object.
 */
export class Place {
  readonly #parent: Place | undefined;
  readonly #step: string | number;
  readonly #problems: Problem[];

  constructor(problems: Problem[], parent?: Place, step: string | number = "") {
    this.#problems = problems;
    this.#parent = parent;
    this.#step = step;
  }

  /** A field of this message, a key of this map. */
  field(name: string): Place {
    return new Place(this.#problems, this, name);
  }

  /** An element of this list. */
  item(index: number): Place {
    return new Place(this.#problems, this, index);
  }

  get path(): string {
    const before = this.#parent?.path ?? "";
    if (typeof this.#step === "number") return `${before}[${this.#step}]`;
    return before === "" ? this.#step : `${before}.${this.#step}`;
  }

  refuse(message: string, found?: unknown, allowed?: string): void {
    this.#problems.push({ path: this.path, message, found: printFound(found), allowed });
  }
}

/** A value as a user may have written it, shortened. */
export function printFound(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = JSON.stringify(value, (_, inner) =>
    typeof inner === "bigint" ? Number(inner) : inner,
  );
  if (text === undefined) return undefined;
  return text.length <= FOUND_CHARS_MAX ? text : `${text.slice(0, FOUND_CHARS_MAX - 1)}…`;
}

/** `path: message (found X; allowed Y)`, the line that a NACK carries. */
export function formatProblem(problem: Problem): string {
  const details = [
    problem.found === undefined ? "" : `found ${problem.found}`,
    problem.allowed === undefined ? "" : `allowed ${problem.allowed}`,
  ].filter((detail) => detail !== "");
  const where = problem.path === "" ? "" : `${problem.path}: `;
  return `${where}${problem.message}${details.length === 0 ? "" : ` (${details.join("; ")})`}`;
}
