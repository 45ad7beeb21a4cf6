// hot path: no allocation per request
import type { CompiledRoute } from "../compiled-route.ts";
import type { RequestHead } from "../request-head.ts";
import { Candidates } from "./candidates.ts";

/** Spells a text together with all nodes above it. */
class TrieNode {
  parent: TrieNode | undefined;
  text: string;
  /** By the first character of their texts. */
  readonly children: Map<number, TrieNode> = new Map();
  candidates: Candidates | undefined;

  constructor(parent: TrieNode | undefined, text: string) {
    this.parent = parent;
    this.text = text;
    parent?.children.set(text.charCodeAt(0), this);
  }
}

/**
 * Routes by what their paths begin with.
 *
 * ```
 *   ""  ──┬── "/items/"                  a route stands at the node that spells what its path must
 *         └── "/" ──── "users"           begin with; a request meets it on its way down
 * ```
 */
export class PathTrie {
  readonly #root = new TrieNode(undefined, "");

  /** Those whose paths begin with this text. */
  at(text: string): Candidates {
    let node = this.#root;
    let at = 0;
    while (at < text.length) {
      const child = node.children.get(text.charCodeAt(at));
      node = child === undefined ? new TrieNode(node, text.slice(at)) : entered(child, text, at);
      at += node.text.length;
    }
    node.candidates ??= new Candidates();
    return node.candidates;
  }

  /** The position of the first that matches among those that `path` leads to; else `before`. */
  first(
    path: string,
    routes: readonly CompiledRoute[],
    request: RequestHead,
    before: number,
  ): number {
    let node = this.#root;
    let at = 0;
    for (;;) {
      const next = node.children.get(path.charCodeAt(at));
      if (next === undefined || !path.startsWith(next.text, at)) break;
      at += next.text.length;
      node = next;
    }
    // From the longest text up: what is most particular usually stands first.
    let best = before;
    for (let one: TrieNode | undefined = node; one !== undefined; one = one.parent) {
      if (one.candidates !== undefined) best = one.candidates.first(routes, request, best);
    }
    return best;
  }
}

/** The child as far as it spells the text from `at` on; what else it spells goes below. */
function entered(child: TrieNode, text: string, at: number): TrieNode {
  let common = 1;
  const most = Math.min(child.text.length, text.length - at);
  while (common < most && child.text.charCodeAt(common) === text.charCodeAt(at + common)) common++;
  if (common === child.text.length) return child;
  const above = new TrieNode(child.parent, child.text.slice(0, common));
  child.parent = above;
  child.text = child.text.slice(common);
  above.children.set(child.text.charCodeAt(0), child);
  return above;
}
