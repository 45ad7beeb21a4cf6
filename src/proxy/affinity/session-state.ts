// hot path: no allocation per request
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Clock } from "../../base/clock.ts";
import { ID } from "../../codec/http/header-name.ts";
import type { HeaderTable } from "../../codec/http/header-table.ts";
import type { CookieSession, HeaderSession } from "../../model/filter/stateful-session.ts";
import type { RequestHead } from "../route/request-head.ts";
import { type CookieForm, cookieOf, setCookie } from "./cookie.ts";

/** Where a client keeps the address of its endpoint. Both ways are Envoy's. */
export interface SessionState {
  /** False: a request to there has no session. */
  matches(path: string): boolean;
  /** The address, `10.0.0.7:8080`; empty where the client has none, or none that is valid. */
  read(request: RequestHead, clock: Clock): string;
  /** When the session that was read last ends in any case, seconds since 1970; 0: never. */
  readonly endsAtS: number;
  /** The client gets it anew with every answer. */
  readonly refreshes: boolean;
  /** Gives the client this one. `endsAtS`: of the session that goes on; 0: it is a new one. */
  write(headers: HeaderTable, address: string, clock: Clock, endsAtS: number): void;
}

export class HeaderState implements SessionState {
  readonly endsAtS = 0;
  readonly refreshes = false;
  readonly #name: string;

  constructor({ name }: HeaderSession) {
    this.#name = name;
  }

  matches(): boolean {
    return true;
  }

  read({ headers }: RequestHead): string {
    const index = headers.findName(this.#name);
    return index < 0 ? "" : decodeBase64(headers.value(index)).toString("latin1");
  }

  write(headers: HeaderTable, address: string): void {
    const index = headers.findName(this.#name);
    if (index >= 0) headers.removeName(this.#name);
    headers.addName(this.#name, Buffer.from(address, "latin1").toString("base64"));
  }
}

/**
 * `envoy.Cookie`, what the value of the cookie is: the address, and when it expires. Of our own:
 * when it is over unless it is used.
 */
const ADDRESS_FIELD = 1;
const EXPIRES_FIELD = 2;
const IDLE_FIELD = 3;

/** Of the cookie that was read last: it is looked at before another is. */
const found = { address: "", endsAtS: 0, idleAtS: 0 };

/** A cookie, which the proxy itself bounds in time as well: not every client forgets it. */
export class CookieState implements SessionState {
  endsAtS = 0;
  readonly refreshes: boolean;
  readonly #form: CookieForm;
  /** Whole seconds; 0: none. */
  readonly #idleS: number;
  readonly #absoluteS: number;

  constructor({ absoluteMs = 0, idleMs = 0, name, path, ttlMs }: CookieSession) {
    this.#form = { name, maxAgeS: Math.floor(ttlMs / 1000), path, attributes: [] };
    this.#idleS = Math.ceil(idleMs / 1000);
    this.#absoluteS = absoluteMs === 0 ? this.#form.maxAgeS : Math.ceil(absoluteMs / 1000);
    this.refreshes = this.#idleS > 0;
  }

  /** As browsers match a cookie's path (RFC 6265 section 5.1.4), query included. */
  matches(target: string): boolean {
    const { path } = this.#form;
    if (!target.startsWith(path)) return false;
    if (path === "" || path.endsWith("/") || target.length === path.length) return true;
    const next = target.charCodeAt(path.length);
    return next === 0x2f || next === 0x3f || next === 0x23;
  }

  read({ headers }: RequestHead, clock: Clock): string {
    this.endsAtS = 0;
    const value = cookieOf(headers, this.#form.name);
    if (value === "") return "";
    const bytes = decodeBase64(value);
    // The older form is the address as it is.
    if (!readCookie(bytes)) return bytes.toString("latin1");
    const nowS = secondsOf(clock);
    if (isOver(found.endsAtS, nowS) || isOver(found.idleAtS, nowS)) return "";
    // Without it the session would not end by itself: such a cookie is not ours.
    if (this.refreshes && found.idleAtS === 0) return "";
    this.endsAtS = found.endsAtS;
    return found.address;
  }

  write(headers: HeaderTable, address: string, clock: Clock, endsAtS: number): void {
    const nowS = secondsOf(clock);
    const endS = endsAtS > 0 || this.#absoluteS === 0 ? endsAtS : nowS + this.#absoluteS;
    const writer = new BinaryWriter().tag(ADDRESS_FIELD, WireType.LengthDelimited).string(address);
    if (endS > 0) writer.tag(EXPIRES_FIELD, WireType.Varint).uint64(endS);
    if (this.#idleS > 0) writer.tag(IDLE_FIELD, WireType.Varint).uint64(nowS + this.#idleS);
    const value = Buffer.from(writer.finish()).toString("base64");
    headers.add(ID["set-cookie"], "set-cookie", setCookie(this.#formUntil(endS, nowS), value));
  }

  /** A browser keeps a session that goes on for the rest of its time. */
  #formUntil(endS: number, nowS: number): CookieForm {
    const { attributes, maxAgeS, name, path } = this.#form;
    if (!this.refreshes || maxAgeS === 0) return this.#form;
    return { name, maxAgeS: Math.max(1, endS - nowS), path, attributes };
  }
}

function isOver(endS: number, nowS: number): boolean {
  return endS !== 0 && nowS > endS;
}

function secondsOf(clock: Clock): number {
  return Math.floor(clock.wall() / 1000);
}

/** Into `found`; false: it is no such message. */
function readCookie(bytes: Uint8Array): boolean {
  const reader = new BinaryReader(bytes);
  found.address = "";
  found.endsAtS = 0;
  found.idleAtS = 0;
  try {
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === ADDRESS_FIELD && wireType === WireType.LengthDelimited) {
        found.address = reader.string();
      } else if (field === EXPIRES_FIELD && wireType === WireType.Varint) {
        found.endsAtS = Number(reader.uint64());
      } else if (field === IDLE_FIELD && wireType === WireType.Varint) {
        found.idleAtS = Number(reader.uint64());
      } else reader.skip(wireType, field);
    }
  } catch {
    return false;
  }
  return true;
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const NOTHING = Buffer.alloc(0);

/** Nothing where it is not padded, or holds anything else. */
function decodeBase64(text: string): Buffer {
  return text.length % 4 === 0 && BASE64.test(text) ? Buffer.from(text, "base64") : NOTHING;
}
