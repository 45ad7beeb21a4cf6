// hot path: no allocation per request
import type { FieldSink } from "../../hpack/decoder.ts";
import {
  AUTHORITY,
  MALFORMED,
  METHOD,
  PATH,
  PROTOCOL,
  PSEUDO,
  SCHEME,
  STATUS,
} from "../../hpack/field-id.ts";
import { parseContentLength } from "../../http/content-length.ts";
import { ID } from "../../http/header-name.ts";
import { HeaderTable } from "../../http/header-table.ts";
import type { LocalSettings } from "../settings.ts";

/** Each field counts so much besides its text (RFC 9113 section 6.5.2). */
const FIELD_OVERHEAD = 32;

/** How a field is treated; 0 for most. */
const FORBIDDEN = 1;
const DROPPED = 2;
const SPECIAL = 3;
const treatments = new Uint8Array(256);
// RFC 9113 section 8.2.2; the two with an underscore are taken for others by careless parsers.
for (const name of [
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "content_length",
  "transfer_encoding",
] as const) {
  treatments[ID[name]] = FORBIDDEN;
}
treatments[ID["http2-settings"]] = DROPPED;
for (const name of ["te", "host", "content-length", "cookie"] as const) {
  treatments[ID[name]] = SPECIAL;
}

/** Pseudo-header fields as bits of `seen`. */
export const SEEN_METHOD: number = 1 << 0;
export const SEEN_SCHEME: number = 1 << (SCHEME - PSEUDO);
export const SEEN_AUTHORITY: number = 1 << (AUTHORITY - PSEUDO);
export const SEEN_PATH: number = 1 << (PATH - PSEUDO);
export const SEEN_STATUS: number = 1 << (STATUS - PSEUDO);
export const SEEN_PROTOCOL: number = 1 << (PROTOCOL - PSEUDO);

/** `malformed`: RFC 9113 section 8.1.1. `tooLarge`: beyond our own settings. */
export type BlockVerdict = "fine" | "malformed" | "tooLarge";

const NOWHERE = new HeaderTable();

/**
 * What a header block holds, while it is being decoded: fields go straight into a message's table,
 * pseudo-header fields stand here. What holds for every block is checked here, the rest by the
 * message.
 */
export class FieldBlock implements FieldSink {
  verdict: BlockVerdict = "fine";
  /** Which pseudo-header fields there are. */
  seen = 0;
  method = "";
  scheme = "";
  authority = "";
  path = "";
  status = "";
  protocol = "";
  /** The value of Host; `:authority` or it stands in the table as `host`. */
  host = "";
  hasHost = false;
  contentLength = -1;
  headers: HeaderTable = NOWHERE;
  readonly #bytesMax: number;
  readonly #countMax: number;
  readonly #joinsCookies: boolean;
  #bytes = 0;
  #count = 0;

  constructor(settings: LocalSettings) {
    this.#bytesMax = settings.maxHeaderListBytes;
    this.#countMax = settings.maxHeadersCount;
    this.#joinsCookies = settings.verbatim !== true;
  }

  /** Begins a block whose fields go into `headers`. */
  begin(headers: HeaderTable): void {
    headers.reset();
    this.headers = headers;
    this.verdict = "fine";
    this.seen = 0;
    this.hasHost = false;
    this.contentLength = -1;
    this.#bytes = 0;
    this.#count = 0;
  }

  /** Begins a block that nobody wants: the tables of HPACK have to go along with it. */
  beginDiscarded(): void {
    this.begin(NOWHERE);
    this.verdict = "malformed";
  }

  field(id: number, name: string, value: string, neverIndexed: boolean): boolean {
    if (this.verdict !== "fine") return false;
    this.#bytes += name.length + value.length + FIELD_OVERHEAD;
    if (this.#bytes > this.#bytesMax) return this.#refuse("tooLarge");
    if (id >= PSEUDO) return this.#pseudo(id, value);
    const treatment = treatments[id] as number;
    const goesOn =
      treatment === 0 ? this.#add(id, name, value) : this.#treat(treatment, id, name, value);
    if (neverIndexed && goesOn) this.#markSecret(id);
    return goesOn;
  }

  /** The field came last, or as a crumb of the one cookie; Host and others are not there. */
  #markSecret(id: number): void {
    const { headers } = this;
    const index = id === ID.cookie && this.#joinsCookies ? headers.find(id) : headers.count - 1;
    if (index >= 0 && headers.id(index) === id) headers.markSecret(index);
  }

  #add(id: number, name: string, value: string): boolean {
    if (++this.#count > this.#countMax) return this.#refuse("tooLarge");
    this.headers.add(id, name, value);
    return true;
  }

  /** Before all other fields, each once (RFC 9113 section 8.3). */
  #pseudo(id: number, value: string): boolean {
    const bit = 1 << (id - PSEUDO);
    if (id === MALFORMED || this.#count > 0 || (this.seen & bit) !== 0) {
      return this.#refuse("malformed");
    }
    this.seen |= bit;
    if (id === METHOD) this.method = value;
    else if (id === PATH) this.path = value;
    else if (id === SCHEME) this.scheme = value;
    else if (id === STATUS) this.status = value;
    else if (id === AUTHORITY) this.authority = value;
    else this.protocol = value;
    return true;
  }

  #treat(treatment: number, id: number, name: string, value: string): boolean {
    if (treatment === FORBIDDEN) return this.#refuse("malformed");
    if (treatment === DROPPED) {
      this.#count++;
      return true;
    }
    switch (id) {
      case ID.host:
        return this.#takeHost(value);
      case ID["content-length"]:
        if (this.contentLength >= 0) return this.#refuse("malformed");
        this.contentLength = parseContentLength(value);
        if (this.contentLength < 0) return this.#refuse("malformed");
        return this.#add(id, name, value);
      case ID.cookie:
        return this.#takeCookie(value);
      default:
        return value === "trailers" ? this.#add(id, name, value) : this.#refuse("malformed");
    }
  }

  #takeHost(value: string): boolean {
    if (this.hasHost) return this.#refuse("malformed");
    this.hasHost = true;
    this.host = value;
    this.#count++;
    return true;
  }

  /** A cookie may come in crumbs, to compress better (RFC 9113 section 8.2.3). */
  #takeCookie(value: string): boolean {
    const before = this.#joinsCookies ? this.headers.get(ID.cookie) : undefined;
    if (before === undefined) return this.#add(ID.cookie, "cookie", value);
    // An empty crumb would leave a blank at an end of the value.
    if (value !== "") this.headers.set(ID.cookie, before === "" ? value : `${before}; ${value}`);
    return true;
  }

  #refuse(verdict: BlockVerdict): false {
    this.verdict = verdict;
    return false;
  }
}
