import { TABLE_SIZE_DEFAULT } from "../hpack/decoder.ts";

/** What this side announces and holds the peer to. Sizes in bytes. */
export interface LocalSettings {
  /** The HPACK table that the peer's encoder may use. */
  readonly headerTableSize: number;
  /** Streams that the peer may have open at once; of a client: that it opens at most. */
  readonly maxConcurrentStreams: number;
  readonly initialStreamWindowSize: number;
  /** At least 65,535, which is what a connection begins with. */
  readonly initialConnectionWindowSize: number;
  /** Names, values and 32 bytes a field (RFC 9113 section 6.5.2). */
  readonly maxHeaderListBytes: number;
  /** Fields of one head or of trailers. */
  readonly maxHeadersCount: number;
  /** Server: extended CONNECT is understood (RFC 8441). */
  readonly enableConnectProtocol: boolean;
  /**
   * Messages are HTTP/1.1's and become that again, so they stay as they are: cookies are not
   * joined, and a chunked body that is empty ends behind its head, not with it. Default false.
   */
  readonly verbatim?: boolean;
}

/** Envoy's defaults, as far as it has some. */
export const DEFAULT_SETTINGS: LocalSettings = {
  headerTableSize: 4096,
  maxConcurrentStreams: 1024,
  initialStreamWindowSize: 16 * 1024 * 1024,
  initialConnectionWindowSize: 24 * 1024 * 1024,
  maxHeaderListBytes: 60 * 1024,
  maxHeadersCount: 100,
  enableConnectProtocol: false,
};

export const WINDOW_MAX = 0x7fff_ffff;
/** Every window's size until SETTINGS say otherwise (RFC 9113 section 6.9.2). */
export const WINDOW_AT_FIRST = 65_535;
/** Frames of this payload every peer must take; larger ones are neither sent nor taken. */
export const FRAME_BYTES_MAX = 16_384;

export const HEADER_TABLE_SIZE = 0x1;
export const ENABLE_PUSH = 0x2;
export const MAX_CONCURRENT_STREAMS = 0x3;
export const INITIAL_WINDOW_SIZE = 0x4;
export const MAX_FRAME_SIZE = 0x5;
export const MAX_HEADER_LIST_SIZE = 0x6;
export const ENABLE_CONNECT_PROTOCOL = 0x8;
/** What MAX_FRAME_SIZE may be at most. */
export const FRAME_BYTES_LIMIT = 0xff_ffff;

/** What this side says to the peer; values that are the protocol's own defaults are left out. */
export function announced(
  settings: LocalSettings,
  server: boolean,
): readonly (readonly [number, number])[] {
  const pairs: [number, number][] = [];
  if (settings.headerTableSize !== TABLE_SIZE_DEFAULT) {
    pairs.push([HEADER_TABLE_SIZE, settings.headerTableSize]);
  }
  if (server) pairs.push([MAX_CONCURRENT_STREAMS, settings.maxConcurrentStreams]);
  else pairs.push([ENABLE_PUSH, 0]);
  if (settings.initialStreamWindowSize !== WINDOW_AT_FIRST) {
    pairs.push([INITIAL_WINDOW_SIZE, settings.initialStreamWindowSize]);
  }
  pairs.push([MAX_HEADER_LIST_SIZE, settings.maxHeaderListBytes]);
  if (server && settings.enableConnectProtocol) pairs.push([ENABLE_CONNECT_PROTOCOL, 1]);
  return pairs;
}
