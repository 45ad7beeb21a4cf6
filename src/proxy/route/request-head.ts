// hot path: no allocation per request
import type { HeaderTable } from "../../codec/http/header-table.ts";

/** A request as routes see it and as it goes upstream. One an exchange, reused. */
export class RequestHead {
  method = "";
  /** `http` or `https`. */
  scheme = "http";
  authority = "";
  /** Path and query. */
  path = "";
  headers: HeaderTable;
  #queryAt = -2;

  constructor(headers: HeaderTable) {
    this.headers = headers;
  }

  setPath(path: string): void {
    this.path = path;
    this.#queryAt = -2;
  }

  /** The path without query. */
  get pathname(): string {
    const at = this.#findQuery();
    return at < 0 ? this.path : this.path.slice(0, at);
  }

  /** What follows the question mark; undefined where there is none. */
  get query(): string | undefined {
    const at = this.#findQuery();
    return at < 0 ? undefined : this.path.slice(at + 1);
  }

  /** A header's value, several joined by commas; also `:method`, `:path`, `:authority`. */
  header(name: string): string | undefined {
    if (name.charCodeAt(0) !== 0x3a) return this.headers.joined(name);
    if (name === ":method") return this.method;
    if (name === ":authority") return this.authority;
    if (name === ":scheme") return this.scheme;
    return name === ":path" ? this.path : undefined;
  }

  #findQuery(): number {
    if (this.#queryAt === -2) this.#queryAt = this.path.indexOf("?");
    return this.#queryAt;
  }
}
