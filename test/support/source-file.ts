/** The repository's own source, read and parsed once, for the tests that hold the house rules. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";

export const ROOT: string = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** A node of the syntax tree, as the ESTree names its fields. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** From the repository's root, for a relative import; otherwise the specifier. */
  readonly target: string;
  readonly line: number;
  readonly typeOnly: boolean;
}

/** Paths from the repository's root of all files that git knows or would take. */
export function trackedFiles(): string[] {
  const args = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
  const names = execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).split("\0");
  return names.filter((name) => name !== "" && fs.existsSync(path.join(ROOT, name)));
}

export class SourceFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  readonly program: SyntaxNode;

  constructor(name: string) {
    this.path = name;
    this.text = fs.readFileSync(path.join(ROOT, name), "utf8");
    const { program, errors } = parseSync(name, this.text);
    if (errors.length > 0) throw new Error(`${name}: ${errors[0]?.message}`);
    this.program = program as unknown as SyntaxNode;
    this.imports = this.#imports();
  }

  get isTest(): boolean {
    return this.path.endsWith(".test.ts") || this.path.startsWith("test/");
  }

  /** `path:line`, which editors open. */
  at(node: SyntaxNode): string {
    return `${this.path}:${this.lineOf(node.start)}`;
  }

  /** The line of an offset, from 1. */
  lineOf(offset: number): number {
    return this.text.slice(0, offset).split("\n").length;
  }

  linesOf(node: SyntaxNode): number {
    return this.lineOf(node.end) - this.lineOf(node.start) + 1;
  }

  /** Static imports, re-exports and dynamic imports of a literal. */
  #imports(): Import[] {
    const found: Import[] = [];
    visit(this.program, (node) => {
      const source = node.source as SyntaxNode | null | undefined;
      const specifier = source?.value;
      if (!/^(Import|Export)/.test(node.type) || typeof specifier !== "string") return;
      const relative = specifier.startsWith(".");
      const target = relative ? path.posix.join(path.dirname(this.path), specifier) : specifier;
      const line = this.lineOf(node.start);
      found.push({ specifier, target, line, typeOnly: isTypeOnly(node) });
    });
    return found;
  }
}

function isTypeOnly(node: SyntaxNode): boolean {
  return node.importKind === "type" || node.exportKind === "type";
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

/** Calls `enter` for every node, parents first; `ancestors` ends with the direct parent. */
export function visit(
  node: SyntaxNode,
  enter: (node: SyntaxNode, ancestors: readonly SyntaxNode[]) => void,
  ancestors: readonly SyntaxNode[] = [],
): void {
  enter(node, ancestors);
  const below = [...ancestors, node];
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) visit(child, enter, below);
    }
  }
}

/** Every TypeScript file of the folders, parsed. */
export function readSources(...folders: readonly string[]): SourceFile[] {
  return trackedFiles()
    .filter((name) => folders.some((folder) => name.startsWith(`${folder}/`)))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => new SourceFile(name));
}
