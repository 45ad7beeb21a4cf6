// hot path: no allocation per request

/** Envoy: max_outbound_control_frames. */
const CONTROL_FRAMES_MAX = 1000;
/** Envoy: max_consecutive_inbound_frames_with_empty_payload. */
const EMPTY_FRAMES_MAX = 1;
/** Envoy: max_inbound_priority_frames_per_stream. */
const PRIORITY_FRAMES_PER_STREAM = 100;
/** Envoy: max_inbound_window_update_frames_per_data_frame_sent, and what it adds to it. */
const WINDOW_UPDATES_PER_DATA_FRAME = 10;
const WINDOW_UPDATES_SPARE = 5;
/** So many premature resets are nobody's concern, whatever share of the requests they are. */
const PREMATURE_RESETS_SPARE = 100;
/** A stream that lived longer was no premature one (Envoy: premature_reset_min_stream_lifetime). */
export const PREMATURE_MS = 1000;

/** What a peer hears that does too much of something: the details of `ENHANCE_YOUR_CALM`. */
export const FLOOD = {
  emptyFrames: "empty frames in a row",
  priority: "too many PRIORITY frames",
  windowUpdates: "too many WINDOW_UPDATE frames",
  controlFrames: "the peer provokes more frames than it reads",
  resets: "too many streams are reset at once",
} as const;

/**
 * Counts what costs the peer little and this side much (RFC 9113 section 10.5), within the bounds
 * that Envoy sets by default. Each method says whether the peer may go on.
 */
export class FloodGuard {
  /** Streams opened by either side. */
  streams = 0;
  #emptyFrames = 0;
  #priorityFrames = 0;
  #windowUpdates = 0;
  #prematureResets = 0;

  /** A HEADERS, CONTINUATION or DATA frame: does it carry or end anything? */
  frame(empty: boolean): boolean {
    if (!empty) {
      this.#emptyFrames = 0;
      return true;
    }
    return ++this.#emptyFrames <= EMPTY_FRAMES_MAX;
  }

  priority(): boolean {
    return ++this.#priorityFrames <= PRIORITY_FRAMES_PER_STREAM * (1 + this.streams);
  }

  windowUpdate(dataFramesSent: number): boolean {
    const provoked = this.streams + WINDOW_UPDATES_PER_DATA_FRAME * dataFramesSent;
    return ++this.#windowUpdates <= WINDOW_UPDATES_SPARE + 2 * provoked;
  }

  /** `unsent`: frames that the peer has provoked and does not read. */
  controlFrames(unsent: number): boolean {
    return unsent <= CONTROL_FRAMES_MAX;
  }

  /**
   * A request was broken off before its answer, or for a fault of its own, which is as cheap. The
   * bound is a share of all requests: a sidecar carries many, and clients do give up.
   */
  prematureReset(): boolean {
    return ++this.#prematureResets <= PREMATURE_RESETS_SPARE + this.streams / 2;
  }
}
