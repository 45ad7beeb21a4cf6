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
  /** Gives the client this one. */
  write(headers: HeaderTable, address: string, clock: Clock): void;
}

export class HeaderState implements SessionState {
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

/** `envoy.Cookie`, what the value of the cookie is: the address, and when it expires. */
const ADDRESS_FIELD = 1;
const EXPIRES_FIELD = 2;

/** A cookie, which the proxy itself bounds in time as well: not every client forgets it. */
export class CookieState implements SessionState {
  readonly #form: CookieForm;

  constructor({ name, ttlMs, path }: CookieSession) {
    this.#form = { name, maxAgeS: Math.floor(ttlMs / 1000), path, attributes: [] };
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
    const value = cookieOf(headers, this.#form.name);
    if (value === "") return "";
    const bytes = decodeBase64(value);
    const text = readCookie(bytes, secondsOf(clock));
    // The older form is the address as it is.
    return text ?? bytes.toString("latin1");
  }

  write(headers: HeaderTable, address: string, clock: Clock): void {
    const { maxAgeS } = this.#form;
    const writer = new BinaryWriter().tag(ADDRESS_FIELD, WireType.LengthDelimited).string(address);
    if (maxAgeS > 0) {
      writer.tag(EXPIRES_FIELD, WireType.Varint).uint64(secondsOf(clock) + maxAgeS);
    }
    const value = Buffer.from(writer.finish()).toString("base64");
    headers.add(ID["set-cookie"], "set-cookie", setCookie(this.#form, value));
  }
}

function secondsOf(clock: Clock): number {
  return Math.floor(clock.wall() / 1000);
}

/** Empty: there is no address in it, or its time is over. Undefined: it is no such message. */
function readCookie(bytes: Uint8Array, nowS: number): string | undefined {
  const reader = new BinaryReader(bytes);
  let address = "";
  let expiresS = 0;
  try {
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === ADDRESS_FIELD && wireType === WireType.LengthDelimited) {
        address = reader.string();
      } else if (field === EXPIRES_FIELD && wireType === WireType.Varint) {
        expiresS = Number(reader.uint64());
      } else reader.skip(wireType, field);
    }
  } catch {
    return undefined;
  }
  return expiresS !== 0 && nowS > expiresS ? "" : address;
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const NOTHING = Buffer.alloc(0);

/** Nothing where it is not padded, or holds anything else. */
function decodeBase64(text: string): Buffer {
  return text.length % 4 === 0 && BASE64.test(text) ? Buffer.from(text, "base64") : NOTHING;
}
