import type { LocalSettings } from "../../codec/h2/settings.ts";
import { HTTP2_DEFAULTS } from "../../model/transport/http2.ts";

/**
 * Carrying: between two Outrigger sidecars, HTTP/1.1 requests and TCP connections ride as streams
 * of a few HTTP/2 connections over mTLS. It shows to nobody else: a peer that does not select this
 * ALPN id gets exactly what its configuration says.
 */
export const CARRYING_ALPN = "outrigger/1";
/**
 * The same for TCP connections. A filter chain takes the one or the other, so that bytes meant for
 * an HTTP connection manager, or requests meant for a TCP proxy, go to it as they always do.
 */
export const CARRYING_TCP_ALPN = "outrigger-tcp/1";

/**
 * The header that says what a stream carries; neither clients nor apps ever see or set it.
 * `http/1.1`: one exchange of an HTTP/1.1 connection. `tcp`: a CONNECT whose bytes are a TCP
 * connection's.
 */
export const CARRIED_HEADER = "x-outrigger-carried";

export const CARRIED_HTTP1 = "http/1.1";
export const CARRIED_TCP = "tcp";

/**
 * A carried connection may have so many bytes on their way that nobody has taken: what either end
 * has to keep for a peer that does not read, and what comes at once when it begins to.
 */
export const CARRIED_WINDOW: number = 256 * 1024;

/** A head of such a stream is its authority and one field. */
const TCP_HEAD_BYTES_MAX = 4096;
const TCP_HEADERS_MAX = 16;

/** How the side that takes carried TCP connections speaks HTTP/2. */
export const CARRIED_TCP_SETTINGS: LocalSettings = {
  headerTableSize: HTTP2_DEFAULTS.hpackTableSize,
  maxConcurrentStreams: HTTP2_DEFAULTS.maxConcurrentStreams,
  initialStreamWindowSize: CARRIED_WINDOW,
  initialConnectionWindowSize: HTTP2_DEFAULTS.initialConnectionWindowSize,
  maxHeaderListBytes: TCP_HEAD_BYTES_MAX,
  maxHeadersCount: TCP_HEADERS_MAX,
  enableConnectProtocol: false,
};
